/** The lookups of an enricher, out of its entry in the flow file. */
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { LookupConfig } from '../lookup.ts';
import type { SqlTable } from '../rules/sql-plan.ts';
import { compileJoin, type Join } from './join.ts';
import { ReferenceTopic } from './reference.ts';
import { TopicLookup } from './topic.ts';

export { compileJoin, type Join } from './join.ts';
export { ReferenceTopic } from './reference.ts';
export { TopicLookup } from './topic.ts';

export interface LookupsContext {
  /** Fields of the station's input and of its output, as rules see them (`chainFields`). */
  record: readonly Field[];
  /** Fields of a reference topic. */
  fieldsOf(topic: string): readonly Field[];
  /** The station has SQL that reads the lookups: all fields are kept, not only those that the joins need. */
  sql: boolean;
}

export interface Lookups {
  /** One for each topic: to be fed. Several lookups on one topic share its rows. */
  references: readonly ReferenceTopic[];
  join: Join;
  /** The lookups by name, for SQL. */
  tables: readonly SqlTable[];
}

/** @throws Fault FLOW_INVALID when a lookup names a field that its topic lacks. */
export function openLookups(
  lookups: readonly (LookupConfig & { name: string; place?: string })[],
  context: LookupsContext,
): Lookups {
  const keep = new Map<string, Set<string>>();
  for (const { name, topic, on, take, place } of lookups) {
    const fields = context.fieldsOf(topic).map((field) => field.name);
    const wanted = [...Object.keys(on), ...Object.keys(take)];
    const unknown = wanted.find((field) => !fields.includes(field));
    if (unknown !== undefined)
      throw new Fault(
        'FLOW_INVALID',
        `lookup \`${name}\`: ${topic} has no field \`${unknown}\``,
        place === undefined ? {} : { place },
      );
    const kept = keep.get(topic) ?? new Set();
    for (const field of context.sql ? fields : wanted) kept.add(field);
    keep.set(topic, kept);
  }
  const references = new Map(
    [...keep].map(([topic, names]) => [topic, new ReferenceTopic(topic, context.fieldsOf(topic), names)]),
  );
  const made = lookups.map(
    (lookup) => new TopicLookup(lookup.name, lookup, references.get(lookup.topic) as ReferenceTopic, context.record),
  );
  return {
    references: [...references.values()],
    join: compileJoin(made),
    tables: lookups.map(({ name, topic }) => (references.get(topic) as ReferenceTopic).table(name)),
  };
}
