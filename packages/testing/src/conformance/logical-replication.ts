/** Whether tests of logical replication can run on the PostgreSQL that is given. */
import { Client } from 'pg';

/** Why not; undefined: they can. */
export async function noLogicalReplication(): Promise<string | undefined> {
  const { DATABASE_URL } = process.env;
  if (!DATABASE_URL) return 'no DATABASE_URL to read from';
  const client = new Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query<{ level: string }>(`SELECT current_setting('wal_level') AS level`);
    return rows[0]?.level === 'logical' ? undefined : `wal_level of PostgreSQL is ${rows[0]?.level}, not logical`;
  } finally {
    await client.end();
  }
}
