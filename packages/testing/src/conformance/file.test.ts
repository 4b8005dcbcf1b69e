import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { targetTypes } from '@quadrille/flow';
import { targetConformance } from './target.ts';
import type { StoredRow } from './target-sample.ts';

/** Each format, read by somebody who has nothing to do with us. */
const FORMATS = {
  ndjson: { config: { format: 'ndjson' }, read: "read_json('FILES', format = 'newline_delimited')" },
  'ndjson, zstd': {
    config: { format: 'ndjson', compression: 'zstd' },
    read: "read_json('FILES', format = 'newline_delimited')",
  },
  'csv, gzip': { config: { format: 'csv', compression: 'gzip' }, read: "read_csv('FILES', all_varchar = true)" },
  parquet: { config: { format: 'parquet' }, read: "read_parquet('FILES')" },
};

const file = targetTypes.file!;

for (const [name, { config, read }] of Object.entries(FORMATS))
  targetConformance({
    name: `file, ${name}`,
    features: file.features['']!,
    skip: undefined,
    lacks: {
      poison: 'it takes whatever Avro holds',
      cut: 'there is no connection to cut',
      connections: 'there are no connections',
    },
    async prepare(t, { type, fields }) {
      const folder = await mkdtemp(join(tmpdir(), 'quadrille-file-'));
      const path = join(folder, 'out');
      t.after(() => rm(folder, { recursive: true }));
      // Small, so that files are made in the middle of everything.
      const entry = { path: 'out', ...config, rows: 100 };
      const create = () =>
        file.create(entry, { flow: 'conformance', station: 'file', folder, schema: type, fields, env: {} });
      return {
        create,
        async stored() {
          if (!existsSync(path)) return [];
          // Another instance makes files of what is not in one yet.
          const other = create();
          await other.open();
          await other.close();
          const entries = await readdir(path, { recursive: true });
          const hidden = entries.filter((each) => /(^|\/)\./.test(each) && !/\.open-/.test(each));
          if (hidden.length > 0) throw new Error(`left behind: ${hidden}`);
          if (!entries.some((each) => /\d-\w+\./.test(each))) return [];
          const ending = name.split(',')[0] as string;
          return query(read.replace('FILES', `${path}/*/*/*.${ending}*`));
        },
        process: { type: 'file', config: entry, folder, env: {} },
        // Something else stands where the folder was.
        async down() {
          await rename(path, `${path}.away`);
          await writeFile(path, '');
        },
        async up() {
          await rm(path);
          await rename(`${path}.away`, path);
        },
      };
    },
  });

async function query(from: string): Promise<StoredRow[]> {
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  try {
    const result = await connection.runAndReadAll(
      `SELECT _id AS id, CAST(_version AS BIGINT) AS version, CAST(_revision AS INTEGER) AS revision,
              CAST(_deleted AS BOOLEAN) AS deleted, CAST(text AS VARCHAR) AS text, CAST(amount AS BIGINT) AS amount,
              CAST(_offset AS VARCHAR) AS mark
       FROM ${from} ORDER BY _id, CAST(_version AS BIGINT), CAST(_offset AS BIGINT)`,
    );
    return (result.getRowObjects() as unknown as (StoredRow & { amount: bigint | null })[]).map((row) => ({
      ...row,
      amount: row.amount === null ? null : Number(row.amount),
    }));
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}
