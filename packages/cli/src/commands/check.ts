/** `quadrille check`: everything that can be known to be wrong with a flow before it runs. */
import { relative } from 'node:path';
import { Faults } from '@quadrille/record';
import { inOrder, inspect } from '../check/inspect.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { clientsOf, findServers } from '../servers.ts';
import { incompatibilities } from '../up/schemas.ts';

export const check: Command = {
  path: 'check',
  summary: 'check a flow: file, schemas, rules',
  description:
    'Every problem at once, with file, line, column and what to do: of the flow file, of the schemas (owner, doc and\nsensitivity too), of rules (their types too, where\nTypeScript is installed) and cases.\nWhere a schema registry can be reached, changes of schemas are checked against all their versions\ntoo. Nothing is started.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  examples: ['check flows/flights'],
  run: async (context, [given]) => {
    const { flow, schemas, rules, cases, faults } = await inspect(flowPath(context, given));
    const addresses = await findServers(context);
    if (addresses !== undefined)
      faults.push(...(await incompatibilities(clientsOf(context, addresses).registry, schemas.values())));
    if (faults.length > 0) throw new Faults(inOrder(faults));
    const registry =
      addresses === undefined ? 'no registry to compare schemas with' : 'schemas compatible with all their versions';
    context.out(
      `OK ${relative(context.cwd, flow.file)}: ${flow.stations.size} stations, ${flow.topics.size} topics, ${rules} rules, ${cases} cases; ${registry}\n`,
    );
    return EXIT.done;
  },
};
