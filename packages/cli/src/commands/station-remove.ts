/** `quadrille station remove`: takes a station out for good. */
import { Faults } from '@quadrille/record';
import { ledgerCodec, retire } from '@quadrille/station';
import { type Command, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { operator } from '../line.ts';
import { formatOf, printRows, toJson } from '../print/output.ts';
import { planRemoval } from '../removal.ts';
import { withServers } from '../servers.ts';

export const stationRemove: Command = {
  path: 'station remove',
  summary: 'take a station out of a flow for good',
  description:
    'For after its instances were stopped and its entry was taken out of the flow file. Its consumer groups are deleted; where they stood is written into the ledger, so that what the station had done goes on counting. Its dead letters, and the topics that it read and wrote, stay. Refused while records wait for it or its dead letters are open.',
  arguments: [
    ['FLOW', 'folder of the flow file; may be left out where the flow runs in this folder'],
    ['[STATION]', 'name of the station; need not stand in the flow file any more'],
  ],
  options: [
    ['--accept-waiting', 'also while records or replays wait for it: it will not judge them'],
    ['--accept-open', 'also while dead letters of it are open: they can no longer be replayed'],
    ['--delete-topics', 'delete its replay topic, and an extractor’s positions, with what stands in them'],
    ['--reason <text>', 'why; stands in the ledger'],
    ['--execute', 'do it; without, only the plan is shown'],
  ],
  lists: true,
  examples: ['station remove flows/flights archive', 'station remove flows/flights archive --execute'],
  run: async (context, words, options) => {
    const [first, second] = words;
    const path = flowPath(context, second === undefined ? undefined : first);
    const station = second ?? first ?? '';
    const execute = options.execute === true;
    return withServers(context, async (servers) => {
      const { removal, holdings, deleteTopics, obstacles } = await planRemoval(context, servers, path, station, {
        waiting: options.acceptWaiting === true,
        open: options.acceptOpen === true,
        deleteTopics: options.deleteTopics === true,
      });
      if (execute && obstacles.length > 0) throw new Faults(obstacles);
      if (execute) {
        ledgerCodec.id ??= await servers.registry.idOf(ledgerCodec.subject, ledgerCodec.text);
        const reason = text(options, 'reason');
        const by = operator(context);
        await retire(
          servers.kafka,
          servers.admin,
          holdings,
          reason === undefined ? by : `${by}: ${reason}`,
          deleteTopics,
        );
      }
      const format = formatOf(options);
      if (format === 'json' || format === 'jsonl') context.out(`${toJson({ ...removal, removed: execute })}\n`);
      else
        printRows(
          context,
          options,
          [
            { name: 'NAME', of: (step) => step.name },
            { name: 'ACTION', of: (step) => step.action },
            { name: 'WHAT', of: (step) => step.what },
          ],
          removal.steps,
        );
      if (removal.inFlowFile)
        context.err(`the flow file still names ${station}: take it out, or the next \`quadrille up\` starts it again`);
      for (const fault of execute ? [] : obstacles) context.err(fault.format());
      context.err(execute ? `${removal.flow}.${station} is removed` : 'nothing was changed; --execute does it');
      return !execute && obstacles.length > 0 ? EXIT.findings : EXIT.done;
    });
  },
};
