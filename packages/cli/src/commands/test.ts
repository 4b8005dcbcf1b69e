/** `quadrille test`: runs the examples that stand in the rules' own files. */
import { relative } from 'node:path';
import { readFlow, runExamples } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { painter } from '../print/colour.ts';
import { rulesOf } from '../rule-files.ts';
import { schemasOf } from '../up/schemas.ts';

export const test: Command = {
  path: 'test',
  summary: 'run the examples of a flow’s rules',
  description: 'Needs no servers. Ends with 1 when an example does not hold, or a rule cannot be used.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  examples: ['test flows/flights'],
  run: async (context, [given]) => {
    const flow = await readFlow(flowPath(context, given));
    const schemas = await schemasOf(flow);
    const paint = painter(context.colour);
    const failed: Fault[] = [];
    let examples = 0;
    for (const station of flow.stations.values()) {
      const rules = rulesOf(flow, station, schemas);
      for (const file of rules?.files ?? []) {
        context.out(`${station.name}: ${relative(context.cwd, file)}\n`);
        try {
          const outcomes = await runExamples(file, rules!.context);
          examples += outcomes.length;
          if (outcomes.length === 0) context.out('  no examples\n');
          for (const { example, fault } of outcomes) {
            context.out(`  ${fault === undefined ? paint('ok', 'green') : paint('NOT OK', 'red')}  ${example}\n`);
            if (fault !== undefined) failed.push(fault);
          }
        } catch (error) {
          if (!(error instanceof Fault || error instanceof Faults)) throw error;
          context.out(`  ${paint('NOT OK', 'red')}  cannot be used\n`);
          failed.push(...(error instanceof Faults ? error.faults : [error]));
        }
      }
    }
    if (failed.length > 0) throw new Faults(failed);
    context.out(`${examples} examples hold\n`);
    return EXIT.done;
  },
};
