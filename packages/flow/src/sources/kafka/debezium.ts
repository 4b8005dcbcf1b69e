/**
 * The envelope of Debezium's change events: op, before, after, source
 * (https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events).
 */
import { Fault } from '@quadrille/record';
import { isObject } from '../exact-json.ts';

export interface Change {
  fields: Record<string, unknown>;
  deleted: boolean;
  version: number;
}

/** Fields of the envelope that hold a row. */
export const ROWS = ['before', 'after'] as const;

const HELP = 'values must be change events of Debezium; set `envelope: none` for others';
const OPS = ['c', 'r', 'u', 'd'];

/** JSON that Kafka Connect wrote with its schema beside it: what is meant. */
export const withoutSchema = (value: unknown): unknown =>
  isObject(value) && 'payload' in value && 'schema' in value ? value.payload : value;

/**
 * The row that a change leads to; of a deletion the one that was, as far as it is known.
 * @throws Fault ROW_MALFORMED, VERSION_INVALID
 */
export function unwrap(value: unknown, place: string): Change {
  const wrong = (what: string): Fault => new Fault('ROW_MALFORMED', what, { place, help: HELP });
  if (!isObject(value) || !isObject(value.source)) throw wrong('no change event: it has no `source`');
  const { op, before, after, source } = value;
  if (!OPS.includes(op as string)) throw wrong('`op` is none of c, r, u, d: it tells of no single row');
  const deleted = op === 'd';
  const row = deleted ? (before ?? {}) : after;
  if (!isObject(row)) throw wrong(deleted ? '`before` is no row' : '`after` is no row');
  return { fields: row, deleted, version: versionOf(source, place) };
}

/** PostgreSQL tells places in its log. Other connectors a time: of those that share one, the later in the topic stands. */
function versionOf(source: Record<string, unknown>, place: string): number {
  const field = source.connector === 'postgresql' ? 'lsn' : 'ts_ms';
  const version = source[field] === null || source[field] === undefined ? Number.NaN : Number(source[field]);
  if (Number.isSafeInteger(version) && version >= 0) return version;
  throw new Fault('VERSION_INVALID', `\`source.${field}\` is no whole number`, { place });
}
