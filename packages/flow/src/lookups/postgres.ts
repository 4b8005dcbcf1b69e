/** The lookup `postgres`: rows of a query, found by its columns; one statement for all keys of a round. */
import { Fault } from '@quadrille/record';
import { DatabaseError, Pool } from 'pg';
import { needVariable } from '../http/authorization.ts';
import type { AnswerRow, Asked, AskedContext, AskedType } from '../lookup.ts';
import type { Environment } from '../secret.ts';
import { columnOf } from '../targets/postgres-columns.ts';
import { faultOf } from '../targets/postgres-faults.ts';
import { parseExactly } from './asked.ts';

export interface PostgresLookupConfig {
  query: string;
  address?: string;
  connections?: number;
  timeoutMs?: number;
}

const CONNECT_MS = 10_000;
/** Keys of one statement. */
const KEYS = 2_000;

/**
 * Example:
 *
 *     customer:
 *       type: postgres
 *       address: CRM_URL
 *       query: SELECT id, tier, country FROM customers WHERE NOT deleted
 *       on: { id: customer_id }
 *       take: { tier: customer_tier }
 */
export const postgres: AskedType<PostgresLookupConfig> = {
  type: 'postgres',
  doc: 'Rows of a query on PostgreSQL 13 or newer, in a read-only session. Several rows for one key are a fault of the records that have it.',
  config: {
    type: 'object',
    properties: {
      query: {
        description:
          'A SELECT whose columns are joined and taken. It is filtered by the keys of a round: let an index cover them.',
        type: 'string',
        minLength: 1,
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
      timeoutMs: { description: 'Time for one statement, in ms.', type: 'integer', minimum: 100, default: 10_000 },
    },
    required: ['query'],
    additionalProperties: false,
  },
  create: (config, context, env) => new PostgresLookup(config, context, env),
};

class PostgresLookup implements Asked {
  readonly #config: PostgresLookupConfig;
  readonly #context: AskedContext;
  readonly #env: Environment;
  #pool: Pool | undefined;
  #statement = '';

  constructor(config: PostgresLookupConfig, context: AskedContext, env: Environment) {
    this.#config = config;
    this.#context = context;
    this.#env = env;
  }

  async open(): Promise<void> {
    const { address = 'DATABASE_URL', connections = 2, timeoutMs = 10_000 } = this.#config;
    this.#pool ??= new Pool({
      connectionString: needVariable(this.#env, address, `set ${address} to an address of PostgreSQL`),
      max: connections,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: timeoutMs + CONNECT_MS,
      application_name: `quadrille lookup ${this.#context.name}`,
      options: `-c default_transaction_read_only=on -c statement_timeout=${timeoutMs} -c TimeZone=UTC -c IntervalStyle=iso_8601`,
    }).on('error', () => {
      // An idle connection broke; the next statement opens another or tells what is wrong.
    });
    this.#statement = await this.#run(async (pool) => this.#statementOf(await typesOf(pool, this.#query)));
  }

  async ask(keys: readonly Readonly<Record<string, unknown>>[]): Promise<(AnswerRow | Fault | undefined)[]> {
    const answers: (AnswerRow | Fault | undefined)[] = new Array(keys.length).fill(undefined);
    // No row of PostgreSQL can hold such a text.
    const askable = keys.flatMap((key, at) => (Object.values(key).every(isHoldable) ? [at] : []));
    const pieces: number[][] = [];
    for (let from = 0; from < askable.length; from += KEYS) pieces.push(askable.slice(from, from + KEYS));
    const columns = [...this.#context.on].map(([name, field]) => columnOf({ ...field, name }));
    // Encoded before the next piece: a column's buffer is its own.
    for (const piece of pieces) {
      const rows = piece.map((at) => ({ value: keys[at] }) as Parameters<(typeof columns)[0]['encode']>[0][number]);
      const parameters = columns.map((column) => Buffer.from(column.encode(rows)));
      const found = await this.#run((pool) => pool.query<{ n: string; row: string }>(this.#statement, parameters));
      for (const { n, row } of found.rows) {
        const at = piece[Number(n) - 1] as number;
        answers[at] =
          answers[at] === undefined
            ? (parseExactly(row) as AnswerRow)
            : new Fault('LOOKUP_INVALID', `\`${this.#context.name}\` has several rows for one key`, {
                help: 'let its query give one row for each key, e.g. by DISTINCT ON',
              });
      }
    }
    return answers;
  }

  async close(): Promise<void> {
    await this.#pool?.end();
  }

  /** On lines of its own, so that a comment at its end hides nothing. */
  get #query(): string {
    return `(\n${this.#config.query.replace(/;\s*$/, '')}\n)`;
  }

  #statementOf(types: ReadonlyMap<string, string>): string {
    const { name, on, take } = this.#context;
    const place = `lookup ${name}`;
    const unknown = [...on.keys(), ...take].find((column) => !types.has(column));
    if (unknown !== undefined)
      throw new Fault('FLOW_INVALID', `its query has no column \`${unknown}\``, {
        place,
        help: `it has ${[...types.keys()].join(', ')}`,
      });
    for (const [column, field] of on) {
      const type = types.get(column) as string;
      if (!columnOf(field).accepts(type) && !(WHOLE.has(type) && (field.kind === 'int' || field.kind === 'long')))
        throw new Fault('FLOW_INVALID', `\`${column}\` is ${type} and \`${field.name}\` is ${field.kind}`, {
          place,
          help: `cast it in the query, e.g. ${column}::text AS ${column}, and let an index cover the cast`,
        });
    }
    const keys = [...on].map(([column, field], i) => ({ column, alias: `k${i}`, ...columnOf(field) }));
    const arrays = keys.map(({ parameter }, i) => `$${i + 1}::${parameter}`);
    const equal = keys.map(({ column, alias, cast }) => `q.${quoted(column)} = k.${alias}${cast}`);
    const taken = take.map((column) =>
      types.get(column) === 'bytea' ? `encode(q.${quoted(column)}, 'hex') AS ${quoted(column)}` : `q.${quoted(column)}`,
    );
    return `SELECT k.n, row_to_json(j)::text AS row
FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS k(${keys.map(({ alias }) => alias).join(', ')}, n)
CROSS JOIN LATERAL (SELECT ${taken.join(', ')} FROM ${this.#query} AS q WHERE ${equal.join(' AND ')} LIMIT 2) AS j`;
  }

  async #run<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
    try {
      return await work(this.#pool as Pool);
    } catch (error) {
      throw lookupFault(error, `lookup ${this.#context.name}`);
    }
  }
}

const WHOLE = new Set(['smallint', 'integer', 'bigint']);

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const isHoldable = (value: unknown): boolean =>
  typeof value !== 'string' || (value.isWellFormed() && !value.includes('\0'));

/** Columns of a query with their types, as format_type writes them. */
async function typesOf(pool: Pool, query: string): Promise<Map<string, string>> {
  const { fields } = await pool.query(`SELECT * FROM ${query} AS q LIMIT 0`);
  const { rows } = await pool.query<{ oid: number; type: string }>(
    'SELECT oid::int8::int, format_type(oid, NULL) AS type FROM pg_type WHERE oid = ANY($1::oid[])',
    [fields.map(({ dataTypeID }) => dataTypeID)],
  );
  const types = new Map(rows.map(({ oid, type }) => [oid, type]));
  return new Map(fields.map(({ name, dataTypeID }) => [name, types.get(dataTypeID) ?? 'unknown']));
}

/** Wrong SQL is a fault of the flow file; everything else passes by, or is a matter of rights. */
function lookupFault(error: unknown, place: string): Fault {
  if (error instanceof DatabaseError && /^(42(?!501)|22|0A)/.test(error.code ?? ''))
    return new Fault('FLOW_INVALID', `its query fails: ${error.message} (${error.code})`, {
      place,
      help: 'try the query in psql, then correct it in the flow file',
      cause: error,
    });
  const fault = faultOf(error, place);
  return fault.code === 'TARGET_UNAVAILABLE' || fault.code === 'TARGET_REFUSED'
    ? new Fault('LOOKUP_UNAVAILABLE', fault.message, { place, help: HELP, cause: error })
    : fault;
}

const HELP = 'check the database and its address; the station tries again by itself';
