/** What a window becomes when it closes. */
import type { Gathered } from './aggregates.ts';
import type { WindowPlan } from './plan.ts';

type Value = Record<string, unknown>;

/** One record of a window that has closed. */
export class WindowRow {
  readonly id: string;
  /** The window's end, ms: the same each time it is made. */
  readonly version: number;
  readonly value: Value;
  constructor(id: string, version: number, value: Value) {
    this.id = id;
    this.version = version;
    this.value = value;
  }
}

/** @param key of an entry: `w<start> <what the group is made of>`. */
export function rowOf(
  { spec, aggregates, base, frame, groupOf, idOf }: WindowPlan,
  key: string,
  gathered: readonly Gathered[],
): WindowRow {
  const start = startOf(key);
  const group = groupOf(key.slice(key.indexOf(' ') + 1));
  const value = { ...base, ...group, ...frame(start) };
  for (const [i, { field, aggregate }] of aggregates.entries())
    value[field] = aggregate.result(gathered[i] as Gathered);
  return new WindowRow(idOf(group, start), start + spec.everyMs, value);
}

export const startOf = (key: string): number => Number(key.slice(1, key.indexOf(' ')));
