/** `quadrille flow reconcile`: does every edge and every station of a flow add up? */
import { readFlow } from '@quadrille/flow';
import { Fault, LEDGER_TOPIC } from '@quadrille/record';
import { takePicture } from '@quadrille/station';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { formatOf, toJson } from '../print/output.ts';
import { edgeTable, stationTable, verdictLines } from '../print/reconciliation.ts';
import { withServers } from '../servers.ts';

export const flowReconcile: Command = {
  path: 'flow reconcile',
  summary: 'reconcile every edge and station of a flow, now',
  description:
    'Exact also while the flow runs. Ends with 1 when it does not balance, or a target could not decide about a row.',
  arguments: [['[FLOW]', 'folder of the flow file; left out, the flow that runs here']],
  lists: true,
  examples: ['flow reconcile flows/flights', 'flow reconcile flows/flights -o json'],
  run: async (context, [given], options) => {
    const format = formatOf(options);
    const flow = await readFlow(flowPath(context, given));
    const result = await withServers(context, async ({ kafka, admin }) => {
      if (!(await admin.listTopics()).includes(LEDGER_TOPIC))
        throw new Fault('NOT_FOUND', 'there is no ledger yet', {
          help: `run the flow first: \`quadrille up ${given ?? ''}\``,
        });
      return (await takePicture(kafka, admin, flow)).reconcile();
    });
    if (format === 'json' || format === 'jsonl') context.out(`${toJson(result, format === 'json' ? 2 : undefined)}\n`);
    else
      context.out(
        `${[...stationTable(result.stations), '', ...edgeTable(result.edges), '', ...verdictLines(result)].join('\n')}\n`,
      );
    return result.balanced && result.conflicts === 0 ? EXIT.done : EXIT.findings;
  },
};
