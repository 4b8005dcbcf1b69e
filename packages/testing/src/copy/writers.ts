/** Those who write to the table while it is read. */
import { randomInt } from 'node:crypto';
import { Client } from 'pg';

export interface Work {
  address: string;
  table: string;
  /** Rows that this writer inserts by and by, of how many all. */
  share: number;
  rows: number;
  deletes: boolean;
  /** How much of it may be done by now: 0 to 1. At 1 it ends once its share is inserted. */
  due(): number;
}

const INSERTED = 50;
/** Two writers that wait for each other, or give a row the same new id. */
const EXPECTED = ['40P01', '23505'];

/**
 * Inserts its share of the rows as they fall due, deletes a tenth as many, and changes those of all writers all the while,
 * in transactions of which one in ten is rolled back.
 */
export async function write(work: Work): Promise<void> {
  const { address, table, share, due } = work;
  const db = new Client({ connectionString: address });
  await db.connect();
  try {
    for (let inserted = 0; inserted < share || due() < 1; ) {
      const more = Math.max(0, Math.min(Math.ceil(share * due()) - inserted, INSERTED));
      try {
        await db.query('BEGIN');
        for (const change of changes(work, more)) await db.query(change);
        const rolledBack = randomInt(10) === 0;
        await db.query(rolledBack ? 'ROLLBACK' : 'COMMIT');
        if (!rolledBack) inserted += more;
      } catch (error) {
        await db.query('ROLLBACK');
        if (!EXPECTED.includes((error as { code: string }).code)) throw error;
      }
    }
  } finally {
    await db.end();
  }

  function* changes({ rows, deletes }: Work, more: number): Generator<string> {
    const pick = (limit: number): string =>
      `SELECT id FROM ${table} WHERE id >= ${randomInt(1, rows)} ORDER BY id LIMIT ${limit} FOR UPDATE`;
    yield `UPDATE ${table} SET n = n + 1, paid = NOT paid, amount = amount + 0.0001, at = clock_timestamp(),
      note = CASE WHEN n % 3 = 0 THEN NULL ELSE left(note || n, 100) END WHERE id IN (${pick(20)})`;
    if (more === 0) return;
    yield `INSERT INTO ${table} (note, letter) SELECT 'ä' || n, CASE n % 10 WHEN 0 THEN repeat(md5(n::text), 200) ELSE 'short' END
      FROM generate_series(1, ${more}) n`;
    if (!deletes) {
      yield `UPDATE ${table} SET gone = now() WHERE id IN (${pick(5)})`;
      return;
    }
    yield `DELETE FROM ${table} WHERE id IN (${pick(5)})`;
    // A row that is another one from now on; and one that comes back.
    yield `UPDATE ${table} SET id = -id WHERE id IN (${pick(1)})`;
    yield `UPDATE ${table} SET id = -id WHERE id IN (SELECT id FROM ${table} WHERE id < 0 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)`;
  }
}
