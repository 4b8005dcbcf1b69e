/** From a checked query to what runs: which columns DuckDB is given, and how its result comes back as fields. */
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import { openSandbox, problemOf, quoted, type Sandbox } from './duckdb.ts';
import type { ResultColumn } from './duckdb-read.ts';
import { checkSql, type SqlUse } from './sql-check.ts';
import type { SqlFile } from './sql-file.ts';
import { TOPIC_COLUMN } from './sql-topics.ts';
import { backFrom, columnOf, mismatch, type SqlColumn } from './sql-types.ts';

/** A lookup as a relation that a query may read. */
export interface SqlTable {
  name: string;
  fields: readonly Field[];
  /** Goes up with every change; rows are read again when it did. */
  readonly changes: number;
  /** All rows there are now. */
  rows(): readonly Record<string, unknown>[];
}

/** Fields of every topic that a station writes, by topic, in the order of the flow file. */
export type OutputFields = ReadonlyMap<string, readonly Field[]>;

export interface SqlPlan {
  /** What DuckDB runs: the rule's query with its columns cast to what the reader reads. */
  statement: string;
  inputs: readonly SqlColumn[];
  tables: readonly { table: SqlTable; columns: readonly SqlColumn[] }[];
  results: readonly ResultColumn[];
  /** The topics it sends records to; the column ROUTE says which. */
  to: readonly string[];
}

/** Where a record's topic stands until the record is sent there; no field has such a name. */
export const ROUTE = 'quadrille topic';

export interface SqlScope {
  /** Fields a record may have when the rule sees it, and fields the rule may set. */
  fields: readonly Field[];
  tables: readonly SqlTable[];
  /** Default: none. */
  topics?: OutputFields;
}

/** Checks a rule and plans it: either faults or a plan. */
export async function planSql(sql: SqlFile, scope: SqlScope): Promise<{ plan: SqlPlan } | { faults: Fault[] }> {
  const sandbox = await openSandbox();
  try {
    const names = scope.tables.map((table) => table.name);
    const { faults, use } = await checkSql(sql, names, [...(scope.topics?.keys() ?? [])], sandbox);
    faults.push(...clashes(sql, scope));
    if (faults.length > 0) return { faults };
    await createEmptyRelations(sandbox, scope);
    const shape = await bind(sql, scope, sandbox);
    if (shape.faults.length > 0) return { faults: shape.faults };
    const plan: SqlPlan = {
      statement: wrap(sql.text, shape.columns, shape.routed),
      inputs: usedColumns(scope.fields, use),
      tables: scope.tables
        .filter(({ name }) => use.tables.has(name))
        .map((table) => ({ table, columns: usedColumns(table.fields, use) })),
      results: [...shape.columns.map(({ field }) => resultColumn(field)), ...(shape.routed ? [ROUTE_COLUMN] : [])],
      to: [...use.topics],
    };
    return { plan };
  } finally {
    sandbox.close();
  }
}

/** Names that SQL cannot tell apart, or that hide the row number. */
function clashes(sql: SqlFile, scope: SqlScope): Fault[] {
  const faults: Fault[] = [];
  const check = (relation: string, fields: readonly Field[], taken: Set<string>): void => {
    for (const { name } of fields) {
      if (taken.has(name.toLowerCase()))
        faults.push(
          new Fault(
            'SQL_INVALID',
            `field \`${name}\` of \`${relation}\` has a name that is taken (SQL does not tell upper from lower case)`,
            { place: sql.file, help: 'rename the field, or write the rule in TypeScript' },
          ),
        );
      taken.add(name.toLowerCase());
    }
  };
  check('input', scope.fields, new Set(['row']));
  for (const table of scope.tables) check(table.name, table.fields, new Set());
  return faults;
}

/** Relations with every column and no rows, for the binder to look names and types up. */
async function createEmptyRelations(sandbox: Sandbox, scope: SqlScope): Promise<void> {
  const view = (name: string, fields: readonly Field[], first: string[]): string => {
    const columns = fields.map(columnOf).filter((column) => column !== undefined);
    const list = [...first, ...columns.map(({ field, seen }) => `CAST(NULL AS ${seen}) AS ${quoted(field.name)}`)];
    return `CREATE TEMP VIEW ${quoted(name)} AS SELECT ${list.length === 0 ? 'NULL AS "none"' : list.join(', ')} WHERE false`;
  };
  await sandbox.connection.run(view('input', scope.fields, ['CAST(NULL AS INTEGER) AS "row"']));
  for (const table of scope.tables) await sandbox.connection.run(view(table.name, table.fields, []));
}

interface Bound {
  name: string;
  field: Field;
}

interface Shape {
  faults: Fault[];
  columns: Bound[];
  /** It has a column `topic` that says where records go. */
  routed: boolean;
}

async function bind(sql: SqlFile, scope: SqlScope, sandbox: Sandbox): Promise<Shape> {
  const faults: Fault[] = [];
  const columns: Bound[] = [];
  const topics = scope.topics ?? new Map<string, readonly Field[]>();
  let routed = false;
  let names: string[];
  let types: string[];
  try {
    const prepared = await sandbox.connection.prepare(sql.text);
    names = Array.from({ length: prepared.columnCount }, (_, at) => prepared.columnName(at));
    prepared.destroySync();
    types = await resultTypes(sql.text, sandbox);
  } catch (thrown) {
    const { message, position } = problemOf(thrown);
    return {
      faults: [new Fault('SQL_INVALID', message, { place: position === undefined ? sql.file : sql.placeOf(position) })],
      columns,
      routed,
    };
  }
  const wrong = (detail: string, help?: string): number =>
    faults.push(new Fault('SQL_INVALID', detail, help === undefined ? { place: sql.file } : { place: sql.file, help }));
  const seen = new Set<string>();
  for (const [at, name] of names.entries()) {
    const type = types[at] as string;
    if (seen.has(name.toLowerCase()))
      wrong(
        `the result has two columns \`${name}\``,
        'give one of them another name, or name the columns instead of `*`',
      );
    seen.add(name.toLowerCase());
    if (name.toLowerCase() === 'row') {
      if (!/^U?(TINY|SMALL|BIG)?INT(EGER)?$/.test(type))
        wrong(`column \`row\` is ${type}, wanted is the row number of \`input\` as it is`);
      continue;
    }
    const field = fieldOf(name, scope.fields);
    if (topics.size > 1 && name.toLowerCase() === TOPIC_COLUMN) {
      routed = true;
      if (field !== undefined)
        wrong('column `topic` says where a record goes, and a schema has a field of that name', 'rename the field');
      if (type !== 'VARCHAR' && type !== '"NULL"') wrong(`column \`topic\` is ${type}, wanted is VARCHAR`);
      continue;
    }
    if (field === undefined) {
      wrong(
        `column \`${name}\` is no field of the output schema`,
        'add the field to the schema, or leave the column out',
      );
      continue;
    }
    const wanted = mismatch(type, field);
    if (wanted !== undefined)
      wrong(
        `column \`${name}\` is ${type}, wanted is ${wanted}`,
        `cast it: \`CAST(… AS ${wanted})\`, or round() first where digits would be lost`,
      );
    for (const [topic, own] of elsewhere(field, topics)) {
      const kind = mismatch(type, own);
      const what = kind === undefined ? undefined : `\`${topic}\` wants ${kind}`;
      const unlike = columnOf(own)?.physical === columnOf(field)?.physical ? undefined : `\`${topic}\` has ${own.kind}`;
      if (wanted === undefined && (what ?? unlike) !== undefined)
        wrong(`column \`${name}\` is ${type}, and ${what ?? unlike}`, 'give the field one type in all topics');
    }
    columns.push({ name, field });
  }
  if (!seen.has('row'))
    wrong('the result lacks `row`', 'select `input.row`: it tells which record a result belongs to');
  return { faults, columns, routed };
}

/** The field as other topics of the station have it. */
const elsewhere = (field: Field, topics: OutputFields): [string, Field][] =>
  [...topics].flatMap(([topic, fields]) => {
    const own = fieldOf(field.name, fields);
    return own === undefined || own === field ? [] : [[topic, own]];
  });

/** A prepared statement calls the type of NULL INTEGER; a view says what it is. */
async function resultTypes(query: string, sandbox: Sandbox): Promise<string[]> {
  await sandbox.connection.run(`CREATE TEMP VIEW "quadrille result" AS ${query}`);
  const rows = await sandbox.connection.runAndReadAll(
    "SELECT data_type FROM duckdb_columns() WHERE table_name = 'quadrille result' ORDER BY column_index",
  );
  return rows.getRows().map(([type]) => type as string);
}

function fieldOf(name: string, fields: readonly Field[]): Field | undefined {
  return (
    fields.find((field) => field.name === name) ??
    fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
  );
}

function usedColumns(fields: readonly Field[], use: SqlUse): SqlColumn[] {
  return fields
    .filter(({ name }) => use.columns === undefined || use.columns.has(name.toLowerCase()))
    .map(columnOf)
    .filter((column) => column !== undefined);
}

function wrap(text: string, columns: readonly Bound[], routed: boolean): string {
  const query = text.replace(/;\s*(--[^\n]*\s*)*$/, '');
  const list = columns.map(({ name, field }) => `${backFrom(quoted(name), field)} AS ${quoted(name)}`);
  if (routed) list.push(`CAST(${quoted(TOPIC_COLUMN)} AS VARCHAR) AS ${quoted(ROUTE)}`);
  return `SELECT ${['CAST("row" AS INTEGER) AS "row"', ...list].join(', ')} FROM (\n${query}\n) AS result`;
}

const ROUTE_COLUMN: ResultColumn = { name: ROUTE, physical: 'text', factor: 1, bigint: false };

function resultColumn(field: Field): ResultColumn {
  const { physical, factor } = columnOf(field) as SqlColumn;
  return { name: field.name, physical, factor, bigint: field.bigint };
}
