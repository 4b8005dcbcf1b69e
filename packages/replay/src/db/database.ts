/** The service's PostgreSQL: a pool, transactions, and faults in our words. */
import { Fault } from '@quadrille/record';
import pg, { type PoolClient, type QueryResultRow } from 'pg';

/** What runs queries: the pool, or the connection of a transaction. */
export interface Queries {
  /** @throws Fault DATABASE_UNAVAILABLE when the server cannot be used; anything else is a defect. */
  query<R extends QueryResultRow = QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

/** A transaction's connection. */
export interface Tx extends Queries {
  readonly client: PoolClient;
}

export interface Database extends Queries {
  /** Commits when `work` resolves, rolls back when it throws. @throws Fault DATABASE_UNAVAILABLE */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Offsets and counts are safe integers; source versions are not, and are selected as text. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 && format !== 'binary'
      ? exactNumber
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

function exactNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${text} is beyond 2^53: select it as text`);
  return number;
}

const CONNECT_MS = 5_000;
const STATEMENT_MS = 60_000;

/**
 * Opens a pool; nothing is connected yet.
 * @param schema of the service's own tables, first in the search path.
 * @param max connections at most.
 */
export function openDatabase(url: string, schema: string, max: number): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    types,
    application_name: 'quadrille replay service',
    options: `-c search_path=${schema}`,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + 5_000,
    keepAlive: true,
  });
  // An error while no query runs; the next query meets it and says so.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  const on = async <R extends QueryResultRow>(
    target: pg.Pool | PoolClient,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<R[]> => {
    try {
      return (await target.query<R>(text, values as unknown[])).rows;
    } catch (error) {
      throw unavailable(error) ?? error;
    }
  };
  return {
    query: (text, values) => on(pool, text, values),
    async transaction(work) {
      const client = await pool.connect().catch((error) => {
        throw unavailable(error) ?? error;
      });
      let broken = false;
      try {
        await on(client, 'BEGIN');
        const result = await work({ client, query: (text, values) => on(client, text, values) });
        await on(client, 'COMMIT');
        return result;
      } catch (error) {
        broken = await client.query('ROLLBACK').then(
          () => false,
          () => true,
        );
        throw error;
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

/** Classes of SQLSTATE that are about the server and the way to it, not about what was asked. */
const SERVER = /^(08|53|57P|58|25006|40001|40P01|55P03|57014)/;

/** A fault when the database cannot be used now; undefined when the error is of another kind. */
export function unavailable(error: unknown): Fault | undefined {
  const { code, message } = error as { code?: unknown; message?: string };
  const state = typeof code === 'string' ? code : '';
  const lost = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND)/.test(state) || SERVER.test(state);
  const told = /Connection terminated|timeout exceeded|Query read timeout|Client has encountered/i.test(message ?? '');
  if (!lost && !told) return undefined;
  return new Fault('DATABASE_UNAVAILABLE', state || 'connection lost', { cause: error });
}
