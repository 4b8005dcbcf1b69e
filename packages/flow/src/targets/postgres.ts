/** The target `postgres`: one table; its mode says which versions of an id stand in it (postgres-modes.ts). */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '@quadrille/record';
import { type ClientBase, Pool, type PoolClient } from 'pg';
import type { Field } from '../avro/field.ts';
import type { ConfigProblem, FoundRow, Outcome, Target, TargetContext, TargetRow, TargetType } from '../target.ts';
import { type Column, columnOf } from './postgres-columns.ts';
import { faultOf, isAbsent, isRetryable } from './postgres-faults.ts';
import { isMoment } from './postgres-history.ts';
import { FEATURES, MODES, type Mode, type PostgresMode } from './postgres-modes.ts';
import { find, type StandingRow, standing, upsert } from './postgres-statements.ts';
import { prepareTable, quotedTable, type TableName } from './postgres-table.ts';
import { contentHash, foldRows, outcomeAgainst } from './row-order.ts';

export interface PostgresConfig {
  table: string;
  mode?: PostgresMode;
  validFrom?: string;
  schema?: string;
  address?: string;
  connections?: number;
  migrate?: boolean;
  timeoutMs?: number;
}

const CONNECT_MS = 10_000;
/** A deadlock or serialization failure is tried again so often. */
const ATTEMPTS = 6;

/**
 * Example:
 *
 *     warehouse: { loader: { type: postgres, table: flights, connections: 2 }, from: flights.enriched }
 */
export const postgres: TargetType<PostgresConfig> = {
  type: 'postgres',
  doc: 'A table of PostgreSQL 13 or newer. Made from the schema if it is absent. A deletion stands as a row with `_deleted`, id and version.',
  features: FEATURES,
  config: {
    type: 'object',
    properties: {
      table: { description: 'Table to write.', type: 'string', minLength: 1 },
      mode: {
        description:
          '`upsert`: a row an id, its newest version. `append`: a row for every version and revision. `history`: a row for every version, with `_valid_from` and `_valid_to`; one instance writes at a time.',
        enum: ['upsert', 'append', 'history'],
        default: 'upsert',
      },
      validFrom: {
        description:
          'With mode `history`: the field, a date or timestamp, that says since when a version holds. Without it, and for deletions: the time of the record, which is when it was extracted.',
        type: 'string',
        minLength: 1,
      },
      schema: {
        description: 'Schema of the table; made if it is absent.',
        type: 'string',
        minLength: 1,
        default: 'public',
      },
      address: {
        description:
          'Name of the environment variable that holds the address, postgres://user:password@host:port/database.',
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        default: 'DATABASE_URL',
      },
      connections: {
        description: 'At most so many connections an instance.',
        type: 'integer',
        minimum: 1,
        maximum: 100,
        default: 2,
      },
      migrate: {
        description:
          'Make the table, and add a column for each new field of the schema that may be null or has a default, which rows that stand then show: both lose nothing. false: only check.',
        type: 'boolean',
        default: true,
      },
      timeoutMs: { description: 'Time for one statement, in ms.', type: 'integer', minimum: 100, default: 60_000 },
    },
    required: ['table'],
    additionalProperties: false,
  },
  check,
  create: (config, context) => new PostgresTarget(config, context),
};

function check({ mode, validFrom }: PostgresConfig, fields: readonly Field[]): ConfigProblem[] {
  const path = ['validFrom'];
  if (validFrom === undefined) return [];
  if (mode !== 'history') return [{ path, what: '`validFrom` means nothing without `mode: history`' }];
  const field = fields.find(({ name }) => name === validFrom);
  if (field === undefined) return [{ path, what: `there is no field \`${validFrom}\`` }];
  if (isMoment(field)) return [];
  return [{ path, what: `\`${validFrom}\` is ${field.kind}`, help: 'take a date or a timestamp' }];
}

class PostgresTarget implements Target {
  readonly #config: PostgresConfig;
  readonly #context: TargetContext;
  readonly #name: TableName;
  readonly #place: string;
  readonly #columns: readonly Column[];
  readonly #values: readonly Column[];
  readonly #mode: Mode;
  readonly #keyAt: number;
  readonly #upsert: string;
  readonly #standing: string;
  #pool: Pool | undefined;

  constructor(config: PostgresConfig, context: TargetContext) {
    this.#config = config;
    this.#context = context;
    this.#name = { schema: config.schema ?? 'public', table: config.table };
    this.#place = quotedTable(this.#name);
    this.#values = context.fields.map(columnOf);
    this.#mode = MODES[config.mode ?? 'upsert'];
    const own = this.#mode.columns(context.fields.find(({ name }) => name === config.validFrom));
    this.#columns = [...this.#values, ...own];
    this.#keyAt = this.#values.length;
    this.#upsert = upsert(this.#place, this.#columns, this.#mode.key);
    this.#standing = standing(this.#place, own.slice(0, this.#mode.key.length));
  }

  async open(): Promise<void> {
    this.#pool ??= this.#connect();
    await this.#withClient((client) =>
      prepareTable(
        client,
        { name: this.#name, fields: this.#context.fields, columns: this.#values, mode: this.#mode },
        this.#config.migrate ?? true,
      ),
    );
  }

  async write(rows: TargetRow[], dryRun = false): Promise<Outcome[]> {
    if (rows.length === 0) return [];
    const { winners, winnerOf, outcomes } = foldRows(rows, this.#mode.rival);
    const parameters = this.#columns.map((column) => column.encode(winners));
    const stood = await this.#retried(() =>
      this.#withClient((client) => this.#transact(client, parameters, winners.length, dryRun)),
    );
    if (stood.length === 0) return outcomes;
    const byWinner = new Map(stood.map((row) => [row[0] - 1, row]));
    return outcomes.map((outcome, i) => {
      const there = byWinner.get(winnerOf[i] as number);
      return there === undefined ? outcome : outcomeAgainstRow(there, rows[i] as TargetRow);
    });
  }

  async find(id: string): Promise<FoundRow | undefined> {
    // No text of PostgreSQL holds the null character, so no row has such an id.
    if (id.includes('\0')) return undefined;
    this.#pool ??= this.#connect();
    try {
      const { rows } = await this.#withClient((client) =>
        client.query<Omit<FoundRow, 'version' | 'offset'> & { version: string; offset: string }>(find(this.#place), [
          id,
        ]),
      );
      const row = rows[0];
      return row && { ...row, version: BigInt(row.version), offset: Number(row.offset) };
    } catch (error) {
      if (error instanceof Fault && isAbsent(error.cause)) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  /** All or nothing; the rows that were not written. */
  async #transact(client: ClientBase, parameters: Buffer[], count: number, dryRun: boolean): Promise<StandingRow[]> {
    const { before, after, key } = this.#mode;
    const ids = parameters[this.#keyAt];
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    if (before !== undefined) await client.query(before(this.#place));
    const written = await client.query({ name: 'quadrille_upsert', text: this.#upsert, values: parameters });
    let stood: StandingRow[] = [];
    if (written.rowCount !== count) {
      const values = parameters.slice(this.#keyAt, this.#keyAt + key.length);
      const found = await client.query<StandingRow>({
        name: 'quadrille_standing',
        text: this.#standing,
        values,
        rowMode: 'array',
      });
      stood = found.rows;
    }
    if (after !== undefined) await client.query({ name: 'quadrille_after', text: after(this.#place), values: [ids] });
    // What is checked at commit must be checked in a dry run too.
    if (dryRun) await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    await client.query(dryRun ? 'ROLLBACK' : 'COMMIT');
    return stood;
  }

  async #retried<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Fault && isRetryable(error.cause)) || attempt === ATTEMPTS) throw error;
        await sleep(Math.random() * 20 * 2 ** attempt);
      }
    }
  }

  /** One connection for the work, rolled back on an error and thrown away unless the error was of the rows. @throws Fault */
  async #withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const pool = this.#pool;
    if (pool === undefined) throw new Error('the target is not open');
    let client: PoolClient | undefined;
    try {
      client = await pool.connect();
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      const fault = faultOf(
        error,
        this.#place,
        this.#columns.map((column) => column.name),
      );
      const healthy =
        fault.code === 'TARGET_REFUSED' &&
        (await client?.query('ROLLBACK').then(
          () => true,
          () => false,
        ));
      client?.release(!healthy);
      throw fault;
    }
  }

  #connect(): Pool {
    const variable = this.#config.address ?? 'DATABASE_URL';
    const connectionString = this.#context.env[variable];
    if (connectionString === undefined || connectionString === '') {
      throw new Fault('CONFIG_INVALID', `environment variable ${variable} is not set`, {
        help: `set ${variable} to postgres://user:password@host:port/database`,
      });
    }
    if (!URL.canParse(connectionString))
      throw new Fault('CONFIG_INVALID', `environment variable ${variable} holds no address`, {
        help: 'it looks like postgres://user:password@host:port/database',
      });
    const timeout = this.#config.timeoutMs ?? 60_000;
    const pool = new Pool({
      connectionString,
      max: this.#config.connections ?? 2,
      application_name: `quadrille ${this.#context.flow}.${this.#context.station}`,
      connectionTimeoutMillis: Math.min(CONNECT_MS, timeout),
      statement_timeout: timeout,
      // for a server that has gone without a word; the statement's own timeout comes first
      query_timeout: timeout + 5_000,
      keepAlive: true,
    });
    // an error while no query runs; the next query meets it and says so
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool;
  }
}

/** What became of a row where another of its id stood and was not replaced. */
function outcomeAgainstRow(
  [, version, revision, topic, partition, offset, hash]: StandingRow,
  row: TargetRow,
): Outcome {
  const same =
    row.bytes === null || hash === null ? row.bytes === hash : hash.toString('latin1') === contentHash(row.bytes);
  const there = { version: BigInt(version), revision, topic, partition, offset: Number(offset) };
  const outcome = outcomeAgainst(there, row, same);
  // it would have replaced the row, had not another of its batch come before it that is neither newer nor older
  return outcome === 'written' ? 'conflict' : outcome;
}
