import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, type TestContext, test } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import type { Fault } from '@quadrille/record';
import type { RawItem, SourcePosition } from '../source.ts';
import { type CsvConfig, csv } from './csv.ts';
import { sourceContext } from './source-fixture.ts';

async function folderOf(t: TestContext, files: Record<string, string | Buffer>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-csv-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

interface Read {
  items: RawItem[];
  next: SourcePosition | undefined;
  fault: Fault | undefined;
}

async function readAll(
  folder: string,
  name: string,
  {
    config = {},
    fields = [],
    from,
    max = 1000,
  }: { config?: Partial<CsvConfig>; fields?: string[]; from?: SourcePosition | undefined; max?: number } = {},
): Promise<Read> {
  const source = csv.create({ path: name, quietMs: 0, ...config }, sourceContext(folder, fields));
  const reader = await source.open({ name }, from);
  const items: RawItem[] = [];
  let next: SourcePosition | undefined;
  try {
    for (;;) {
      const chunk = await reader.read(max);
      items.push(...chunk.items);
      next = chunk.next;
      if (chunk.end) return { items, next, fault: undefined };
    }
  } catch (error) {
    return { items, next, fault: error as Fault };
  } finally {
    await reader.close();
  }
}

const openFault = async (
  folder: string,
  name: string,
  config: Partial<CsvConfig>,
  fields: string[],
): Promise<Fault> => {
  const { fault } = await readAll(folder, name, { config, fields }).catch((error: Fault) => ({ fault: error }));
  assert.ok(fault, 'it was read without a fault');
  return fault;
};

describe('source csv', () => {
  test('delivers the wanted columns as text, with file and line', async (t) => {
    const folder = await folderOf(t, { 'a.csv': 'x,y,z\n1,,3\n"4\n",5,6\n7,8\n' });
    const { items } = await readAll(folder, 'a.csv', { fields: ['z', 'y'] });
    assert.deepEqual(items.slice(0, 2), [
      { fields: { z: '3', y: '' }, place: 'a.csv:2' },
      { fields: { z: '6', y: '5' }, place: 'a.csv:3' },
    ]);
    const bad = items[2];
    assert.ok(bad && 'fault' in bad);
    assert.equal(
      bad.fault.format(),
      'ROW_COLUMNS a.csv:5: row has the wrong number of columns: 2 instead of 3\n  help: correct the row, or the delimiter in the flow file',
    );
    assert.equal(bad.bytes.toString(), '7,8');
  });

  test('columns may be given, with and without a header row to pass over', async (t) => {
    const folder = await folderOf(t, { 'a.csv': '1,2\n', 'b.csv': 'A,B\n1,2\n' });
    const expected = { x: '1', y: '2' };
    const columns = ['x', 'y'];
    const fields = async (name: string, config: Partial<CsvConfig>) =>
      (await readAll(folder, name, { config })).items.map((item) => 'fields' in item && item.fields);
    assert.deepEqual(await fields('a.csv', { columns }), [expected]);
    assert.deepEqual(await fields('b.csv', { columns, header: true }), [expected]);
  });

  test('a header that does not fit says what is missing, what was found, and why that may be', async (t) => {
    const folder = await folderOf(t, {
      'a.csv': 'id;name\n1;x\n',
      'b.csv': 'id,nom\n',
      'c.csv': '',
      'd.csv': 'id,id\n',
      'e.csv': Buffer.from('\ufeffid,name\n', 'utf16le'),
    });
    const semicolon = await openFault(folder, 'a.csv', {}, ['id', 'name']);
    assert.equal(semicolon.code, 'SOURCE_HEADER');
    assert.match(semicolon.message, /missing "id", "name"; found "id;name"/);
    assert.match(semicolon.help, /separated by semicolons: set `delimiter: ";"`/);
    assert.match((await openFault(folder, 'b.csv', {}, ['id', 'name'])).message, /missing "name"; found "id", "nom"/);
    assert.match((await openFault(folder, 'c.csv', {}, ['id'])).message, /the file is empty/);
    assert.match((await openFault(folder, 'd.csv', {}, ['id'])).message, /"id" stands there twice/);
    assert.match((await openFault(folder, 'e.csv', {}, ['id'])).help, /UTF-16/);
    assert.match(
      (await openFault(folder, 'b.csv', { columns: ['id'] }, ['id', 'name'])).message,
      /missing "name"; found "id"/,
    );
  });

  test('a path that matches no file', async (t) => {
    const folder = await folderOf(t, { 'a.csv': 'x\n' });
    const source = csv.create({ path: ['a.csv', 'b-*.csv'] }, sourceContext(folder, []));
    await assert.rejects(source.shards(), { code: 'SOURCE_MISSING', place: 'b-*.csv' });
    await assert.rejects(source.open({ name: 'gone.csv' }, undefined), { code: 'SOURCE_UNAVAILABLE' });
  });

  test('a pattern that only finds files of another is no fault', async (t) => {
    const folder = await folderOf(t, { 'a.csv': 'x\n', 'b.csv': 'x\n' });
    const source = csv.create({ path: ['*.csv', './b.csv'] }, sourceContext(folder, []));
    assert.deepEqual(await source.shards(), [
      { name: 'a.csv', tag: '2' },
      { name: 'b.csv', tag: '2' },
    ]);
  });

  test('gzip cut at any byte: whole rows before it are delivered, then SOURCE_TRUNCATED; the whole file goes on from there', async (t) => {
    const text = `id,note\n${Array.from({ length: 40 }, (_, i) => `${i},${Buffer.from(`note ${i * 7919}`).toString('base64')}\n`).join('')}`;
    const whole = gzipSync(text);
    const folder = await folderOf(t, { 'whole.csv.gz': whole });
    const { items: expected } = await readAll(folder, 'whole.csv.gz');
    let most = 0;
    for (let size = 60; size < whole.length; size += 11) {
      await writeFile(join(folder, 'a.csv.gz'), whole.subarray(0, size));
      let read: Read;
      try {
        read = await readAll(folder, 'a.csv.gz', { max: 3 });
      } catch (error) {
        assert.equal((error as Fault).code, 'SOURCE_TRUNCATED');
        continue;
      }
      assert.equal(read.fault?.code, 'SOURCE_TRUNCATED', `${size} bytes`);
      assert.equal(read.fault?.class, 'position');
      const places = (items: RawItem[]) => items.map((item) => item.place.split(':')[1]);
      assert.deepEqual(places(read.items), places(expected.slice(0, read.items.length)));
      most = Math.max(most, read.items.length);
      if (read.next === undefined) continue;
      await writeFile(join(folder, 'a.csv.gz'), whole);
      const rest = await readAll(folder, 'a.csv.gz', { from: read.next });
      assert.equal(rest.fault, undefined);
      assert.deepEqual(places(rest.items), places(expected.slice(read.items.length)));
    }
    assert.equal(most, 40);
  });

  test('damage in the middle of gzip is found, and the rows of blocks before it are delivered', async (t) => {
    const text = `id,note\n${Array.from({ length: 60_000 }, (_, i) => `${i},${(i * 2654435761) % 4294967296}\n`).join('')}`;
    const damaged = gzipSync(text);
    damaged.fill(0xff, damaged.length - 5_000, damaged.length - 4_900);
    const folder = await folderOf(t, { 'a.csv.gz': damaged });
    const reader = await csv
      .create({ path: '*', quietMs: 0 }, sourceContext(folder, []))
      .open({ name: 'a.csv.gz' }, undefined);
    t.after(() => reader.close());
    const { items, end } = await reader.read(60_000);
    assert.ok(items.length > 50_000 && items.length < 60_000 && !end, `${items.length} rows`);
    await assert.rejects(reader.read(1), { code: 'SOURCE_TRUNCATED', place: 'a.csv.gz' });
    await assert.rejects(reader.read(1), { code: 'SOURCE_TRUNCATED' }, 'never taken for the end of the file');
  });

  test('a file that was shortened or begins otherwise is SOURCE_CHANGED', async (t) => {
    const content = `id\n${'1\n'.repeat(50)}`;
    const folder = await folderOf(t, { 'a.csv': content });
    const { next: from } = await readAll(folder, 'a.csv');
    await writeFile(join(folder, 'a.csv'), content.slice(0, -2));
    await assert.rejects(readAll(folder, 'a.csv', { from }), { code: 'SOURCE_CHANGED', place: 'a.csv' });
    await writeFile(join(folder, 'a.csv'), content.replace('1', '2'));
    await assert.rejects(readAll(folder, 'a.csv', { from }), /begins with other bytes/);
  });

  test('memory stays flat over a large file, also when it is read slowly', { timeout: 60_000 }, async (t) => {
    const folder = await folderOf(t, {});
    const file = join(folder, 'a.csv.gz');
    const block = Buffer.from('1,some text that repeats,2,3,4,5\n'.repeat(20_000));
    const blocks = 60;
    await pipeline(
      Readable.from(
        (function* () {
          yield 'a,b,c,d,e,f\n';
          for (let i = 0; i < blocks; i++) yield block;
        })(),
      ),
      createGzip({ level: 1 }),
      createWriteStream(file),
    );
    const before = process.memoryUsage();
    const reader = await csv
      .create({ path: 'a.csv.gz', quietMs: 0 }, sourceContext(folder, ['a']))
      .open({ name: 'a.csv.gz' }, { ...(await identity(folder)), row: 1_000_000 });
    let items = 0;
    let peak = 0;
    for (;;) {
      const chunk = await reader.read(20_000);
      items += chunk.items.length;
      const now = process.memoryUsage();
      peak = Math.max(peak, now.external + now.arrayBuffers - before.external - before.arrayBuffers);
      if (chunk.end) break;
    }
    await reader.close();
    assert.equal(items, blocks * 20_000 - 1_000_000);
    assert.ok(peak < 30e6, `${peak} bytes of buffers`);
  });
});

async function identity(folder: string): Promise<SourcePosition> {
  const reader = await csv
    .create({ path: 'a.csv.gz', quietMs: 0 }, sourceContext(folder, []))
    .open({ name: 'a.csv.gz' }, undefined);
  const { next } = await reader.read(1);
  await reader.close();
  assert.equal(next.row, 1);
  assert.ok((await readFile(join(folder, 'a.csv.gz'))).length === next.size);
  return next;
}
