/** The two statements of a loader's transaction. */
import type { Column } from './postgres-columns.ts';
import { quoted } from './postgres-table.ts';

/** `columns` are the parameters in order; the row count it answers is that of the rows written. */
export function upsert(table: string, columns: readonly Column[]): string {
  const names = columns.map((column) => quoted(column.name));
  return `INSERT INTO ${table} AS t (${names.join(', ')})
SELECT ${columns.map((column, i) => `c${i}${column.cast}`).join(', ')}
FROM unnest(${columns.map((column, i) => `$${i + 1}::${column.parameter}`).join(', ')}) AS r(${columns.map((_, i) => `c${i}`).join(', ')})
ON CONFLICT (_id) DO UPDATE SET ${names
    .filter((name) => name !== '"_id"')
    .map((name) => `${name} = EXCLUDED.${name}`)
    .join(', ')}, _loaded_at = now()
WHERE (t._version, t._revision) < (EXCLUDED._version, EXCLUDED._revision)
   OR (t._version = EXCLUDED._version AND t._revision = EXCLUDED._revision AND t._topic = EXCLUDED._topic
       AND t._partition = EXCLUDED._partition AND t._offset < EXCLUDED._offset AND t._hash IS DISTINCT FROM EXCLUDED._hash)`;
}

/**
 * In the transaction of the upsert, by its parameter of ids: the rows that it did not write, i.e. whose xmin is not
 * this transaction; it has locked them, so that they stay what they are. `n` is the row's place among the ids, from 1.
 */
export const standing = (table: string): string =>
  `SELECT i.n::integer, t._version, t._revision, t._topic, t._partition, t._offset, t._hash
FROM unnest($1::text[]) WITH ORDINALITY AS i(id, n) JOIN ${table} t ON t._id = i.id
WHERE t.xmin <> pg_current_xact_id()::xid`;

/** The row of an id, its only parameter. */
export const find = (table: string): string =>
  `SELECT _version AS version, _revision AS revision, _topic AS topic, _partition AS partition, _offset AS "offset",
       _deleted AS deleted
FROM ${table} WHERE _id = $1`;

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
