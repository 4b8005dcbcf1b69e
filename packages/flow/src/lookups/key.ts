/** What join fields are compared by: values that mean the same are the same key, whatever their kinds. */
import type { Field } from '../avro/field.ts';

export type KeyPart = string | number | bigint | boolean;

/** The key of a value; undefined for null, which equals nothing. */
export type KeyOf = (value: unknown) => KeyPart | undefined;

const plain: KeyOf = (value) => (value === null || value === undefined ? undefined : (value as KeyPart));

/** A bigint that a number can hold is that number: one side may be a big long, the other not. */
const integer: KeyOf = (value) => {
  if (typeof value !== 'bigint') return plain(value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

const millis: KeyOf = (value) => {
  if (typeof value === 'bigint') return integer(value * 1000n);
  if (typeof value !== 'number') return undefined;
  const micros = value * 1000;
  return Number.isSafeInteger(micros) ? micros : BigInt(value) * 1000n;
};

/** `1.50` and `1.5` are one number. */
const decimal: KeyOf = (value) => {
  if (typeof value !== 'string') return undefined;
  const short = value.includes('.') ? value.replace(/\.?0+$/, '') : value;
  return short === '-0' ? '0' : short;
};

const bytes: KeyOf = (value) =>
  value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
    : undefined;

/** Both sides of one comparison. */
export function keysOf(lookup: Field | undefined, record: Field | undefined): { lookup: KeyOf; record: KeyOf } {
  const same =
    lookup !== undefined &&
    record !== undefined &&
    lookup.kind === record.kind &&
    lookup.bigint === record.bigint &&
    lookup.scale === record.scale;
  // Most joins: what is equal is the same value. Bytes never are.
  if (same && lookup.kind !== 'bytes' && lookup.kind !== 'fixed') return { lookup: plain, record: plain };
  return { lookup: lookup === undefined ? plain : keyOf(lookup), record: record === undefined ? plain : keyOf(record) };
}

function keyOf(field: Field): KeyOf {
  switch (field.kind) {
    case 'long':
    case 'timestamp-micros':
    case 'local-timestamp-micros':
    case 'time-micros':
      return integer;
    case 'timestamp-millis':
    case 'local-timestamp-millis':
    case 'time-millis':
      return millis;
    case 'decimal':
      return decimal;
    case 'bytes':
    case 'fixed':
      return bytes;
    default:
      return plain;
  }
}
