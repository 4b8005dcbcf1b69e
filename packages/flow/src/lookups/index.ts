/** The lookups of an enricher, out of its entry in the flow file; and the types that are asked. */
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { Asked, AskedContext, AskedLookupConfig, AskedType, LookupConfig } from '../lookup.ts';
import type { SqlTable } from '../rules/sql-plan.ts';
import { type Environment, withSecrets } from '../secret.ts';
import { AskedLookup } from './asked.ts';
import { http } from './http.ts';
import { compileJoins, type Leg } from './join.ts';
import { postgres } from './postgres.ts';
import { ReferenceTopic } from './reference.ts';
import { TopicLookup } from './topic.ts';

export { type AskedFigures, AskedLookup } from './asked.ts';
export type { Join, Leg } from './join.ts';
export { ReferenceTopic } from './reference.ts';
export { TopicLookup } from './topic.ts';

// biome-ignore lint/suspicious/noExplicitAny: each type knows its own configuration
export const lookupTypes: Readonly<Record<string, AskedType<any>>> = { postgres, http };

export interface LookupsContext {
  /** Fields of the station's input and of its output, as rules see them (`chainFields`). */
  record: readonly Field[];
  /** Fields of a reference topic. */
  fieldsOf(topic: string): readonly Field[];
  /** The station has SQL that reads the lookups: all fields are kept, not only those that the joins need. */
  sql: boolean;
  /** Makes what a lookup asks; without it nobody answers. */
  asked?(lookup: AskedLookupConfig & { name: string }, context: AskedContext): Asked;
}

export interface Lookups {
  /** One for each topic: to be fed. Several lookups on one topic share its rows. */
  references: readonly ReferenceTopic[];
  /** In the order of the flow file. */
  legs: readonly Leg[];
  /** The topic lookups by name, for SQL. */
  tables: readonly SqlTable[];
}

type Named = { name: string; place?: string };

/** @throws Fault FLOW_INVALID when a lookup names a field that its topic lacks. */
export function openLookups(
  lookups: readonly ((LookupConfig | AskedLookupConfig) & Named)[],
  context: LookupsContext,
): Lookups {
  const keep = new Map<string, Set<string>>();
  const ofTopics = lookups.filter((lookup) => lookup.topic !== undefined);
  for (const { name, topic, on, take, place } of ofTopics) {
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
  const made = lookups.map((lookup) =>
    lookup.topic === undefined
      ? new AskedLookup(lookup.name, lookup, askedOf(lookup, context), context.record)
      : new TopicLookup(lookup.name, lookup, references.get(lookup.topic) as ReferenceTopic, context.record),
  );
  return {
    references: [...references.values()],
    legs: compileJoins(made),
    tables: ofTopics.map(({ name, topic }) => (references.get(topic) as ReferenceTopic).table(name)),
  };
}

function askedOf(lookup: AskedLookupConfig & Named, { record, asked }: LookupsContext): Asked {
  const compared = Object.entries(lookup.on).flatMap(([theirs, ours]) => {
    const field = record.find((each) => each.name === ours);
    return field === undefined ? [] : [[theirs, field] as const];
  });
  if (asked === undefined) return NOBODY;
  return asked(lookup, { name: lookup.name, on: new Map(compared), take: Object.keys(lookup.take) });
}

const NOBODY: Asked = {
  open: async () => {},
  ask: () => Promise.reject(new Fault('LOOKUP_UNAVAILABLE', 'nobody to ask')),
  close: async () => {},
};

/** What a lookup asks by its type. @param env where its address and secrets are. */
export const askedByType =
  (env: Environment): NonNullable<LookupsContext['asked']> =>
  ({ type, config }, context) =>
    (lookupTypes[type] as AskedType).create(config, context, withSecrets(env, config));
