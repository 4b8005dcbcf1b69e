import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { sourceConformance } from './source.ts';

const lines = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `{"id":${from + i},"name":"näme ${from + i}"}\n`).join('');

sourceConformance({
  name: 'ndjson',
  async prepare(t) {
    const folder = await mkdtemp(join(tmpdir(), 'quadrille-ndjson-'));
    t.after(() => rm(folder, { recursive: true }));
    const bad = Buffer.concat([
      Buffer.from('{"id":\n[1]\n'),
      Buffer.of(0x7b, 0xff, 0x7d, 0x0a),
      Buffer.from(`"${'x'.repeat(200_000)}"\r\n\n\r\n`),
    ]);
    const file = join(folder, 'a.ndjson');
    await writeFile(file, Buffer.concat([Buffer.from(`\ufeff${lines(0, 10)}`), bad, Buffer.from(lines(10, 10))]));
    const packed = [lines(0, 12), lines(12, 18).trimEnd()].map((text) => zstdCompressSync(Buffer.from(text)));
    await writeFile(join(folder, 'b.ndjson.zst'), Buffer.concat(packed));
    const config = { path: '*.ndjson*', maxLineBytes: 100_000, quietMs: 0 };
    return {
      source: sourceTypes.ndjson!.create(config, sourceContext(folder, ['id', 'name'])),
      shards: [
        {
          name: 'a.ndjson',
          items: 24,
          faults: { 10: 'ROW_MALFORMED', 11: 'ROW_MALFORMED', 12: 'TEXT_INVALID', 13: 'ROW_TOO_LARGE' },
        },
        { name: 'b.ndjson.zst', items: 30, faults: {} },
      ],
      change: async () => {
        const bytes = await readFile(file);
        bytes[12] = 0x40;
        await writeFile(file, bytes);
      },
      grow: async () => {
        await appendFile(file, lines(20, 15));
        return 15;
      },
      down: () => rename(file, `${file}.away`),
      up: () => rename(`${file}.away`, file),
    };
  },
});
