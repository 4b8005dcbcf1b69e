/** A SQL condition over the fields of records, to select some of them: evaluated in the sandbox, row by row. */
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import { openSandbox, problemOf, quoted, type Sandbox, type SqlProblem } from './duckdb.ts';
import { children, isNode, NOWHERE, type Node, parseSql } from './sql-check.ts';
import { type Results, SqlEngine } from './sql-engine.ts';
import { functionsOf } from './sql-functions.ts';
import { columnOf, type SqlColumn } from './sql-types.ts';

type Row = Record<string, unknown>;

export interface Where {
  /**
   * Which values meet the condition, in their order. One that is neither true nor false (null) is not met; nor is it by a
   * value that has another kind than its field.
   * @throws Fault SQL_INVALID when it fails on a value, or takes longer than its time.
   */
  matches(values: readonly Row[]): Promise<boolean[]>;
  close(): void;
}

/** Time for one call of `matches`, ms. */
const TIMEOUT_MS = 10_000;
/** Rows that are in the sandbox at a time: its memory is bounded. */
const PIECE = 4_096;
const BEFORE = 'SELECT "row" FROM input WHERE\n';
const HELP = "write one condition over the fields of the record: `dest = 'SJU' AND dep_delay > 60`";

/**
 * Checks a condition and opens it.
 * @param fields of the values; those that SQL has no type for (lists, maps, records) cannot be named.
 * @throws Fault SQL_INVALID with line and column as place, for anything but one condition over these fields.
 */
export async function openWhere(fields: readonly Field[], expression: string, timeoutMs = TIMEOUT_MS): Promise<Where> {
  const statement = `${BEFORE}${expression}\n`;
  const sandbox = await openSandbox();
  let inputs: SqlColumn[];
  try {
    inputs = columnsFor(await check(sandbox, statement), fields);
    await bind(sandbox, statement, fields);
  } finally {
    sandbox.close();
  }
  const plan = { statement, inputs, tables: [], results: [], to: [] };
  return new OpenWhere(await SqlEngine.open(plan, 'where'), timeoutMs);
}

class OpenWhere implements Where {
  readonly #engine: SqlEngine;
  readonly #timeoutMs: number;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(engine: SqlEngine, timeoutMs: number) {
    this.#engine = engine;
    this.#timeoutMs = timeoutMs;
  }

  matches(values: readonly Row[]): Promise<boolean[]> {
    const turn = this.#turn.then(() => this.#matches(values));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  close(): void {
    this.#engine.close();
  }

  async #matches(values: readonly Row[]): Promise<boolean[]> {
    const results: Results = new Array(values.length).fill(undefined);
    const timer = setTimeout(() => this.#engine.interrupt(), this.#timeoutMs);
    const end = Date.now() + this.#timeoutMs;
    try {
      for (let from = 0; from < values.length; from += PIECE) {
        const problem = await this.#engine.attempt(values, results, from, Math.min(from + PIECE, values.length));
        if (problem?.interrupted === true || Date.now() >= end)
          throw invalid(
            `not decided within ${this.#timeoutMs} ms`,
            'write a simpler condition, or select fewer records',
          );
        if (problem !== undefined) throw failed(problem);
      }
    } finally {
      clearTimeout(timer);
    }
    return results.map((result, row) => result === values[row]);
  }
}

/** DuckDB's message quotes the value it stumbled over: it is left out. */
const failed = ({ type }: SqlProblem): Fault =>
  invalid(`it fails on a record (${type || 'error'})`, 'take care of every value, e.g. with TRY_CAST instead of CAST');

const invalid = (detail: string, help = HELP, place = 'where'): Fault =>
  new Fault('SQL_INVALID', `condition: ${detail}`, { place, help });

/** `where:line:column` of a byte of the statement. */
function placeOf(statement: string, position: unknown): string {
  if (typeof position !== 'number' || position >= NOWHERE / 10) return 'where';
  const before = Buffer.from(statement).subarray(Buffer.byteLength(BEFORE), position).toString('utf8').split('\n');
  return `where:${before.length}:${(before.at(-1) as string).length + 1}`;
}

/** Every name that may be a column, in lower case. @throws Fault SQL_INVALID */
async function check(sandbox: Sandbox, statement: string): Promise<Set<string>> {
  const refuse = (detail: string, position?: unknown): never => {
    throw invalid(detail, HELP, placeOf(statement, position));
  };
  const parsed = await parseSql(sandbox, statement);
  if (parsed.error === true)
    refuse(
      parsed.error_type === 'parser' ? String(parsed.error_message) : 'it is no condition',
      parsed.position === undefined ? undefined : Number(parsed.position),
    );
  const [first, ...others] = parsed.statements as { node: Node }[];
  if (first === undefined || others.length > 0) refuse('only one condition is allowed');
  const { node } = first as { node: Node };
  const isBare =
    node.type === 'SELECT_NODE' &&
    isEmpty(node.modifiers) &&
    isEmpty(node.group_expressions) &&
    isEmpty(node.group_sets) &&
    isNode(node.where_clause) &&
    [node.having, node.qualify, node.sample].every((part) => !isNode(part)) &&
    (node.from_table as Node).type === 'BASE_TABLE';
  if (!isBare) refuse('something follows the condition');
  const { aggregates } = await functionsOf(sandbox);
  const columns = new Set<string>();
  const visit = (part: unknown): void => {
    if (isNode(part)) {
      const name = String(part.function_name).toLowerCase();
      if (part.class === 'SUBQUERY') refuse('a query within it is not allowed', part.query_location);
      if (part.class === 'WINDOW') refuse(`window function \`${name}\` is not allowed`, part.query_location);
      if (part.class === 'PARAMETER') refuse('it has no parameters', part.query_location);
      if (part.class === 'FUNCTION' && aggregates.has(name))
        refuse(`aggregate \`${name}\` is not allowed`, part.query_location);
      if (part.class === 'COLUMN_REF')
        for (const column of part.column_names as string[]) columns.add(column.toLowerCase());
    }
    for (const child of children(part)) visit(child);
  };
  visit(node.where_clause);
  return columns;
}

const isEmpty = (value: unknown): boolean => !Array.isArray(value) || value.length === 0;

/** @throws Fault SQL_INVALID for names that SQL cannot tell apart. */
function columnsFor(names: ReadonlySet<string>, fields: readonly Field[]): SqlColumn[] {
  // The number that the sandbox gives each value.
  if (names.has('row')) throw invalid('`row` cannot be named: SQL has that name already');
  const used = fields.filter(({ name }) => names.has(name.toLowerCase()));
  const taken = new Set<string>();
  for (const { name } of used) {
    if (taken.has(name.toLowerCase())) throw invalid(`field \`${name}\` cannot be named: SQL has that name already`);
    taken.add(name.toLowerCase());
  }
  return used.map(columnOf).filter((column) => column !== undefined);
}

/** Names and types, as DuckDB sees them. @throws Fault SQL_INVALID */
async function bind(sandbox: Sandbox, statement: string, fields: readonly Field[]): Promise<void> {
  const taken = new Set(['row']);
  const list = ['0 AS "row"'];
  for (const field of fields) {
    const column = columnOf(field);
    if (column === undefined || taken.has(field.name.toLowerCase())) continue;
    taken.add(field.name.toLowerCase());
    list.push(`CAST(NULL AS ${column.seen}) AS ${quoted(field.name)}`);
  }
  await sandbox.connection.run(`CREATE TEMP VIEW input AS SELECT ${list.join(', ')} WHERE false`);
  try {
    (await sandbox.connection.prepare(statement)).destroySync();
  } catch (thrown) {
    const { message, position } = problemOf(thrown);
    throw invalid(message, HELP, placeOf(statement, position));
  }
}
