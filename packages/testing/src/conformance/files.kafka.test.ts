import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { parquetOf } from '@quadrille/flow/parquet-fixture';
import { guardAgainstLeaks } from '../harness/index.ts';
import { ITEMS, sourceStationConformance } from './source-station.ts';

guardAgainstLeaks();

const HALF = ITEMS / 2;
const made = (from: number, text: (i: number) => string): string =>
  Array.from({ length: HALF }, (_, i) => text(from + i)).join('');

sourceStationConformance({
  name: 'csv',
  extractor: '{ type: csv, path: "data/*", id: "{id}" }',
  bad: [
    { code: 'ROW_COLUMNS', place: /^data\/a\.csv:3002$/ },
    { code: 'FIELD_INVALID', place: /^data\/b\.csv\.gz:2$/ },
  ],
  async prepare(flow) {
    const row = (i: number): string => `r${i},${i}\n`;
    await flow.write('data/a.csv', `id,n\n${made(0, row)}too,many,columns\n`);
    await flow.write('data/b.csv.gz', gzipSync(`id,n\nbad,no number\n${made(HALF, row)}`));
    return undefined;
  },
});

sourceStationConformance({
  name: 'ndjson',
  extractor: '{ type: ndjson, path: "data/*", id: "{id}" }',
  bad: [
    { code: 'ROW_MALFORMED', place: /^data\/a\.ndjson:3001$/ },
    { code: 'FIELD_MISSING', place: /^data\/b\.ndjson\.zst:1$/ },
  ],
  async prepare(flow) {
    const line = (i: number): string => `{"id":"r${i}","n":${i}}\n`;
    await flow.write('data/a.ndjson', `${made(0, line)}{"id":\n`);
    await flow.write('data/b.ndjson.zst', zstdCompressSync(Buffer.from(`{"id":"bad"}\n${made(HALF, line)}`)));
    return undefined;
  },
});

sourceStationConformance({
  name: 'parquet',
  extractor: '{ type: parquet, path: "data/*.parquet", id: "{id}" }',
  bad: [{ code: 'FIELD_INVALID', place: /^data\/b\.parquet#1$/ }],
  async prepare(flow) {
    const folder = join(flow.folder, 'data');
    await mkdir(folder);
    const good = (from: number): string => `SELECT 'r' || i AS id, i AS n FROM range(${from}, ${from + HALF}) t(i)`;
    await parquetOf(join(folder, 'a.parquet'), good(0), 'ROW_GROUP_SIZE 2048');
    await parquetOf(join(folder, 'b.parquet'), `SELECT 'bad' AS id, 3000000000 AS n UNION ALL ${good(HALF)}`);
    return undefined;
  },
});
