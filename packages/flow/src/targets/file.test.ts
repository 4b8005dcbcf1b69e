import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { Fault } from '@quadrille/record';
import { fieldsOf } from '../avro/field.ts';
import { typeOf } from '../avro/type.ts';
import type { Target, TargetRow } from '../target.ts';
import { type FileConfig, file } from './file.ts';

type FieldJson = { name: string; type: unknown; default?: unknown };
const FIELDS: FieldJson[] = [
  { name: 'text', type: 'string' },
  { name: 'amount', type: ['null', 'long'], default: null },
];

interface Place {
  folder: string;
  create(config?: Partial<FileConfig>, fields?: FieldJson[]): Target;
  /** Paths below the folder, hidden ones in place of their random part `…`. */
  entries(): string[];
  lines(path: string): string[];
}

async function place(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-file-'));
  const targets: Target[] = [];
  t.after(async () => {
    for (const target of targets) await target.close().catch(() => undefined);
    await rm(folder, { recursive: true });
  });
  const read = (path: string): string => {
    const bytes = readFileSync(join(folder, path));
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  };
  return {
    folder,
    create(config = {}, fields = FIELDS) {
      const schema = { type: 'record', name: 'Row', fields };
      const target = file.create(
        { path: '.', ...config },
        { flow: 'f', station: 's', folder, schema: typeOf(schema), fields: fieldsOf(schema), env: {} },
      );
      targets.push(target);
      return target;
    },
    entries: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
        .map((path) => path.replace(/-[0-9a-f]{16}$/, '-…').replaceAll(/0{10,}/g, '0‥'))
        .sort(),
    lines: (path) => read(path).split(/\r?\n/).filter(Boolean),
  };
}

const at = (offset: number, text: string | null = `text ${offset}`, more: Partial<TargetRow> = {}): TargetRow => ({
  id: `id ${offset}`,
  version: 1n,
  revision: 0,
  topic: 't',
  partition: 0,
  offset,
  timestamp: 0,
  value: text === null ? null : { text, amount: null },
  bytes: Buffer.from(text ?? ''),
  ...more,
});
const codeOf = (code: string) => (error: unknown) => error instanceof Fault && error.code === code;

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

test('CSV: a header, null apart from empty text, quotes where they are needed', async (t) => {
  const { create, folder } = await place(t);
  const target = create({ format: 'csv', compression: 'gzip' });
  await target.open();
  await target.write([at(0, 'a,"b"\r\nc'), at(1, ''), at(2, null)]);
  await target.close();
  const [name] = readdirSync(join(folder, 't/partition=0'));
  const text = gunzipSync(readFileSync(join(folder, 't/partition=0', name as string))).toString();
  const own = (offset: number, deleted: boolean): string =>
    `id ${offset},1,0,${deleted},${offset},1970-01-01T00:00:00.000Z`;
  assert.equal(
    text,
    [
      'text,amount,_id,_version,_revision,_deleted,_offset,_timestamp',
      `"a,""b""\r\nc",,${own(0, false)}`,
      `"",,${own(1, false)}`,
      `,,${own(2, true)}`,
      '',
    ].join('\r\n'),
  );
});

test('Parquet: every kind of field with its type, exactly', async (t) => {
  const { create, folder } = await place(t);
  const logical = (type: string, logicalType: string, more: object = {}): object => ({ type, logicalType, ...more });
  const kinds: [name: string, type: unknown, value: unknown, sql: string, text: string][] = [
    ['bool', 'boolean', true, 'BOOLEAN', 'true'],
    ['int', 'int', -(2 ** 31), 'INTEGER', '-2147483648'],
    ['big', { type: 'long', longs: 'bigint' }, -(2n ** 63n), 'BIGINT', '-9223372036854775808'],
    ['double', 'double', 0.1, 'DOUBLE', '0.1'],
    ['enum', { type: 'enum', name: 'E', symbols: ['UP', 'DOWN'] }, 'DOWN', 'VARCHAR', 'DOWN'],
    ['bytes', 'bytes', Buffer.from([0, 255]), 'BLOB', '\\x00\\xFF'],
    [
      'decimal',
      logical('bytes', 'decimal', { precision: 20, scale: 4 }),
      '-1234567890123456.7890',
      'DECIMAL(20,4)',
      '-1234567890123456.7890',
    ],
    ['date', logical('int', 'date'), '1969-12-31', 'DATE', '1969-12-31'],
    ['time', logical('int', 'time-millis'), 86_399_999, 'TIME', '23:59:59.999'],
    ['millis', logical('long', 'timestamp-millis'), -1, 'TIMESTAMP WITH TIME ZONE', '1969-12-31 23:59:59.999+00'],
    ['local', logical('long', 'local-timestamp-micros'), 1, 'TIMESTAMP', '1970-01-01 00:00:00.000001'],
    ['list', { type: 'array', items: 'string' }, ['a', 'b"c'], 'VARCHAR', '["a","b\\"c"]'],
    ['map', { type: 'map', values: 'long' }, { x: 1 }, 'VARCHAR', '{"x":1}'],
  ];
  const target = create(
    { format: 'parquet' },
    kinds.map(([name, type]) => ({ name, type: ['null', type] })),
  );
  await target.open();
  const value = Object.fromEntries(kinds.map(([name, , given]) => [name, given]));
  await target.write([
    at(0, '', { value }),
    at(1, '', { value: Object.fromEntries(kinds.map(([name]) => [name, null])) }),
  ]);
  await target.close();
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const from = `FROM read_parquet('${folder}/*/*/*.parquet', hive_partitioning = false)`;
    const types = await connection.runAndReadAll(`DESCRIBE SELECT * ${from}`);
    assert.deepEqual(
      types.getRowObjects().map((row) => `${row.column_name} ${row.column_type}`),
      [
        ...kinds.map(([name, , , sql]) => `${name} ${sql}`),
        '_id VARCHAR',
        '_version BIGINT',
        '_revision INTEGER',
        '_deleted BOOLEAN',
        '_offset BIGINT',
        '_timestamp TIMESTAMP WITH TIME ZONE',
      ],
    );
    const columns = kinds.map(([name]) => `CAST(${name} AS VARCHAR)`).join(', ');
    const rows = await connection.runAndReadAll(`SELECT ${columns} ${from} ORDER BY _offset`);
    assert.deepEqual(rows.getRows(), [kinds.map(([, , , , text]) => text), kinds.map(() => null)]);
  } finally {
    connection.closeSync();
    database.closeSync();
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
