import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceTypes } from '@quadrille/flow';
import { parquetOf } from '@quadrille/flow/parquet-fixture';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { sourceConformance } from './source.ts';

sourceConformance({
  name: 'parquet',
  cannot: {
    'bad items': 'a Parquet file is typed: it is damaged as a whole, or every row can be read',
    grow: 'a Parquet file ends with its footer: nothing can be added',
  },
  async prepare(t) {
    const folder = await mkdtemp(join(tmpdir(), 'quadrille-parquet-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'a [1].parquet');
    await parquetOf(file, "SELECT i AS id, 'näme ' || i AS name, i * 2 AS more FROM range(30) t(i)");
    await parquetOf(join(folder, 'b.parquet'), "SELECT NULL::INT AS id, '' AS name FROM range(25) t(i)");
    return {
      source: sourceTypes.parquet!.create({ path: '*.parquet', quietMs: 0 }, sourceContext(folder, ['id', 'name'])),
      shards: [
        { name: 'a [1].parquet', items: 30, faults: {} },
        { name: 'b.parquet', items: 25, faults: {} },
      ],
      change: async () => {
        const bytes = await readFile(file);
        bytes[20] = 0x40;
        await writeFile(file, bytes);
      },
      down: () => rename(file, `${file}.away`),
      up: () => rename(`${file}.away`, file),
    };
  },
});
