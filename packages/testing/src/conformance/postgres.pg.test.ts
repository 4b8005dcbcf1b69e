import { randomBytes } from 'node:crypto';
import { targetTypes } from '@quadrille/flow';
import { Client } from 'pg';
import { Gate } from './gate.ts';
import { targetConformance } from './target.ts';
import type { StoredRow } from './target-sample.ts';

const postgres = targetTypes.postgres;
if (postgres === undefined) throw new Error('no target type postgres');
const address = process.env.DATABASE_URL || undefined;

for (const [mode, features] of Object.entries(postgres.features))
  targetConformance({
    name: `postgres, mode ${mode}`,
    features,
    skip: address === undefined ? 'no DATABASE_URL to write to' : undefined,
    async prepare(t, { type, fields }) {
      const url = new URL(address as string);
      const gate = new Gate(url.hostname, Number(url.port || 5432));
      await gate.open();
      const through = new URL(url);
      through.host = `127.0.0.1:${gate.port}`;
      const table = `Conformance "${randomBytes(4).toString('hex')}"`;
      const quoted = `"${table.replaceAll('"', '""')}"`;
      const direct = new Client({ connectionString: address as string });
      await direct.connect();
      t.after(async () => {
        await gate.close();
        await direct.query(`DROP TABLE IF EXISTS ${quoted}`);
        await direct.end();
      });
      const station = table.slice(13, 21);
      const config = { table, mode, address: 'GATE', connections: 2 };
      const env = { GATE: through.href };
      return {
        create() {
          return postgres.create(config, { flow: 'conformance', station, folder: '.', schema: type, fields, env });
        },
        async stored() {
          const { rows } = await direct.query<
            Omit<StoredRow, 'version' | 'amount'> & { version: string; amount: string | null }
          >(
            `SELECT _id AS id, _version AS version, _revision AS revision, _deleted AS deleted, text, amount,
                  concat_ws(' ', xmin, ctid, _loaded_at, _partition, _offset) AS mark
           FROM ${quoted} ORDER BY _id COLLATE "C", _version, _revision`,
          );
          return rows.map((row) => ({
            ...row,
            version: BigInt(row.version),
            amount: row.amount === null ? null : Number(row.amount),
          }));
        },
        poison: 'a\u0000b',
        connections: { cap: 2, peak: () => gate.peak },
        process: { type: 'postgres', config: { ...config, address: 'DATABASE_URL' }, env: {} },
        down: () => gate.close(),
        up: () => gate.open(),
        // half of them at the server, in the middle of what they do, half on the way to it
        async cut() {
          if (Math.random() < 0.5) return gate.cut();
          await direct.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, [
            `quadrille conformance.${station}`,
          ]);
        },
      };
    },
  });
