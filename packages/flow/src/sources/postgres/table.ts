/** A table as PostgreSQL's catalog has it, held against the fields that the schema wants. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { Field } from '../../avro/field.ts';
import type { SourceContext } from '../../source.ts';
import { quoted, type TableConfig } from './connect.ts';
import { converterOf } from './values.ts';

export interface Wanted {
  name: string;
  /** The table had it when it was looked up; it may come and go. */
  present: boolean;
  /** From PostgreSQL's text to a raw value. */
  convert(text: string): unknown;
}

export interface SourceTable {
  oid: string;
  schema: string;
  name: string;
  /** Quoted, for SQL. */
  place: string;
  /** For people: `public.customers`. */
  shown: string;
  /** Columns that the schema has fields for, in its order. */
  wanted: Wanted[];
  /** Columns that tell a row from all others, with their types; those of the primary key, or of the replica identity index. */
  key: { name: string; type: string }[];
  /** `r`: a table, `p`: one in partitions, `v`: a view … */
  kind: string;
  /** What the log holds of a former row: `d` the primary key, `f` everything, `i` an index, `n` nothing. */
  identity: string;
}

const TABLE = `SELECT c.oid, c.relkind AS kind, c.relreplident AS identity FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`;
const COLUMNS = `SELECT attname AS name, attgenerated AS generated FROM pg_attribute
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;
const KEY = `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END
CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, n)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE c.oid = $1 ORDER BY k.n`;

/**
 * @param generated whether columns that PostgreSQL computes can be read.
 * @throws Fault SOURCE_MISSING there is no such table; SOURCE_HEADER a field that must be given has no column
 */
export async function readTable(
  client: Client,
  { table, schema = 'public' }: TableConfig,
  context: Pick<SourceContext, 'schema'>,
  generated: boolean,
): Promise<SourceTable> {
  const shown = `${schema}.${table}`;
  const found = (await client.query<{ oid: string; kind: string; identity: string }>(TABLE, [schema, table])).rows[0];
  if (found === undefined)
    throw new Fault('SOURCE_MISSING', 'there is no such table', {
      place: shown,
      help: 'correct `table` and `schema` in the flow file',
    });
  const columns = (await client.query<{ name: string; generated: string }>(COLUMNS, [found.oid])).rows;
  const readable = new Set(columns.filter((column) => generated || column.generated === '').map(({ name }) => name));
  const missing = context.schema.find((field) => !readable.has(field.name) && isDemanded(field));
  if (missing !== undefined)
    throw new Fault('SOURCE_HEADER', `there is no column for field \`${missing.name}\``, {
      place: shown,
      field: missing.name,
      help: columns.some(({ name }) => name === missing.name)
        ? 'it is a generated column, which logical replication leaves out: make it nullable in the schema'
        : 'give the field a default, or let it be null',
    });
  return {
    ...found,
    schema,
    name: table,
    shown,
    place: `${quoted(schema)}.${quoted(table)}`,
    wanted: context.schema.map((field) => ({
      name: field.name,
      present: readable.has(field.name),
      convert: converterOf(field),
    })),
    key: (await client.query<{ name: string; type: string }>(KEY, [found.oid])).rows,
  };
}

const isDemanded = ({ nullable, default: standing }: Field): boolean => !nullable && standing === undefined;

/** The id of a row: the values of its key, in the key's order. */
export const idOf = (key: readonly string[]): string => key.join('/');
