/** The bank: a table of transfers whose triggers fill an outbox. */
import { outboxTriggers } from '@quadrille/flow/postgres-outbox';
import { Client } from 'pg';
import { paymentOf } from './payment.ts';

const SCHEMA = 'bank';
/** Transfers in a transaction. */
const AT_ONCE = 50;

export interface BankOptions {
  flow: string;
  databaseUrl: string;
  transfers: number;
}

/** Makes the table and its triggers. @returns makes the transfers, those that are not there yet. */
export async function bank({
  flow,
  databaseUrl,
  transfers,
}: BankOptions): Promise<(stop: AbortSignal) => Promise<void>> {
  await connected(databaseUrl, (client) =>
    client.query(`
      CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
      CREATE TABLE IF NOT EXISTS ${SCHEMA}.transfers (
        payment text PRIMARY KEY, kind text NOT NULL, payer text NOT NULL, amount numeric(12, 2) NOT NULL,
        currency text NOT NULL, country text, purpose text, at timestamptz(3) NOT NULL
      )`),
  );
  // As `quadrille source triggers flows/payments transfers --execute` does it.
  await outboxTriggers(
    { schema: SCHEMA, table: 'transfers' },
    { flow, station: 'transfers', env: { DATABASE_URL: databaseUrl } },
    { remove: false, role: undefined, execute: true },
  );
  return (stop) =>
    connected(databaseUrl, async (client) => {
      for (let from = 0; from < transfers && !stop.aborted; from += AT_ONCE) {
        const rows = Array.from({ length: AT_ONCE }, (_, i) => paymentOf('transfer', from + i));
        await client.query(
          `INSERT INTO ${SCHEMA}.transfers
           SELECT * FROM json_to_recordset($1) AS row (payment text, kind text, payer text, amount numeric,
             currency text, country text, purpose text, at timestamptz)
           ON CONFLICT DO NOTHING`,
          [JSON.stringify(rows)],
        );
      }
    });
}

async function connected(connectionString: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
