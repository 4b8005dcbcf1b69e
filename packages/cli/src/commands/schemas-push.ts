/** `quadrille schemas push`: registers the schemas of a flow, once they are shown to be in order. */
import { readFlow } from '@quadrille/flow';
import { Faults } from '@quadrille/record';
import { OWN_CODECS } from '@quadrille/station';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { registryOf } from '../schemas/earlier.ts';
import { inspectSchemas } from '../schemas/inspect.ts';
import { type PushStep, planPush } from '../schemas/push-plan.ts';
import { orCancelled } from '../servers.ts';

export const schemasPush: Command = {
  path: 'schemas push',
  summary: 'register the schemas of a flow',
  description:
    'Under `<topic>-value`, with BACKWARD_TRANSITIVE; those of topics that others write (external) are left to them, the\nengine’s own go with them. Shows the plan, and registers only with --execute. Ends with 1, and has registered nothing,\nwhen `quadrille schemas check` has findings. Done twice, the second time changes nothing. Needs the registry alone.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [['--execute', 'do it']],
  lists: true,
  examples: ['schemas push flows/flights', 'schemas push flows/flights --execute'],
  run: async (context, [given], options) => {
    const flow = await readFlow(flowPath(context, given));
    const registry = await registryOf(context);
    const inspected = await orCancelled(
      context,
      inspectSchemas(flow, (topic) => registry.versions(`${topic}-value`)),
    );
    const faults = inspected.flatMap((each) => each.faults);
    if (faults.length > 0) throw new Faults(faults);
    const wanted = [
      ...inspected.flatMap(({ topic, schema }) =>
        schema === undefined || flow.topics.get(topic)?.external ? [] : [{ subject: `${topic}-value`, ...schema }],
      ),
      ...OWN_CODECS,
    ];
    const steps = await orCancelled(context, planPush(registry, wanted));
    printRows<PushStep>(
      context,
      options,
      [
        { name: 'NAME', of: ({ subject }) => subject },
        { name: 'STATE', of: ({ state }) => state },
        { name: 'LATEST', of: ({ latest }) => latest },
        { name: 'CHANGES', of: ({ changes }) => changes },
      ],
      steps,
    );
    const open = steps.filter(({ state }) => state !== 'present');
    if (options.execute !== true) {
      context.err(
        open.length === 0 ? `${flow.name}: nothing to do` : `${open.length} schemas to register: add --execute`,
      );
      return EXIT.done;
    }
    for (const { subject, text } of open) await orCancelled(context, registry.register(subject, text));
    context.err(`${flow.name}: ${open.length} schemas registered, ${steps.length - open.length} were there`);
    return EXIT.done;
  },
};
