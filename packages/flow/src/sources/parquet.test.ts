import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compileCoerce } from '../avro/coerce.ts';
import { fieldsOf } from '../avro/field.ts';
import { type ParquetConfig, parquet } from './parquet.ts';
import { parquetOf } from './parquet-fixture.ts';
import { sourceContext } from './source-fixture.ts';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-parquet-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const COLUMNS = {
  whole: ['9007199254740993::BIGINT', { type: 'long', longs: 'bigint' }, 9007199254740993n],
  small: ['7::SMALLINT', 'int', 7],
  price: ['12.10::DECIMAL(12,2)', { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 }, '12.10'],
  real: ["'nan'::DOUBLE", 'double', Number.NaN],
  text: ["''", 'string', ''],
  day: ["DATE '2013-02-28'", { type: 'int', logicalType: 'date' }, '2013-02-28'],
  at: [
    "TIMESTAMPTZ '2013-01-01 05:06:07.123456+02'",
    { type: 'long', logicalType: 'timestamp-micros' },
    1357009567123456,
  ],
  local: [
    "TIMESTAMP '2013-01-01 05:06:07.120'",
    { type: 'long', logicalType: 'local-timestamp-millis' },
    1357016767120,
  ],
  bytes: ["'\\xAA\\x01'::BLOB", 'bytes', Buffer.of(0xaa, 1)],
  yes: ['true', 'boolean', true],
  list: ['[1, 2]', { type: 'array', items: 'int' }, [1, 2]],
  none: ['NULL::VARCHAR', ['null', 'string'], null],
} as const;

test('every type of column becomes the value of its field, without rounding', async (t) => {
  const folder = await folderOf(t);
  const select = Object.entries(COLUMNS).map(([name, [sql]]) => `${sql} AS "${name}"`);
  await parquetOf(join(folder, 'a.parquet'), `SELECT ${select.join(', ')}`);
  const fields = Object.entries(COLUMNS).map(([name, [, type]]) => ({ name, type }));
  const schema = fieldsOf({ type: 'record', name: 'R', fields });
  const source = parquet.create({ path: '*', quietMs: 0 }, sourceContext(folder, [], { schema }));
  const reader = await source.open({ name: 'a.parquet' }, undefined);
  const { items } = await reader.read(10);
  await reader.close();
  const [item] = items;
  assert.ok(item !== undefined && 'fields' in item);
  assert.equal(item.place, 'a.parquet#1');
  const value = compileCoerce(schema, { nullTexts: [] })(item.fields);
  for (const [name, [, , expected]] of Object.entries(COLUMNS)) assert.deepEqual(value[name], expected, name);
});

const reading = async (t: TestContext, query: string, wanted: string[], config: Partial<ParquetConfig> = {}) => {
  const folder = await folderOf(t);
  const file = join(folder, 'a.parquet');
  await parquetOf(file, query, 'ROW_GROUP_SIZE 2048');
  const source = parquet.create({ path: '*', quietMs: 0, ...config }, sourceContext(folder, wanted));
  return { file, open: (from?: { row: number }) => source.open({ name: 'a.parquet' }, from) };
};

test('timestamps without a time zone are UTC only where the flow file says so', async (t) => {
  const query = "SELECT TIMESTAMP '2013-01-01 05:06:07' AS at";
  for (const [config, expected] of [
    [{}, '2013-01-01T05:06:07.000000'],
    [{ utc: true }, '2013-01-01T05:06:07.000000Z'],
  ] as const) {
    const reader = await (await reading(t, query, ['at'], config)).open();
    const [item] = (await reader.read(1)).items;
    await reader.close();
    assert.deepEqual((item as { fields: object }).fields, { at: expected });
  }
});

test('goes on at a row within a row group; a file without its footer is SOURCE_TRUNCATED', async (t) => {
  const { file, open } = await reading(t, 'SELECT i AS id FROM range(10000) t(i)', ['id']);
  const first = await open();
  const { next } = await first.read(4_321);
  await first.close();
  const second = await open(JSON.parse(JSON.stringify(next)));
  const { items } = await second.read(3);
  await second.close();
  assert.deepEqual(
    items.map((item) => [item.place, 'fields' in item && item.fields.id]),
    [
      ['a.parquet#4322', '4321'],
      ['a.parquet#4323', '4322'],
      ['a.parquet#4324', '4323'],
    ],
  );
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, bytes.length - 8));
  const third = await open();
  await assert.rejects(third.read(10), { code: 'SOURCE_TRUNCATED', place: 'a.parquet' });
  await third.close();
});

test('columns that are not there are named, with those that are', async (t) => {
  const { open } = await reading(t, 'SELECT 1 AS id', ['id', 'name', 'day']);
  const reader = await open();
  await assert.rejects(reader.read(1), { code: 'SOURCE_HEADER', message: /`name`, `day`, but `id`/ });
  await reader.close();
});
