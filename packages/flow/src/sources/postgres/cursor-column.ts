/** The column that tells which rows are new: what it must be, and values of it as numbers. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { SourceLog } from '../../source.ts';
import { quoted } from './connect.ts';
import type { SourceTable } from './table.ts';

export interface CursorColumn {
  name: string;
  /** Quoted, for SQL. */
  place: string;
  type: string;
  /** A time: its values are counted in microseconds since 1970. */
  time: boolean;
  /** May be null, or, of times, minus infinity: rows that have no version. */
  odd: boolean;
}

const COLUMN = `SELECT format_type(a.atttypid, NULL) AS type, a.attnotnull AS filled, EXISTS (
  SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree') AS indexed
FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped`;
const NUMBERS = ['smallint', 'integer', 'bigint'];
const TIMES = ['timestamp with time zone', 'timestamp without time zone', 'date'];

/** @throws Fault SOURCE_HEADER there is no such column; SOURCE_SETTINGS it cannot be counted on */
export async function cursorColumn(
  client: Client,
  table: SourceTable,
  name: string,
  log: SourceLog,
): Promise<CursorColumn> {
  const { shown, oid, key } = table;
  const refuse = (code: 'SOURCE_HEADER' | 'SOURCE_SETTINGS', what: string, help: string): never => {
    throw new Fault(code, what, { place: shown, help });
  };
  if (table.kind !== 'r' && table.kind !== 'p')
    refuse('SOURCE_SETTINGS', 'it is not a table', 'read the tables that the view is made of');
  if (key.length === 0)
    refuse('SOURCE_SETTINGS', 'it has no primary key', 'give it one: without it nothing says which row was changed');
  const found = (await client.query<Record<'type' | 'filled' | 'indexed', string>>(COLUMN, [oid, name])).rows[0];
  if (found === undefined) return refuse('SOURCE_HEADER', `there is no column \`${name}\``, 'correct `cursor`');
  const { type, filled, indexed } = found;
  const time = TIMES.includes(type);
  if (!time && !NUMBERS.includes(type))
    refuse('SOURCE_SETTINGS', `\`${name}\` is of type ${type}`, `one of: ${[...NUMBERS, ...TIMES].join(', ')}`);
  if (indexed !== 't')
    log.warn(
      {
        table: shown,
        help: `CREATE INDEX CONCURRENTLY ON ${table.place} (${[name, ...key.map((each) => each.name)].map(quoted).join(', ')})`,
      },
      `no index begins with \`${name}\`: the whole table is read at each poll`,
    );
  return { name, place: `t.${quoted(name)}`, type, time, odd: time || filled !== 't' };
}

/** SQL of a value as a whole number; null where it is none. */
export const numberOf = ({ place, time }: CursorColumn): string =>
  time ? `CASE WHEN isfinite(${place}) THEN (extract(epoch FROM ${place}) * 1000000)::bigint END` : `${place}::bigint`;

/** A number as a literal of the column's type. */
export function literalOf({ time, type }: CursorColumn, value: bigint): string {
  if (!time) return `${value}::bigint`;
  const micros = value < 0n ? 0n : value;
  const second = new Date(Number(micros / 1_000_000n) * 1000).toISOString().slice(0, 19);
  return `'${second}.${String(micros % 1_000_000n).padStart(6, '0')}Z'::${type}`;
}
