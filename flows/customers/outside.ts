/**
 * The old system: a table with its customers, and four clerks who go on working while it is migrated. In production
 * there is a real one, and nobody plays it.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { outside } from '@quadrille/flow';
import { Client } from 'pg';
import { legacyRow, randomFrom } from './legacy.ts';

const SCHEMA = 'legacy';
const CUSTOMERS = 20_000;
const CLERKS = 4;
/** What each clerk does: of ten changes about two are new customers, one a deletion, the others corrections. */
const CHANGES = 250;

export default outside({
  doc: 'The old system, with its clerks at work.',
  async start({ flow, databaseUrl, say, stop }) {
    const client = await connect(databaseUrl);
    try {
      const made = await makeTable(client);
      say(made > 0 ? `the old system holds ${made} customers` : 'the old system stands as it was');
      return {
        done: made > 0 ? work({ databaseUrl, slot: `quadrille_${flow}_legacy`, say, stop }) : Promise.resolve(),
      };
    } finally {
      await client.end();
    }
  },
});

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

/** @returns how many customers were made: none when the table stands already. */
async function makeTable(client: Client): Promise<number> {
  const { rows } = await client.query('SELECT to_regclass($1) AS found', [`${SCHEMA}.customers`]);
  if (rows[0].found !== null) return 0;
  const random = randomFrom(1_994);
  const made = Array.from({ length: CUSTOMERS }, (_, at) => legacyRow(at + 1, random));
  await client.query(`
    BEGIN;
    CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
    CREATE TABLE ${SCHEMA}.customers (
      customer_no integer PRIMARY KEY, name text, email text, born text, country text, status text, credit text,
      changed timestamptz(3) NOT NULL DEFAULT now()
    )`);
  await client.query(
    `INSERT INTO ${SCHEMA}.customers (customer_no, name, email, born, country, status, credit)
     SELECT * FROM json_to_recordset($1)
       AS row (customer_no integer, name text, email text, born text, country text, status text, credit text)`,
    [JSON.stringify(made)],
  );
  await client.query('COMMIT');
  return CUSTOMERS;
}

interface Day {
  databaseUrl: string;
  /** Read by the station that migrates them. */
  slot: string;
  say(line: string): void;
  stop: AbortSignal;
}

/** Begins once the migration does, so that it has something to keep up with. */
async function work({ databaseUrl, slot, say, stop }: Day): Promise<void> {
  const client = await connect(databaseUrl);
  try {
    const isRead = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
    while (!stop.aborted && (await client.query(isRead, [slot])).rowCount === 0) await pause(200, stop);
  } finally {
    await client.end();
  }
  await Promise.all(Array.from({ length: CLERKS }, (_, clerk) => clerkAt(databaseUrl, clerk, stop)));
  say(`${CLERKS} clerks have made ${CLERKS * CHANGES} changes and go home`);
}

const pause = (ms: number, signal: AbortSignal): Promise<void> => wait(ms, undefined, { signal }).catch(() => {});

/** Over a connection of its own, a transaction a change, on customers of its own. */
async function clerkAt(databaseUrl: string, clerk: number, stop: AbortSignal): Promise<void> {
  const random = randomFrom(clerk + 1);
  const client = await connect(databaseUrl);
  try {
    for (let change = 0; change < CHANGES && !stop.aborted; change++) {
      const what = random();
      const known = 1 + clerk + CLERKS * Math.floor((random() * CUSTOMERS) / CLERKS);
      if (what < 0.2) await insert(client, CUSTOMERS + 1 + clerk + CLERKS * change, random);
      else if (what < 0.3) await client.query(`DELETE FROM ${SCHEMA}.customers WHERE customer_no = $1`, [known]);
      else
        await client.query(`UPDATE ${SCHEMA}.customers SET credit = $2, changed = now() WHERE customer_no = $1`, [
          known,
          (random() * 1_000).toFixed(2),
        ]);
      await pause(20, stop);
    }
  } finally {
    await client.end();
  }
}

async function insert(client: Client, customerNo: number, random: () => number): Promise<void> {
  const { customer_no, name, email, born, country, status, credit } = legacyRow(customerNo, random);
  await client.query(
    `INSERT INTO ${SCHEMA}.customers (customer_no, name, email, born, country, status, credit)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [customer_no, name, email, born, country, status, credit],
  );
}
