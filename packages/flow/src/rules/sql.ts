/**
 * SQL rules: a query over the round, row by row. The input's row number is selected: a row that is missing is a drop
 * (SQL_FILTERED), a repeated one makes several records. Columns are set on the record, all else stays as it was.
 */
import { Fault, Faults, type Routed, type RuleResult, reject } from '@quadrille/record';
import type { ReadyRule } from '../rule.ts';
import { isolateWithin, type Pace } from './budget.ts';
import { problemOf, type SqlProblem } from './duckdb.ts';
import { type Results, SqlEngine } from './sql-engine.ts';
import type { SqlFile } from './sql-file.ts';
import { planSql, type SqlPlan, type SqlScope } from './sql-plan.ts';

type Row = Record<string, unknown>;

/** Time for one round, ms, unless the station's `timeoutMs` says otherwise. */
export const DEFAULT_TIMEOUT_MS = 10_000;

const OWN_CODE = /^([A-Z][A-Z0-9_]{1,63}): (.+)$/;

/**
 * Checks the rule and opens it.
 * @throws Faults SQL_INVALID
 */
export async function loadSqlRule(sql: SqlFile, scope: SqlScope, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<SqlRule> {
  const planned = await planSql(sql, scope);
  if ('faults' in planned) throw new Faults(planned.faults);
  return new SqlRule(sql, planned.plan, timeoutMs, await SqlEngine.open(planned.plan, sql.file));
}

export class SqlRule implements ReadyRule {
  readonly name: string;
  readonly to: readonly string[];
  readonly #file: string;
  readonly #plan: SqlPlan;
  readonly #timeoutMs: number;
  readonly #pace: Pace = { slowest: 0 };
  #engine: SqlEngine;
  /** The round before: input and replays may come at once, the connection takes one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(sql: SqlFile, plan: SqlPlan, timeoutMs: number, engine: SqlEngine) {
    this.name = sql.name;
    this.to = plan.to;
    this.#file = sql.file;
    this.#plan = plan;
    this.#timeoutMs = timeoutMs;
    this.#engine = engine;
  }

  /**
   * The query's failure is bisected down to the records it fails on: SQL_FAILED with DuckDB's message, the code that the
   * query names itself by `error('CODE: …')`, or SQL_TIMEOUT, within `timeoutMs` for the whole round; what was not decided by then is SQL_TIMEOUT too.
   * @throws Fault LOOKUP_UNAVAILABLE when a lookup cannot be given to DuckDB.
   */
  apply(records: Row[]): Promise<RuleResult<Row | Routed<Row>>[]> {
    const turn = this.#turn.then(() => this.#apply(records));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#turn;
    this.#engine.close();
  }

  async #apply(records: Row[]): Promise<RuleResult<Row | Routed<Row>>[]> {
    const results: Results = new Array(records.length).fill(undefined);
    if (records.length === 0) return [];
    await this.#refresh();
    await isolateWithin<SqlProblem>(this.#timeoutMs, this.#pace, records.length, {
      attempt: (from, to) => this.#attempt(records, results, from, to),
      interrupt: () => this.#engine.interrupt(),
      blame: (row, problem) => {
        results[row] = problem.interrupted ? this.#timeout() : this.#failure(problem);
      },
      expire: (row) => {
        results[row] = this.#timeout();
      },
    });
    return results as RuleResult<Row | Routed<Row>>[];
  }

  async #attempt(records: Row[], results: Results, from: number, to: number): Promise<SqlProblem | undefined> {
    const problem = await this.#engine.attempt(records, results, from, to);
    if (problem?.fatal === true) {
      this.#engine.close();
      this.#engine = await SqlEngine.open(this.#plan, this.#file);
      await this.#refresh();
    }
    return problem;
  }

  async #refresh(): Promise<void> {
    try {
      await this.#engine.refresh();
    } catch (cause) {
      throw new Fault('LOOKUP_UNAVAILABLE', `its rows cannot be given to the query: ${problemOf(cause).message}`, {
        place: this.#file,
        cause,
        help: 'all lookups of one query must fit into its 128 MB',
      });
    }
  }

  /** `error('CODE: …')` is the author's word on the record. */
  #failure({ type, message }: SqlProblem): Fault {
    const place = this.#file;
    const [, code, detail] = (type === 'Invalid Input' && OWN_CODE.exec(message)) || [];
    return code === undefined ? new Fault('SQL_FAILED', message, { place }) : reject(code, detail!, { place });
  }

  #timeout(): Fault {
    return new Fault('SQL_TIMEOUT', `not decided within ${this.#timeoutMs} ms`, { place: this.#file });
  }
}
