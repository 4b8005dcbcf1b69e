/** A table of a test's own for the suites of sources on PostgreSQL, with a gate in front of the server. */
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { until } from '../harness/index.ts';
import { Gate } from './gate.ts';

/** Why there is none. */
export const noDatabase: string | undefined = process.env.DATABASE_URL ? undefined : 'no DATABASE_URL to read from';

export interface OwnTable {
  name: string;
  /** Runs SQL on a connection past the gate; `T` is the table. */
  run(sql: string): Promise<void>;
  /** Until no transaction runs any more that is older than what was written here. */
  calm(): Promise<void>;
  gate: Gate;
  /** The address through the gate. */
  address: string;
}

/** @param table the SQL that makes `T`; dropped when the test ends, with an outbox `T_o`. */
export async function ownTable(t: TestContext, table: string): Promise<OwnTable> {
  const name = `conformance_${randomBytes(4).toString('hex')}`;
  const url = new URL(process.env.DATABASE_URL as string);
  const gate = new Gate(url.hostname, Number(url.port || 5432));
  await gate.open();
  const direct = new Client({ connectionString: url.href });
  await direct.connect();
  const run = async (sql: string): Promise<void> => {
    await direct.query(sql.replaceAll(/\bT\b/g, name));
  };
  t.after(async () => {
    await gate.close();
    await run(`DROP TABLE IF EXISTS T, ${name}_o; DROP FUNCTION IF EXISTS ${name}_o()`);
    await direct.end();
  });
  await run(table);
  const calm = async (): Promise<void> => {
    const { rows } = await direct.query<{ id: string }>('SELECT pg_current_xact_id()::text AS id');
    await until('older transactions have ended', async () => {
      const oldest = await direct.query<{ id: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS id');
      return BigInt(oldest.rows[0]!.id) > BigInt(rows[0]!.id);
    });
  };
  url.host = `127.0.0.1:${gate.port}`;
  return { name, run, calm, gate, address: url.href };
}
