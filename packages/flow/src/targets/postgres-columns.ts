/** How each kind of Avro field stands in PostgreSQL: the column's type, which existing types will do, and its values as a binary array. */
import { Fault } from '@quadrille/record';
import { dayOf } from '../avro/day.ts';
import type { Field, FieldKind } from '../avro/field.ts';
import type { TargetRow } from '../target.ts';
import { ArrayParameter, OID } from './postgres-arrays.ts';

export interface Column {
  name: string;
  /** Type of a column made for it. */
  type: string;
  /** Whether a column of this type, as PostgreSQL's format_type writes it, holds every value exactly. */
  accepts(type: string): boolean;
  /** Type of the array parameter. */
  parameter: string;
  /** Cast from the array's elements to the column, or ''. */
  cast: string;
  /**
   * One element a row, null where the row is a deletion. The buffer is valid until the next call.
   * @throws Fault TARGET_REFUSED for a value PostgreSQL has no form for.
   */
  encode(rows: readonly TargetRow[]): Buffer;
}

/** Writes one value that is not null. */
type Write = (to: ArrayParameter, value: never, field: string) => void;

interface Kind {
  type: string;
  accepts: readonly string[];
  /** So many digits before the point make a numeric column do as well. */
  digits?: number;
  element: keyof typeof OID;
  cast?: string;
  write: Write;
}

/** PostgreSQL counts from 2000-01-01. */
const EPOCH_DAYS = 10_957;
const EPOCH_MICROS = 946_684_800_000_000;

const text: Write = (to, value: string, field) => {
  if (!to.addText(value)) throw new Fault('TARGET_REFUSED', 'text is not well-formed Unicode', { field });
};

const millis =
  (epoch: number): Write =>
  (to, value: number | bigint, field) => {
    const micros = typeof value === 'number' ? value * 1000 - epoch : Number.NaN;
    to.addInt8(Number.isSafeInteger(micros) ? micros : exact(BigInt(value) * 1000n - BigInt(epoch), field));
  };

const micros =
  (epoch: number): Write =>
  (to, value: number | bigint, field) => {
    const since = typeof value === 'number' ? value - epoch : Number.NaN;
    to.addInt8(Number.isSafeInteger(since) ? since : exact(BigInt(value) - BigInt(epoch), field));
  };

function exact(value: bigint, field: string): bigint {
  if (BigInt.asIntN(64, value) !== value)
    throw new Fault('TARGET_REFUSED', 'time is beyond what PostgreSQL holds', { field });
  return value;
}

const date: Write = (to, value: string) => {
  const days = dayOf(Number(value.slice(0, -6)), Number(value.slice(-5, -3)), Number(value.slice(-2)));
  to.addInt4(days - EPOCH_DAYS);
};

const json: Write = (to, value: unknown, field) => {
  const written = JSON.stringify(value, function (this: Record<string, unknown>, key: string, part: unknown) {
    // what stands there, since `part` has been through toJSON
    const bytes = this[key];
    if (bytes instanceof Uint8Array) return Buffer.from(bytes).toString('base64');
    if (typeof part === 'bigint') return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(part));
    if (typeof part === 'number' && !Number.isFinite(part))
      throw new Fault('TARGET_REFUSED', `${part} cannot stand in JSON`, { field });
    return part;
  });
  text(to, written as never, field);
};

const TEXT: Kind = {
  type: 'text',
  accepts: ['text', 'character varying', 'character varying(*)'],
  element: 'text',
  write: text,
};
const BYTES: Kind = {
  type: 'bytea',
  accepts: [],
  element: 'bytea',
  write: (to, value: Uint8Array) => to.addBytes(value),
};
const JSONB: Kind = { type: 'jsonb', accepts: [], element: 'text', cast: '::jsonb', write: json };
const timestamp = (type: 'timestamptz' | 'timestamp', name: string, write: Write): Kind => ({
  type: name,
  accepts: [],
  element: type,
  write,
});

const KINDS: Readonly<Record<Exclude<FieldKind, 'decimal'>, Kind>> = {
  null: TEXT,
  boolean: { type: 'boolean', accepts: [], element: 'bool', write: (to, value: boolean) => to.addBool(value) },
  int: {
    type: 'integer',
    accepts: ['bigint', 'double precision'],
    digits: 10,
    element: 'int4',
    write: (to, value: number) => to.addInt4(value),
  },
  long: {
    type: 'bigint',
    accepts: [],
    digits: 19,
    element: 'int8',
    write: (to, value: number | bigint) => to.addInt8(value),
  },
  float: {
    type: 'real',
    accepts: ['double precision'],
    element: 'float4',
    write: (to, value: number) => to.addFloat4(value),
  },
  double: {
    type: 'double precision',
    accepts: [],
    element: 'float8',
    write: (to, value: number) => to.addFloat8(value),
  },
  string: TEXT,
  enum: TEXT,
  uuid: { type: 'uuid', accepts: TEXT.accepts, element: 'text', cast: '::uuid', write: text },
  bytes: BYTES,
  fixed: BYTES,
  date: { type: 'date', accepts: [], element: 'date', write: date },
  'time-millis': { type: 'time without time zone', accepts: [], element: 'time', write: millis(0) },
  'time-micros': { type: 'time without time zone', accepts: [], element: 'time', write: micros(0) },
  'timestamp-millis': timestamp('timestamptz', 'timestamp with time zone', millis(EPOCH_MICROS)),
  'timestamp-micros': timestamp('timestamptz', 'timestamp with time zone', micros(EPOCH_MICROS)),
  'local-timestamp-millis': timestamp('timestamp', 'timestamp without time zone', millis(EPOCH_MICROS)),
  'local-timestamp-micros': timestamp('timestamp', 'timestamp without time zone', micros(EPOCH_MICROS)),
  array: JSONB,
  map: JSONB,
  record: JSONB,
  union: JSONB,
};

/** The column of a field. */
export function columnOf(field: Field): Column {
  const kind = field.kind === 'decimal' ? decimal(field) : KINDS[field.kind];
  const { name } = field;
  const { type, write } = kind;
  const to = new ArrayParameter();
  return {
    name,
    type,
    accepts: (existing) => existing === type || accepts(kind, existing),
    parameter: `${kind.element}[]`,
    cast: kind.cast ?? '',
    encode(rows) {
      to.begin(OID[kind.element], rows.length);
      for (let i = 0; i < rows.length; i++) {
        const value = (rows[i] as TargetRow).value?.[name];
        if (value === null || value === undefined) to.addNull();
        else write(to, value as never, name);
      }
      return to.finish();
    },
  };
}

function decimal({ precision = 0, scale = 0 }: Field): Kind {
  return {
    type: `numeric(${precision},${scale})`,
    accepts: ['numeric'],
    element: 'text',
    cast: '::numeric',
    write: text,
  };
}

function accepts(kind: Kind, existing: string): boolean {
  if (kind.accepts.includes(existing.replace(/\(\d+\)$/, '(*)'))) return true;
  const wanted = /^numeric\((\d+),(\d+)\)$/.exec(kind.type);
  const before = wanted === null ? kind.digits : Number(wanted[1]) - Number(wanted[2]);
  if (before === undefined) return false;
  if (existing === 'numeric') return true;
  const there = /^numeric\((\d+),(\d+)\)$/.exec(existing);
  return (
    there !== null && Number(there[2]) >= Number(wanted?.[2] ?? 0) && Number(there[1]) - Number(there[2]) >= before
  );
}
