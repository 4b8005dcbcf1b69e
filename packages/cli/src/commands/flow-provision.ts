/** `quadrille flow provision`: topics and schemas of a flow, before its stations are deployed. */
import { readFlow } from '@quadrille/flow';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { withServers } from '../servers.ts';
import { prepare } from '../up/prepare.ts';
import { planProvision } from '../up/provision-plan.ts';

export const flowProvision: Command = {
  path: 'flow provision',
  summary: 'create the topics of a flow and register its schemas',
  description:
    'What a deployment runs before stations start; `quadrille up` does it by itself. Shows what is there and what is not, and\nchanges that only with --execute. What is there stays as it is; done twice, the second time changes nothing. Ends with 1,\nand has changed nothing, when a topic has settings that would lose records or a schema would break readers.\nNeeds Kafka and the registry alone: DATABASE_URL may be left out.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [['--execute', 'do it']],
  lists: true,
  examples: ['flow provision flows/flights', 'flow provision flows/flights --execute'],
  run: async (context, [given], options) => {
    const flow = await readFlow(flowPath(context, given));
    await withServers(
      context,
      async (servers) => {
        const steps = await planProvision(servers, flow);
        printRows(
          context,
          options,
          [
            { name: 'NAME', of: ({ name }) => name },
            { name: 'KIND', of: ({ kind }) => kind },
            { name: 'STATE', of: ({ state }) => state },
            { name: 'PARTITIONS', of: ({ partitions }) => partitions ?? null },
            {
              name: 'SETTINGS',
              of: ({ config }) =>
                Object.entries(config ?? {})
                  .map((entry) => entry.join('='))
                  .join(' ') || null,
              wide: true,
            },
          ],
          steps,
        );
        const open = steps.filter(({ state }) => state !== 'present');
        const count = (kind: string): number => open.filter((step) => step.kind === kind).length;
        const what = `${count('topic')} topics, ${count('schema')} schemas`;
        if (options.execute !== true) {
          context.err(open.length === 0 ? `${flow.name}: nothing to do` : `${what} to make: add --execute`);
          return;
        }
        await prepare(servers, flow);
        context.err(`${flow.name}: ${what} made, ${steps.length - open.length} were there`);
      },
      { database: false },
    );
    return EXIT.done;
  },
};
