/** `quadrille schemas diff`: what would change in the registry, field by field. */
import { readFlow } from '@quadrille/flow';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { changesOf, type TopicChange } from '../schemas/changes.ts';
import { AGAINST, earlierOf } from '../schemas/earlier.ts';
import { readableSchemas } from '../schemas/inspect.ts';
import { orCancelled } from '../servers.ts';

export const schemasDiff: Command = {
  path: 'schemas diff',
  summary: 'show what changes field by field, and what of it breaks readers',
  description:
    'Compares the schemas of a flow with the latest version of each in the registry: fields added, removed or renamed; type,\ndefault, description and sensitivity; name, owner and description of the event. BREAKS says why records written so far,\nwith any version, could no longer be read. Ends with 1 when something breaks. Changes nothing.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [AGAINST],
  lists: true,
  examples: ['schemas diff flows/flights', 'schemas diff flows/flights --against ../deployed/schemas -o json'],
  run: async (context, [given], options) => {
    const flow = await readFlow(flowPath(context, given));
    const schemas = await readableSchemas(flow);
    const earlier = await earlierOf(context, options);
    const rows: TopicChange[] = [];
    for (const schema of schemas) rows.push(...changesOf(schema, await orCancelled(context, earlier(schema.topic))));
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: ({ topic }) => topic },
        { name: 'CHANGE', of: ({ change }) => change },
        { name: 'FIELD', of: ({ path }) => path },
        { name: 'BEFORE', of: ({ before }) => before },
        { name: 'AFTER', of: ({ after }) => after },
        {
          name: 'BREAKS',
          of: ({ breaks }) => breaks.map(({ what, version }) => `${what} (${shown(version)})`).join('; '),
        },
      ],
      rows,
      'nothing has changed',
    );
    return rows.every(({ compatible }) => compatible) ? EXIT.done : EXIT.findings;
  },
};

const shown = (version: number | string): string => (typeof version === 'number' ? `version ${version}` : version);
