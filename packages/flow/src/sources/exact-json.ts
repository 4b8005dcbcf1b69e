/** JSON without rounding: what sources of JSON objects read with. */
import type { Field } from '../avro/field.ts';

type Reviver = (this: unknown, name: string, value: unknown, context: { source: string }) => unknown;

/** JSON.parse, that leaves numbers of fields that a double cannot hold as they are written. */
export function parserOf(schema: readonly Field[]): (text: string) => unknown {
  const exact = new Set(schema.filter(({ kind, bigint }) => kind === 'decimal' || bigint).map(({ name }) => name));
  if (exact.size === 0) return (text) => JSON.parse(text);
  const revive: Reviver = (name, value, { source }) => (typeof value === 'number' && exact.has(name) ? source : value);
  return (text) => JSON.parse(text, revive as Parameters<typeof JSON.parse>[1]);
}

/** Whether an item of a source is what a record can be made of. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
