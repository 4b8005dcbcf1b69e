import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { at, place } from './file-fixture.ts';

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
