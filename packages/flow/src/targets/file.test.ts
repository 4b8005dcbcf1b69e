import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fieldsOf } from '../avro/field.ts';
import { file } from './file.ts';
import { at, codeOf, FIELDS, type FieldJson, place } from './file-fixture.ts';

test('rows wait in a hidden log until there are enough; what is left becomes a file at the end', async (t) => {
  const { create, entries, folder } = await place(t);
  const target = create({ rows: 3 });
  await target.open();
  await target.write([at(0), at(1)]);
  assert.deepEqual(entries(), ['t/partition=0/.open-…']);
  await target.write([at(2), at(3)]);
  const [name] = entries();
  assert.match(name as string, /^t\/partition=0\/0‥-0‥3-[0-9a-f]{8}\.ndjson$/);
  await target.write([at(4), at(9, null, { partition: 1 })]);
  await target.close();
  assert.equal(entries().length, 3);
  const [last] = readdirSync(join(folder, 't/partition=1'));
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 't/partition=1', last as string), 'utf8')), {
    _id: 'id 9',
    _version: '1',
    _revision: 0,
    _deleted: true,
    _offset: 9,
    _timestamp: '1970-01-01T00:00:00.000Z',
  });
});

test('enough bytes, and a row that has waited long enough, make a file too', async (t) => {
  const { create, entries } = await place(t);
  const target = create({ bytes: 2_000, seconds: 1 });
  await target.open();
  await target.write([at(0, 'x'.repeat(3_000))]);
  assert.equal(entries().filter((name) => name.endsWith('.ndjson')).length, 1);
  await target.write([at(1)]);
  assert.equal(entries().filter((name) => name.endsWith('.ndjson')).length, 1);
  for (const end = Date.now() + 20_000; entries().filter((name) => name.endsWith('.ndjson')).length < 2; ) {
    assert.ok(Date.now() < end, 'no file after 20 s');
    await pause(20);
  }
});

test('a topic that was made anew is told apart: the station ends instead of taking its records for known ones', async (t) => {
  const { create } = await place(t);
  const target = create();
  await target.open();
  await target.write([at(0), at(1)]);
  await target.close();
  const other = create();
  await other.open();
  await assert.rejects(other.write([at(0, 'x', { id: 'somebody else' })]), codeOf('TARGET_FOREIGN'));
  assert.deepEqual(await other.write([at(0), at(1), at(2)]), ['unchanged', 'unchanged', 'written']);
});

test('what a crash cut short counts up to the last whole write', async (t) => {
  const { create, folder, entries } = await place(t);
  const crashed = create();
  await crashed.open();
  await crashed.write([at(0), at(1)]);
  const log = join(folder, 't/partition=0', readdirSync(join(folder, 't/partition=0'))[0] as string);
  const { length } = readFileSync(log);
  await crashed.write([at(2), at(3)]);
  // As the crash of a machine would leave it: half a frame, under a name that nobody holds.
  copyFileSync(log, `${log}2`);
  await crashed.close();
  for (const name of readdirSync(join(folder, 't/partition=0')))
    if (!name.startsWith('.')) await rm(join(folder, 't/partition=0', name));
  renameSync(`${log}2`, log);
  truncateSync(log, length + 30);
  writeFileSync(join(folder, 't/partition=0/.made-0000000000000000'), 'half');
  const next = create();
  await next.open();
  assert.match(entries().join(' '), /^t\/partition=0\/0‥-0‥1-[0-9a-f]{8}\.ndjson$/);
  assert.deepEqual(await next.write([at(1), at(2), at(3)]), ['unchanged', 'written', 'written']);
});

test('who has lost a partition to another instance goes on from what stands there', async (t) => {
  const { create, entries } = await place(t);
  const first = create();
  const second = create();
  await first.open();
  await first.write([at(0)]);
  await second.open();
  assert.equal(entries().filter((name) => name.endsWith('.ndjson')).length, 1, 'it took what it found');
  assert.deepEqual(await second.write([at(0), at(1)]), ['unchanged', 'written']);
  assert.deepEqual(await first.write([at(0), at(1), at(2)]), ['unchanged', 'unchanged', 'written']);
  await first.close();
  await second.close();
  assert.equal(entries().length, 3);
});

test('two that both believe a partition theirs write the same at once: each record stands once', async (t) => {
  const { create, folder, lines } = await place(t);
  const rows = Array.from({ length: 120 }, (_, offset) => at(offset));
  let lost = 0;
  const run = async (size: number): Promise<void> => {
    const target = create({ rows: 17 });
    await target.open();
    for (let from = 0; from < rows.length; from += size) {
      for (;;) {
        const answer = await target.write(rows.slice(from, from + size)).catch((error: unknown) => error);
        if (Array.isArray(answer)) break;
        assert.ok(codeOf('TARGET_UNAVAILABLE')(answer), String(answer));
        lost++;
        await pause(Math.random() * 5);
      }
    }
    await target.close();
  };
  await Promise.all([run(7), run(5)]);
  const offsets = readdirSync(join(folder, 't/partition=0'))
    .flatMap((name) => lines(`t/partition=0/${name}`))
    .map((line) => JSON.parse(line)._offset);
  t.diagnostic(`${lost} writes were lost to the other and written again`);
  assert.deepEqual(
    offsets.sort((a, b) => a - b),
    rows.map(({ offset }) => offset),
  );
});

test('positions set back: what stands is known, what stood never is written in files of its own', async (t) => {
  const { create, entries, lines, folder } = await place(t);
  const target = create();
  await target.open();
  await target.write([at(5), at(6)]);
  assert.deepEqual(await target.write([3, 4, 5, 6, 7, 9].map((offset) => at(offset))), [
    'written',
    'written',
    'unchanged',
    'unchanged',
    'written',
    'written',
  ]);
  await target.close();
  assert.deepEqual(
    entries().map((name) => name.replaceAll('0‥', '').slice(14, -16)),
    ['3-4', '5-6', '7-9'],
  );
  const offsets = readdirSync(join(folder, 't/partition=0'))
    .flatMap((name) => lines(`t/partition=0/${name}`))
    .map((line) => JSON.parse(line)._offset);
  assert.deepEqual(offsets, [3, 4, 5, 6, 7, 9]);
});

test('a log that a crash left before the schema changed becomes a file of its own schema', async (t) => {
  const { create, folder, lines } = await place(t);
  const before = create();
  await before.open();
  await before.write([at(0, 'old')]);
  const after = create({}, [...FIELDS, { name: 'more', type: ['null', 'int'], default: null }]);
  await after.open();
  await after.write([at(1, 'new', { value: { text: 'new', amount: 7, more: 1 } })]);
  await after.close();
  const read = readdirSync(join(folder, 't/partition=0')).map((name) =>
    JSON.parse(lines(`t/partition=0/${name}`)[0] as string),
  );
  assert.deepEqual(
    read.map(({ text, amount, more }) => [text, amount, more]),
    [
      ['old', null, undefined],
      ['new', 7, 1],
    ],
  );
});

test('what the JSON Schema cannot see of its configuration', () => {
  const problems = (config: object, fields: FieldJson[] = FIELDS): string[] =>
    file.check!({ path: 'x', ...config }, fieldsOf({ type: 'record', name: 'R', fields })).map(({ what }) => what);
  assert.deepEqual(problems({ format: 'parquet', compression: 'snappy' }), []);
  assert.deepEqual(problems({ compression: 'snappy' }), ['`snappy` is for Parquet']);
  assert.match(problems({}, [{ name: '_id', type: 'string' }])[0] as string, /`_id` has a name/);
  const long = { type: 'bytes', logicalType: 'decimal', precision: 40, scale: 2 };
  assert.match(problems({ format: 'parquet' }, [{ name: 'd', type: long }])[0] as string, /at most 38 digits/);
});
