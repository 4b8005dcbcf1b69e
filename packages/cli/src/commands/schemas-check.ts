/** `quadrille schemas check`: governance and compatibility of a flow's schemas, for build servers. */
import { relative } from 'node:path';
import { inspectFlow } from '@quadrille/flow';
import { Faults } from '@quadrille/record';
import { inOrder } from '../check/inspect.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { AGAINST, earlierOf } from '../schemas/earlier.ts';
import { inspectSchemas, toldFault } from '../schemas/inspect.ts';
import { orCancelled } from '../servers.ts';

export const schemasCheck: Command = {
  path: 'schemas check',
  summary: 'check the schemas of a flow: governance, and compatibility with every earlier version',
  description:
    'Governance: each event has an owner and a description, each field a description and a sensitivity. Compatibility: what\nwas written with any version in the registry can be read (BACKWARD_TRANSITIVE), told field by field. Findings stand on\nstderr with file, line and column, with -o json in the rows too; with any of them it ends with 1. Changes nothing.\nNeeds SCHEMA_REGISTRY_URL, or the stack that runs here, or --against; no Kafka.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [AGAINST],
  lists: true,
  examples: [
    'schemas check flows/flights',
    'schemas check flows/flights --against ../deployed/schemas',
    'schemas check flows/flights -o jsonl > findings.jsonl',
  ],
  run: async (context, [given], options) => {
    const { flow, faults: ofFlow } = await inspectFlow(flowPath(context, given));
    const earlier = await earlierOf(context, options);
    const inspected = await orCancelled(context, inspectSchemas(flow, earlier));
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: ({ topic }) => topic },
        { name: 'OWNER', of: ({ owner }) => owner },
        { name: 'FIELDS', of: ({ fields }) => fields },
        { name: 'VERSIONS', of: ({ versions }) => versions },
        { name: 'FINDINGS', of: ({ findings }) => findings.length },
        { name: 'FILE', of: ({ file }) => file, wide: true },
      ],
      inspected.map(({ topic, file, schema, versions, faults }) => ({
        topic,
        file: relative(context.cwd, file),
        owner: schema?.owner,
        fields: schema?.fields.length,
        versions,
        findings: faults.map(toldFault),
      })),
    );
    const faults = inOrder([...ofFlow, ...inspected.flatMap((each) => each.faults)]);
    if (faults.length > 0) throw new Faults(faults);
    return EXIT.done;
  },
};
