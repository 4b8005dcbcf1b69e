/** The schemas of a flow with all that is wrong with them, by topic. */
import { type CheckedSchema, checkTopicSchema, type Flow, type TopicSchema } from '@quadrille/flow';
import { type Fault, Faults } from '@quadrille/record';
import { inOrder } from '../check/inspect.ts';
import { explain } from '../up/schemas.ts';
import type { Earlier } from './earlier.ts';

export interface InspectedSchema extends CheckedSchema {
  /** With how many earlier versions it was compared; undefined where it cannot be used. */
  versions: number | undefined;
}

/** Each by itself (form, governance), then with its earlier versions. @throws Fault of the registry */
export async function inspectSchemas(flow: Flow, earlier: Earlier): Promise<InspectedSchema[]> {
  const inspected: InspectedSchema[] = [];
  for (const topic of flow.topics.keys()) {
    const checked = await checkTopicSchema(flow.schemas, topic);
    if (checked.schema === undefined) inspected.push({ ...checked, versions: undefined });
    else {
      const versions = await earlier(topic);
      const faults = inOrder([...checked.faults, ...explain(checked.schema, versions)]);
      inspected.push({ ...checked, faults, versions: versions.length });
    }
  }
  return inspected;
}

/** The schemas of a flow where all of them can be read. @throws Faults SCHEMA_INVALID */
export async function readableSchemas(flow: Flow): Promise<TopicSchema[]> {
  const checked = await Promise.all([...flow.topics.keys()].map((topic) => checkTopicSchema(flow.schemas, topic)));
  const unreadable = checked.flatMap(({ schema, faults }) => (schema === undefined ? faults : []));
  if (unreadable.length > 0) throw new Faults(unreadable);
  return checked.map(({ schema }) => schema as TopicSchema);
}

/** A finding as programs read it. */
export const toldFault = ({ code, place, field, message, help }: Fault) => ({ code, place, field, message, help });
