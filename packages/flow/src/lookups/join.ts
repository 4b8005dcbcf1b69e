/** Joins a record with its lookups, in the order of the flow file. */
import { Fault, Hold, type RuleResult } from '@quadrille/record';
import { AskedLookup } from './asked.ts';
import type { TopicLookup } from './topic.ts';

type Row = Record<string, unknown>;

/**
 * Sets the fields that the lookups give on the record, and gives the record back; or a Fault LOOKUP_MISSING or
 * LOOKUP_INVALID, or a Hold when it must wait for a row. Then some fields may have been set; the record is not used further.
 */
export type Join = (record: Row) => RuleResult<Row> | Hold;

/** Lookups that are joined in one pass. */
export interface Leg {
  /** Must be prepared with the records first; undefined where the leg is of topic lookups. */
  asked: AskedLookup | undefined;
  join: Join;
}

type Lookup = TopicLookup | AskedLookup;

/** A later lookup may be found by a field that an earlier one gave: so each asked one is a leg of its own. */
export function compileJoins(lookups: readonly Lookup[]): Leg[] {
  const legs: Leg[] = [];
  for (let at = 0; at < lookups.length; ) {
    const first = lookups[at] as Lookup;
    if (first instanceof AskedLookup) {
      legs.push({ asked: first, join: compileJoin([first]) });
      at++;
      continue;
    }
    const next = lookups.findIndex((lookup, i) => i > at && lookup instanceof AskedLookup);
    const end = next === -1 ? lookups.length : next;
    legs.push({ asked: undefined, join: compileJoin(lookups.slice(at, end)) });
    at = end;
  }
  return legs;
}

interface Step {
  lookup: Lookup;
  from: readonly string[];
  to: readonly string[];
  /** What becomes of a record that finds nothing; null: its fields become null. One object for all: it names no values. */
  missing: Fault | Hold | null;
}

function compileJoin(lookups: readonly Lookup[]): Join {
  const steps = lookups.map(stepOf);
  return (record) => {
    for (let s = 0; s < steps.length; s++) {
      const { lookup, from, to, missing } = steps[s] as Step;
      const row = lookup.find(record);
      if (row instanceof Fault) return row;
      if (row === undefined && missing !== null) return missing;
      for (let i = 0; i < from.length; i++) record[to[i] as string] = row === undefined ? null : row[from[i] as string];
    }
    return record;
  };
}

function stepOf(lookup: Lookup): Step {
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
