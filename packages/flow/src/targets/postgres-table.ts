/** The table a loader writes: made from the schema, or checked against it. */
import { Fault } from '@quadrille/record';
import type { ClientBase } from 'pg';
import type { Field } from '../avro/field.ts';
import type { OwnColumn } from './postgres-bookkeeping.ts';
import type { Column } from './postgres-columns.ts';
import { addedColumn, isAddable } from './postgres-default.ts';
import type { Mode } from './postgres-modes.ts';

export interface TableName {
  schema: string;
  table: string;
}

/** Names are cut silently beyond this many bytes. */
const NAME_BYTES = 63;

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quotedTable = ({ schema, table }: TableName): string => `${quoted(schema)}.${quoted(table)}`;

/** What a table must be like. */
export interface TablePlan {
  name: TableName;
  fields: readonly Field[];
  /** A column for each field. */
  columns: readonly Column[];
  mode: Pick<Mode, 'own' | 'key'>;
}

interface Existing {
  name: string;
  type: string;
  /** It must be given, and we would not give it. */
  demanded: boolean;
}

/**
 * Makes the table if it is absent, adds columns for new fields that are nullable or have a plain default, and checks the
 * rest. All value columns are nullable, since a deletion keeps only id and version. Several loaders may call it at once.
 * @param migrate false: neither made nor altered, only checked.
 * @throws Fault TARGET_SCHEMA with every problem found; the connection is then inside a transaction.
 */
export async function prepareTable(client: ClientBase, plan: TablePlan, migrate: boolean): Promise<void> {
  const { name, fields, columns, mode } = plan;
  const problems = nameProblems(plan);
  if (problems.length > 0) refuse(name, problems);
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  // one loader at a time; CREATE … IF NOT EXISTS fails when two run at once
  await client.query('SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))', ['quadrille', quotedTable(name)]);
  const existing = await existingColumns(client, name);
  if (existing === undefined) {
    if (!migrate) refuse(name, ['it does not exist, and `migrate` is off']);
    await createTable(client, plan);
  } else {
    const missing = columns.filter((column) => !existing.some((other) => other.name === column.name));
    const added = migrate
      ? fields.filter((field) => isAddable(field) && missing.some(({ name: column }) => column === field.name))
      : [];
    const found = problemsOf(
      plan,
      existing,
      missing.filter((column) => !added.some((field) => field.name === column.name)),
    );
    if (!(await hasUniqueKey(client, name, mode.key)))
      found.push(
        `${mode.key.join(', ')} ${mode.key.length > 1 ? 'have' : 'has'} no primary key or unique index of its own`,
      );
    if (found.length > 0) refuse(name, found);
    for (const field of added) {
      const column = columns.find((each) => each.name === field.name)!;
      await client.query(
        `ALTER TABLE ${quotedTable(name)} ADD COLUMN ${quoted(field.name)} ${addedColumn(field, column)}`,
      );
      await client.query(`UPDATE ${quotedTable(name)} SET ${quoted(field.name)} = NULL WHERE _deleted`);
    }
  }
  await client.query('COMMIT');
}

function refuse(name: TableName, problems: readonly string[]): never {
  throw new Fault('TARGET_SCHEMA', problems.join('; '), { place: quotedTable(name) });
}

function nameProblems({ name: { schema, table }, columns, mode }: TablePlan): string[] {
  const reserved = new Set(mode.own.map((column) => column.name));
  return [
    ...[schema, table, ...columns.map((column) => column.name)]
      .filter((name) => Buffer.byteLength(name) > NAME_BYTES)
      .map((name) => `name ${name} is longer than ${NAME_BYTES} bytes`),
    ...columns
      .filter((column) => reserved.has(column.name))
      .map((column) => `field ${column.name} has a name that the loader uses itself`),
  ];
}

async function createTable(client: ClientBase, { name, columns, mode }: TablePlan): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [name.schema]);
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${quoted(name.schema)}`);
  const lines = [
    ...columns.map((column) => `${quoted(column.name)} ${column.type}`),
    ...mode.own.map(
      ({ name: own, type, nullable }) =>
        `${own} ${type}${nullable ? '' : ' NOT NULL'}${own === '_loaded_at' ? ' DEFAULT now()' : ''}`,
    ),
    `PRIMARY KEY (${mode.key.join(', ')})`,
  ];
  await client.query(`CREATE TABLE ${quotedTable(name)} (\n  ${lines.join(',\n  ')}\n)`);
}

async function existingColumns(client: ClientBase, { schema, table }: TableName): Promise<Existing[] | undefined> {
  const found = await client.query<{ oid: number }>(
    `SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, table],
  );
  const oid = found.rows[0]?.oid;
  if (oid === undefined) return undefined;
  const { rows } = await client.query<Existing>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type,
            attnotnull AND NOT atthasdef AND attidentity = '' AS demanded
     FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [oid],
  );
  return rows;
}

function problemsOf({ columns, mode }: TablePlan, existing: readonly Existing[], missing: readonly Column[]): string[] {
  const problems = missing.map((column) => `column ${column.name} (${column.type}) is missing`);
  for (const own of mode.own) {
    const there = existing.find((other) => other.name === own.name);
    if (there === undefined) problems.push(`column ${own.name} (${own.type}) is missing`);
    else if (there.type !== own.type) problems.push(`column ${own.name} is ${there.type}, and must be ${own.type}`);
  }
  for (const there of existing) {
    const column = columns.find((other) => other.name === there.name);
    if (column !== undefined && !column.accepts(there.type))
      problems.push(`column ${there.name} is ${there.type}, the schema needs ${column.type}`);
    if (column === undefined && there.demanded && !mode.own.some((own: OwnColumn) => own.name === there.name)) {
      problems.push(`column ${there.name} is not in the schema, and is NOT NULL without a default`);
    }
  }
  return problems;
}

/** Over these columns and no others, in any order. */
async function hasUniqueKey(client: ClientBase, name: TableName, key: readonly string[]): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_index i
     WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
       AND $2::text[] = (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
         WHERE a.attrelid = i.indrelid AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1]))`,
    [quotedTable(name), [...key].sort()],
  );
  return (rowCount ?? 0) > 0;
}
