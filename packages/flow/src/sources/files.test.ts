import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { RawItem, ShardReader, SourceType } from '../source.ts';
import { csv } from './csv.ts';
import { ndjson } from './ndjson.ts';
import { parquet } from './parquet.ts';
import { parquetOf } from './parquet-fixture.ts';
import { sourceContext } from './source-fixture.ts';

const QUIET_MS = 1_500;

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-files-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function opened(t: TestContext, type: SourceType, folder: string, name: string): Promise<ShardReader> {
  const source = type.create({ path: '*', quietMs: QUIET_MS }, sourceContext(folder, ['id']));
  const reader = await source.open({ name }, undefined);
  t.after(() => reader.close());
  return reader;
}

/** Reads until so many items are there, or the end. */
async function readOn(reader: ShardReader, count: number): Promise<{ items: RawItem[]; end: boolean }> {
  const items: RawItem[] = [];
  for (;;) {
    const chunk = await reader.read(100, AbortSignal.timeout(20_000));
    items.push(...chunk.items);
    if (chunk.end || items.length >= count) return { items, end: chunk.end };
  }
}

const ids = (items: readonly RawItem[]): unknown[] =>
  items.map((item) => ('fields' in item ? item.fields.id : item.fault.code));

test('a file that is being written is read as far as its lines are whole; it ends once it is quiet', async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, 'a.ndjson');
  await writeFile(file, '{"id":1}\n{"id":2}\n{"id":');
  const reader = await opened(t, ndjson as SourceType, folder, 'a.ndjson');
  const first = await readOn(reader, 2);
  assert.deepEqual([ids(first.items), first.end], [[1, 2], false]);
  await appendFile(file, '3}\n{"id":4}');
  const rest = await readOn(reader, 9);
  assert.deepEqual([ids(rest.items), rest.end], [[3, 4], true]);
});

test('a packed file that is being written is not taken for a truncated one', async (t) => {
  for (const [name, pack] of Object.entries({ 'a.csv.gz': gzipSync, 'b.csv.zst': zstdCompressSync })) {
    const folder = await folderOf(t);
    const packed = pack(Buffer.from(`id\n${'12345\n'.repeat(2_000)}`));
    await writeFile(join(folder, name), packed.subarray(0, 3));
    const source = csv.create({ path: '*', quietMs: QUIET_MS }, sourceContext(folder, ['id']));
    const opening = source.open({ name }, undefined);
    await appendFile(join(folder, name), packed.subarray(3, 20));
    await appendFile(join(folder, name), packed.subarray(20));
    const reader = await opening;
    t.after(() => reader.close());
    const { items, end } = await readOn(reader, 9_999);
    assert.deepEqual([items.length, end], [2_000, true]);
  }
});

test('of a Parquet file that is being written nothing is read before it is quiet', async (t) => {
  const folder = await folderOf(t);
  await parquetOf(join(folder, 'whole'), 'SELECT 7 AS id');
  const whole = await readFile(join(folder, 'whole'));
  const file = join(folder, 'a.parquet');
  await writeFile(file, whole.subarray(0, 50));
  const reader = await opened(t, parquet as SourceType, folder, 'a.parquet');
  assert.deepEqual((await reader.read(10)).items, []);
  await appendFile(file, whole.subarray(50));
  const { items, end } = await readOn(reader, 9);
  assert.deepEqual([ids(items), end], [['7'], true]);
});

test('stopped while a file is waited for, read returns at once', async (t) => {
  const folder = await folderOf(t);
  await writeFile(join(folder, 'a.csv'), 'id\n1\n');
  const source = csv.create({ path: '*', quietMs: 3_600_000 }, sourceContext(folder, ['id']));
  const reader = await source.open({ name: 'a.csv' }, undefined);
  const stop = new AbortController();
  assert.equal((await reader.read(10, stop.signal)).items.length, 1);
  const waiting = reader.read(10, stop.signal).then(
    () => 'returned',
    () => 'returned',
  );
  stop.abort();
  assert.equal(await waiting, 'returned');
  await reader.close();
});

test('files that are not there yet by their names are passed over; renamed they appear; an empty folder may be watched', async (t) => {
  const folder = await folderOf(t);
  const source = ndjson.create({ path: '*', watch: true }, sourceContext(folder, []));
  assert.deepEqual(await source.shards(), []);
  for (const name of ['a.ndjson.tmp', 'b.part', '.c.ndjson', 'd~', 'E.PARTIAL'])
    await writeFile(join(folder, name), '{}\n');
  assert.deepEqual(await source.shards(), []);
  await rename(join(folder, 'a.ndjson.tmp'), join(folder, 'a.ndjson'));
  assert.deepEqual(await source.shards(), [{ name: 'a.ndjson', tag: '3' }]);
  const strict = ndjson.create({ path: '*.csv' }, sourceContext(folder, []));
  await assert.rejects(strict.shards(), { code: 'SOURCE_MISSING' });
});
