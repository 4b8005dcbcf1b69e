/** `quadrille check`: everything that can be known to be wrong with a flow before it runs. */
import { relative } from 'node:path';
import { loadRules, readFlow } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { rulesOf } from '../rule-files.ts';
import { clientsOf, findServers } from '../servers.ts';
import { incompatibilities, schemasOf } from '../up/schemas.ts';

export const check: Command = {
  path: 'check',
  summary: 'check a flow: file, schemas, rules',
  description:
    'Every problem at once, with file, line and what to do. Where a schema registry can be reached, changes of schemas are\nchecked against all their versions too. Nothing is started.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  examples: ['check flows/flights'],
  run: async (context, [given]) => {
    const flow = await readFlow(flowPath(context, given));
    const schemas = await schemasOf(flow);
    const faults: Fault[] = [];
    let files = 0;
    for (const station of flow.stations.values()) {
      await collect(faults, async () => {
        const rules = rulesOf(flow, station, schemas);
        if (rules === undefined) return;
        files += rules.files.length;
        for (const ready of await loadRules(rules.files, rules.context)) await ready.close();
      });
    }
    const addresses = await findServers(context);
    if (addresses !== undefined)
      faults.push(...(await incompatibilities(clientsOf(context, addresses).registry, schemas.values())));
    if (faults.length > 0) throw new Faults(faults);
    const registry =
      addresses === undefined ? 'no registry to compare schemas with' : 'schemas compatible with all their versions';
    context.out(
      `OK ${relative(context.cwd, flow.file)}: ${flow.stations.size} stations, ${flow.topics.size} topics, ${files} rules; ${registry}\n`,
    );
    return EXIT.done;
  },
};

async function collect(faults: Fault[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Faults) faults.push(...error.faults);
    else if (error instanceof Fault) faults.push(error);
    else throw error;
  }
}
