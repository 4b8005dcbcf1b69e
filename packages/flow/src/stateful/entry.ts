/** Entries of a state as they are written: JSON, in one of two places. */
import type { Gathered } from './aggregates.ts';

/** What is kept under a key, replaced as a whole by each change: the last time of a key, or what a window has gathered. */
export type Body = number | readonly Gathered[];

/**
 * An entry to be written, or with null taken away. A key has two places, written in turns: an attempt that does not
 * count must not take the place of the entry that does.
 */
export interface StateChange {
  key: string;
  slot: 0 | 1;
  /** JSON */
  body: string | null;
}

export const textOf = (body: Body): string => JSON.stringify(body, written);

export const bodyOf = (text: string): Body => JSON.parse(text, revive) as Body;

/** What JSON cannot write. */
const written = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return { n: String(value) };
  return typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? { f: Object.is(value, -0) ? '-0' : String(value) }
    : value;
};
export const revive = (_: string, value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  const { n, f } = value as { n?: unknown; f?: unknown };
  if (typeof n === 'string') return BigInt(n);
  return typeof f === 'string' ? Number(f) : value;
};
