import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { sourceConformance } from './source.ts';

const rows = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `${from + i},name ${from + i},"a\n""b"" ${i}"\n`).join('');

sourceConformance({
  name: 'csv',
  async prepare(t) {
    const folder = await mkdtemp(join(tmpdir(), 'quadrille-csv-'));
    t.after(() => rm(folder, { recursive: true }));
    const bad = Buffer.concat([
      Buffer.from('7,too,many,columns\n8,"open\n'),
      Buffer.of(0x39, 0x2c, 0xff, 0x2c, 0x0a),
      Buffer.from('few\n'),
    ]);
    const plain = Buffer.concat([Buffer.from(`id,name,note\n${rows(0, 10)}`), bad, Buffer.from(rows(10, 10))]);
    const packed = Buffer.concat([
      gzipSync(Buffer.from(`note,id,name\r\nx,1,ä\r\n`)),
      gzipSync(Buffer.from('"y ""z",2,b\r\n'.repeat(30))),
    ]);
    const file = join(folder, 'a.csv');
    await writeFile(file, plain);
    await writeFile(join(folder, 'b.csv.gz'), packed);
    return {
      source: sourceTypes.csv!.create({ path: '*.csv*', quietMs: 0 }, sourceContext(folder, ['id', 'name'])),
      shards: [
        {
          name: 'a.csv',
          items: 24,
          faults: { 10: 'ROW_COLUMNS', 11: 'ROW_MALFORMED', 12: 'TEXT_INVALID', 13: 'ROW_COLUMNS' },
        },
        { name: 'b.csv.gz', items: 31, faults: {} },
      ],
      change: async () => {
        const bytes = await readFile(file);
        bytes[20] = 0x40;
        await writeFile(file, bytes);
      },
      grow: async () => {
        await appendFile(file, rows(20, 15));
        return 15;
      },
      down: () => rename(file, `${file}.away`),
      up: () => rename(`${file}.away`, file),
    };
  },
});
