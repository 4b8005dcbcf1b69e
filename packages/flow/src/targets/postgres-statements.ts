/** The statements of a loader's transaction. */
import type { Column } from './postgres-columns.ts';
import { quoted } from './postgres-table.ts';

/** `columns` are the parameters in order, `key` tells rows apart; the row count it answers is that of the rows written. */
export function upsert(table: string, columns: readonly Column[], key: readonly string[]): string {
  const names = columns.map((column) => quoted(column.name));
  return `INSERT INTO ${table} AS t (${names.join(', ')})
SELECT ${columns.map((column, i) => `c${i}${column.cast}`).join(', ')}
FROM unnest(${columns.map((column, i) => `$${i + 1}::${column.parameter}`).join(', ')}) AS r(${columns.map((_, i) => `c${i}`).join(', ')})
ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${columns
    .filter(({ name }) => !key.includes(name))
    .map(({ name }) => `${quoted(name)} = EXCLUDED.${quoted(name)}`)
    .join(', ')}, _loaded_at = now()
WHERE (t._version, t._revision) < (EXCLUDED._version, EXCLUDED._revision)
   OR (t._version = EXCLUDED._version AND t._revision = EXCLUDED._revision AND t._topic = EXCLUDED._topic
       AND t._partition = EXCLUDED._partition AND t._offset < EXCLUDED._offset AND t._hash IS DISTINCT FROM EXCLUDED._hash)`;
}

/**
 * In the transaction of the upsert, by its parameters of the key: the rows that it did not write, i.e. whose xmin is not
 * this transaction; it has locked them, so that they stay what they are. `n` is the row's place in the parameters, from 1.
 */
export function standing(table: string, key: readonly Column[]): string {
  const places = key.map((_, i) => `k${i}`).join(', ');
  return `SELECT i.n::integer, t._version, t._revision, t._topic, t._partition, t._offset, t._hash
FROM unnest(${key.map(({ parameter }, i) => `$${i + 1}::${parameter}`).join(', ')}) WITH ORDINALITY AS i(${places}, n)
JOIN ${table} t ON ${key.map(({ name }, i) => `t.${name} = i.k${i}`).join(' AND ')}
WHERE t.xmin <> pg_current_xact_id()::xid`;
}

/** The newest row of an id, its only parameter. */
export const find = (table: string): string =>
  `SELECT _version AS version, _revision AS revision, _topic AS topic, _partition AS partition, _offset AS "offset",
       _deleted AS deleted
FROM ${table} WHERE _id = $1 ORDER BY _version DESC, _revision DESC LIMIT 1`;

/** A row of `standing`: bigints come as text. */
export type StandingRow = [
  n: number,
  version: string,
  revision: number,
  topic: string,
  partition: number,
  offset: string,
  hash: Buffer | null,
];
