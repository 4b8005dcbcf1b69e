/** Brings the service's tables to what this version needs: numbered files, each applied once, in one transaction. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Fault } from '@quadrille/record';
import type { Database } from './database.ts';

const FOLDER = new URL('./migrations/', import.meta.url);

interface Migration {
  name: string;
  text: string;
  checksum: string;
}

/** The files in their order. */
export function migrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(new URL(name, FOLDER), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    });
}

/**
 * Safe to call from several instances at once.
 * @throws Fault DATABASE_UNAVAILABLE; CONFIG_INVALID when the schema was made by a newer version, or by another text of a file.
 */
export async function migrate(database: Database, schema: string): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [`quadrille migrate ${schema}`]);
    await tx.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await tx.query(
      'CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, checksum text NOT NULL, at timestamptz NOT NULL DEFAULT now())',
    );
    const applied = new Map(
      (await tx.query<{ name: string; checksum: string }>('SELECT name, checksum FROM migration')).map(
        ({ name, checksum }) => [name, checksum],
      ),
    );
    const known = migrations();
    const help = `start the version of the service that made it, or let this one make it anew: drop the schema ${schema}, Kafka holds everything`;
    for (const name of applied.keys())
      if (!known.some((each) => each.name === name))
        throw new Fault('CONFIG_INVALID', `${name} was applied by a newer version`, {
          place: `schema ${schema}`,
          help,
        });
    for (const { name, text, checksum } of known) {
      const before = applied.get(name);
      if (before === checksum) continue;
      if (before !== undefined)
        throw new Fault('CONFIG_INVALID', `${name} was applied with another text`, { place: `schema ${schema}`, help });
      await tx.query(text);
      await tx.query('INSERT INTO migration (name, checksum) VALUES ($1, $2)', [name, checksum]);
    }
  });
}
