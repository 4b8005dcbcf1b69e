/**
 * Periods of validity in the mode `history`: a version is valid from its own time until the earliest time of any later
 * version. Versions decide the order, so periods of one id never overlap, whatever the times say; a version that a later one
 * antedates was never valid, and its period is empty.
 */
import { parseDay } from '../avro/day.ts';
import type { Field } from '../avro/field.ts';
import type { TargetRow } from '../target.ts';
import type { OwnColumn } from './postgres-bookkeeping.ts';
import { type Column, columnOf } from './postgres-columns.ts';

/** `_valid_to` is null while nothing has followed. */
export const VALIDITY: readonly OwnColumn[] = [
  { name: '_valid_from', type: 'timestamp with time zone', nullable: false },
  { name: '_valid_to', type: 'timestamp with time zone', nullable: true },
];

type Instant = number | bigint;
const times = (value: Instant, factor: number): Instant =>
  typeof value === 'number' && Number.isSafeInteger(value * factor) ? value * factor : BigInt(value) * BigInt(factor);

/** Kinds of field that say when something became true, and how each is told in µs since the epoch. Local times count as UTC. */
const MICROS: { readonly [kind in Field['kind']]?: (value: never) => Instant } = {
  date: (value: string) => (parseDay(value) as number) * 86_400_000_000,
  'timestamp-millis': (value: Instant) => times(value, 1000),
  'timestamp-micros': (value: Instant) => value,
  'local-timestamp-millis': (value: Instant) => times(value, 1000),
  'local-timestamp-micros': (value: Instant) => value,
};

export const isMoment = (field: Field): boolean => MICROS[field.kind] !== undefined;

/** The field's value; where there is none, as in a deletion, the time of the record. @throws Fault TARGET_REFUSED for a time that PostgreSQL has not */
export function validFromColumn(field: Field | undefined): Column {
  const name = '_valid_from';
  const column = columnOf({
    name,
    kind: 'timestamp-micros',
    doc: '',
    nullable: false,
    bigint: false,
    sensitive: false,
    default: undefined,
    schema: undefined,
  });
  const read = field && (MICROS[field.kind] as (value: unknown) => Instant);
  const validFrom = ({ value, timestamp }: TargetRow): Instant => {
    const given = field && value?.[field.name];
    return read === undefined || given === null || given === undefined ? times(timestamp, 1000) : read(given);
  };
  return {
    ...column,
    encode: (rows) => column.encode(rows.map((row) => ({ ...row, value: { [name]: validFrom(row) } }))),
  };
}

/** One writer of a history at a time: two that add versions of one id beside each other would not see each other's. */
export const lockHistory = (table: string): string =>
  `SELECT pg_advisory_xact_lock(hashtext('quadrille history'), hashtext('${table.replaceAll("'", "''")}'))`;

/** Brings the periods of the ids in $1 up to date; touches only the rows whose end has changed. */
export const closePeriods = (table: string): string => `UPDATE ${table} AS t SET _valid_to = p.ends
FROM (
  SELECT _id, _version, CASE WHEN next IS NOT NULL THEN GREATEST(_valid_from, next) END AS ends FROM (
    SELECT _id, _version, _valid_from, min(_valid_from) OVER (
      PARTITION BY _id ORDER BY _version DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next
    FROM ${table} WHERE _id = ANY($1::text[])) AS versions
) AS p
WHERE t._id = p._id AND t._version = p._version AND t._valid_to IS DISTINCT FROM p.ends`;
