/** Joins a record with its lookups, in the order of the flow file. */
import { Fault, Hold, type RuleResult } from '@quadrille/record';
import type { TopicLookup } from './topic.ts';

type Row = Record<string, unknown>;

/**
 * Sets the fields that the lookups give on the record, and gives the record back; or a Fault LOOKUP_MISSING, or a Hold
 * when it must wait for a row. Then some fields may have been set; the record is not used further.
 */
export type Join = (record: Row) => RuleResult<Row> | Hold;

interface Step {
  lookup: TopicLookup;
  from: readonly string[];
  to: readonly string[];
  /** What becomes of a record that finds nothing; null: its fields become null. One object for all: it names no values. */
  missing: Fault | Hold | null;
}

/** A later lookup may be found by a field that an earlier one gave. */
export function compileJoin(lookups: readonly TopicLookup[]): Join {
  const steps = lookups.map(stepOf);
  return (record) => {
    for (let s = 0; s < steps.length; s++) {
      const { lookup, from, to, missing } = steps[s] as Step;
      const row = lookup.find(record);
      if (row === undefined && missing !== null) return missing;
      for (let i = 0; i < from.length; i++) record[to[i] as string] = row === undefined ? null : row[from[i] as string];
    }
    return record;
  };
}

function stepOf(lookup: TopicLookup): Step {
  const { take, missing } = lookup.config;
  const fields = lookup.recordFields.map((field) => `\`${field}\``).join(', ');
  const field = lookup.recordFields.join(',');
  return {
    lookup,
    from: Object.keys(take),
    to: Object.values(take),
    missing:
      missing === 'reject'
        ? new Fault('LOOKUP_MISSING', `\`${lookup.name}\` has no row for ${fields}`, { field })
        : missing === 'hold'
          ? new Hold(
              new Fault('LOOKUP_UNAVAILABLE', `\`${lookup.name}\` has no row for ${fields} yet`, {
                field,
                help: 'the record waits until the row is there; add it to the reference source',
              }),
            )
          : null,
  };
}
