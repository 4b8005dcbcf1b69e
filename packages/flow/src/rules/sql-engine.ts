/** A planned query in a sandbox of its own, ready to be run over pieces of a round. */

import duckdb from '@duckdb/node-bindings';
import type { RuleResult } from '@quadrille/record';
import { Drop, drop, Fault, Routed } from '@quadrille/record';
import { openSandbox, problemOf, quoted, type Sandbox, type SqlProblem } from './duckdb.ts';
import { ResultChunks } from './duckdb-read.ts';
import { TableWriter } from './duckdb-write.ts';
import { ROUTE, type SqlPlan, type SqlTable } from './sql-plan.ts';
import type { SqlColumn } from './sql-types.ts';

type Row = Record<string, unknown>;
type Output = Row | Routed<Row>;
export type Results = (RuleResult<Output> | undefined)[];

const FILTERED = drop('SQL_FILTERED');

interface LoadedTable {
  table: SqlTable;
  writer: TableWriter;
  changes: number;
}

export class SqlEngine {
  readonly #plan: SqlPlan;
  readonly #place: string;
  readonly #sandbox: Sandbox;
  readonly #begin: duckdb.PreparedStatement;
  readonly #rollback: duckdb.PreparedStatement;
  readonly #input: TableWriter;
  readonly #tables: LoadedTable[];

  /** @param place of the rule, for faults. */
  static async open(plan: SqlPlan, place: string): Promise<SqlEngine> {
    const sandbox = await openSandbox();
    const { connection, raw } = sandbox;
    for (const sql of relation('input', plan.inputs, true)) await connection.run(sql);
    for (const { table, columns } of plan.tables)
      for (const sql of relation(table.name, columns, false)) await connection.run(sql);
    return new SqlEngine(
      plan,
      place,
      sandbox,
      await duckdb.prepare(raw, 'BEGIN'),
      await duckdb.prepare(raw, 'ROLLBACK'),
    );
  }

  private constructor(
    plan: SqlPlan,
    place: string,
    sandbox: Sandbox,
    begin: duckdb.PreparedStatement,
    rollback: duckdb.PreparedStatement,
  ) {
    this.#plan = plan;
    this.#place = place;
    this.#sandbox = sandbox;
    this.#begin = begin;
    this.#rollback = rollback;
    this.#input = new TableWriter(sandbox.raw, stored('input'), plan.inputs, true);
    this.#tables = plan.tables.map(({ table, columns }) => ({
      table,
      writer: new TableWriter(sandbox.raw, stored(table.name), columns, false),
      changes: -1,
    }));
  }

  /** Brings the lookups' tables up to date. @throws what DuckDB throws. */
  async refresh(): Promise<void> {
    for (const loaded of this.#tables) {
      const { table, writer } = loaded;
      const changes = table.changes;
      if (changes === loaded.changes) continue;
      const rows = table.rows();
      await this.#sandbox.connection.run(`TRUNCATE ${quoted(stored(table.name))}`);
      // A value of the wrong kind stands as null: the reference topic's own schema has vouched for it.
      writer.write(rows, 0, rows.length, () => undefined);
      loaded.changes = changes;
    }
  }

  /**
   * Runs the query over `records[from]` up to, without, `records[to]`, and sets their results; records are changed in
   * place, and only when the query has gone through.
   * @returns what was wrong; then nothing has been set or changed.
   */
  async attempt(records: readonly Row[], results: Results, from: number, to: number): Promise<SqlProblem | undefined> {
    const refused: [number, SqlColumn][] = [];
    let chunks: ResultChunks;
    try {
      // What a transaction has appended and not committed costs nothing to take back.
      await duckdb.execute_prepared(this.#begin);
      this.#input.write(records, from, to, (row, column) => refused.push([row, column]));
      // Planned anew each time, 0.5 ms: DuckDB plans by what the tables hold, so that a statement prepared over an empty
      // table takes `x IS NULL` for false for ever (1.5.6).
      chunks = await ResultChunks.of(await duckdb.query(this.#sandbox.raw, this.#plan.statement));
    } catch (thrown) {
      return problemOf(thrown);
    } finally {
      await duckdb.execute_prepared(this.#rollback).catch(() => undefined);
    }
    const rows = rowNumbers(chunks, from, to);
    if (rows === undefined)
      return {
        type: 'Rule',
        message: 'the query gave a row number that is not one of `input`',
        position: undefined,
        interrupted: false,
        fatal: false,
      };
    for (const [row, { field }] of refused) {
      results[row] = new Fault('SQL_FAILED', `field \`${field.name}\` is not ${field.kind}`, {
        place: this.#place,
        field: field.name,
      });
    }
    for (let index = 0; index < chunks.count; index++)
      this.#collect(chunks, index, rows[index] as Int32Array, records, results);
    for (let row = from; row < to; row++) if (results[row] === undefined) results[row] = FILTERED;
    if (this.#plan.to.length > 0) for (let row = from; row < to; row++) results[row] = routed(results[row]!);
    return undefined;
  }

  #collect(chunks: ResultChunks, index: number, rows: Int32Array, records: readonly Row[], results: Results): void {
    const targets = new Array<Row>(rows.length);
    for (let i = 0; i < rows.length; i++) targets[i] = target(rows[i] as number, records, results);
    chunks.assign(index, this.#plan.results, targets, (i, column) => {
      results[rows[i] as number] = new Fault('SQL_FAILED', `column \`${column.name}\` is beyond 2^53-1`, {
        place: this.#place,
        field: column.name,
        help: 'mark the field `"longs": "bigint"` in the schema',
      });
    });
  }

  interrupt(): void {
    duckdb.interrupt(this.#sandbox.raw);
  }

  close(): void {
    this.#sandbox.close();
  }
}

const stored = (relation: string): string => `quadrille rows of ${relation}`;

/** The table that is written, and the view over it that the query sees. */
function relation(name: string, columns: readonly SqlColumn[], numbered: boolean): string[] {
  const list = columns.map((column) => `${quoted(column.field.name)} ${column.stored}`);
  const view = columns.map(({ field, stored: has, seen }) =>
    has === seen ? quoted(field.name) : `CAST(${quoted(field.name)} AS ${seen}) AS ${quoted(field.name)}`,
  );
  if (numbered) {
    list.unshift('"row" INTEGER');
    view.unshift('"row"');
  }
  // A query that counts on a lookup's rows alone names none of its columns.
  if (list.length === 0) {
    list.push('"none" INTEGER');
    view.push('"none"');
  }
  return [
    `CREATE TEMP TABLE ${quoted(stored(name))} (${list.join(', ')})`,
    `CREATE TEMP VIEW ${quoted(name)} AS SELECT ${view.join(', ')} FROM ${quoted(stored(name))}`,
  ];
}

/** The result with each record sent to the topic that the query named for it. */
function routed(result: RuleResult<Output>): RuleResult<Output> {
  if (result instanceof Drop || result instanceof Fault) return result;
  return Array.isArray(result) ? (result as Row[]).map(route) : route(result as Row);
}

function route(record: Row): Output {
  const topic = record[ROUTE];
  // Set last: taking it away again leaves the record's shape as it was.
  delete record[ROUTE];
  return typeof topic === 'string' ? new Routed(topic, record) : record;
}

/** The row numbers of every chunk, or undefined when one is null or not of this piece. */
function rowNumbers(chunks: ResultChunks, from: number, to: number): Int32Array[] | undefined {
  const all: Int32Array[] = [];
  for (let index = 0; index < chunks.count; index++) {
    const rows = chunks.rows(index);
    if (rows === undefined) return undefined;
    for (let i = 0; i < rows.length; i++) if ((rows[i] as number) < from || (rows[i] as number) >= to) return undefined;
    all.push(rows);
  }
  return all;
}

/** The record a result row is set on: the record itself for the first, copies for more. */
function target(row: number, records: readonly Row[], results: Results): Row {
  const record = records[row] as Row;
  const before = results[row];
  if (before === undefined) {
    results[row] = record;
    return record;
  }
  if (before instanceof Fault) return {};
  const copy = { ...record };
  if (Array.isArray(before)) before.push(copy);
  else results[row] = [record, copy];
  return copy;
}
