/** The service's PostgreSQL: a pool, transactions, and faults in our words. */
import type { PoolClient, QueryResultRow } from 'pg';

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
