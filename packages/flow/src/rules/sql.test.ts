import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Drop, Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import { openSandbox, problemOf } from './duckdb.ts';
import { field } from './fields.fixture.ts';
import { loadSqlRule } from './sql.ts';
import { parseSqlFile } from './sql-file.ts';
import type { SqlTable } from './sql-plan.ts';

type Row = Record<string, unknown>;

const FIELDS = [
  field('a', 'int'),
  field('b', 'int'),
  field('s', 'string'),
  field('x', 'double'),
  field('keep', 'string'),
];

async function run(
  query: string,
  records: Row[],
  {
    fields = FIELDS,
    tables = [],
    timeoutMs,
  }: { fields?: readonly Field[]; tables?: SqlTable[]; timeoutMs?: number } = {},
) {
  const rule = await loadSqlRule(parseSqlFile('/f/rule.sql', `-- doc: x\n${query}`), { fields, tables }, timeoutMs);
  try {
    return (await rule.apply(records)) as unknown[];
  } finally {
    await rule.close();
  }
}
const codes = (results: unknown[]): string[] =>
  results.map((result) => (result instanceof Fault || result instanceof Drop ? result.code : 'ok'));

test('columns are set on the record itself, others are kept', async () => {
  const records: Row[] = [
    { a: 1, b: 2, s: 'x', x: null, keep: 'me' },
    { a: null, b: 5, s: 'y', x: 0.5, keep: 'me too' },
  ];
  const results = await run('select row, a + b as b, coalesce(a, 0) * 1.5 as x, upper(s) as s from input', records);
  assert.equal(results[0], records[0]);
  assert.deepEqual(records, [
    { a: 1, b: 3, s: 'X', x: 1.5, keep: 'me' },
    { a: null, b: null, s: 'Y', x: 0, keep: 'me too' },
  ]);
});

test('a row that is not selected is dropped, a repeated one makes several records in their order', async () => {
  const records: Row[] = [{ a: 0 }, { a: 1 }, { a: 3 }];
  const results = await run('select row, u as b from input, unnest(range(a)) t(u) order by row desc, u', records, {
    fields: [field('a', 'int'), field('b', 'long')],
  });
  assert.deepEqual(codes(results), ['SQL_FILTERED', 'ok', 'ok']);
  assert.deepEqual(results.slice(1), [
    { a: 1, b: 0 },
    [
      { a: 3, b: 0 },
      { a: 3, b: 1 },
      { a: 3, b: 2 },
    ],
  ]);
});

test('rounds of any size, nulls first or last, one after another on one rule', async () => {
  const rule = await loadSqlRule(
    parseSqlFile('/f/rule.sql', '-- doc: x\nselect row, a is null as n, a + 1 as b from input'),
    { fields: [...FIELDS, field('n', 'boolean')], tables: [] },
  );
  for (const size of [0, 1, 63, 64, 65, 2047, 2048, 2049, 6000, 1]) {
    const records: Row[] = Array.from({ length: size }, (_, i) => ({ a: i % 3 === size % 3 ? null : i }));
    const results = await rule.apply(records);
    assert.equal(results.length, size);
    for (const { a, b, n } of records) assert.ok(n === (a === null) && b === (a === null ? null : (a as number) + 1));
  }
  await rule.close();
});

test('two rounds at once wait for each other', async () => {
  const rule = await loadSqlRule(parseSqlFile('/f/rule.sql', '-- doc: x\nselect row, a + 1 as a from input'), {
    fields: FIELDS,
    tables: [],
  });
  const rounds = Array.from({ length: 5 }, (_, r) => Array.from({ length: 100 }, (_, i): Row => ({ a: r * 1000 + i })));
  await Promise.all(rounds.map((records) => rule.apply(records)));
  for (const [r, records] of rounds.entries())
    assert.deepEqual(
      records.map(({ a }) => a),
      Array.from({ length: 100 }, (_, i) => r * 1000 + i + 1),
    );
  await rule.close();
});

test('every kind goes in and comes back unchanged', async () => {
  const kinds: [Field, unknown[]][] = [
    [field('flag', 'boolean'), [true, false, null]],
    [field('small', 'int'), [0, -2147483648, 2147483647]],
    [field('long', 'long'), [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 4294967296, -4294967297, null]],
    [field('big', 'long', { bigint: true }), [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n, null]],
    [field('single', 'float'), [1.5, -0.25, null]],
    [field('real', 'double'), [0.1, -1e300, Number.MIN_VALUE, Number.POSITIVE_INFINITY, null]],
    [
      field('text', 'string'),
      [
        '',
        'short',
        'exactly12chr',
        'thirteen chars',
        'é',
        'こんにちは世界、長い文',
        '𝒳🙂',
        'it\'s "quoted"; --',
        'nul\0inside',
        null,
      ],
    ],
    [field('code', 'enum'), ['A', 'LONG_ENUM_SYMBOL', null]],
    [field('uid', 'uuid'), ['123e4567-e89b-12d3-a456-426614174000', null]],
    [field('raw', 'bytes'), [Buffer.from([]), Buffer.from([0, 255, 1]), Buffer.alloc(40, 7), null]],
    [
      field('price', 'decimal', { precision: 30, scale: 4 }),
      ['0.0000', '-1.5000', '12345678901234567890123456.7890', null],
    ],
    [field('day', 'date'), ['2013-01-31', '1969-12-31', '0001-01-01', null]],
    [field('tm', 'time-millis'), [0, 86399999, null]],
    [field('tu', 'time-micros'), [0, 86399999999, null]],
    [field('ms', 'timestamp-millis'), [0, 1357020000123, -1, -62135596800000, 8.64e14 * 9, null]],
    [field('us', 'timestamp-micros'), [0, 1357020000123456, -1, null]],
    [field('usbig', 'timestamp-micros', { bigint: true }), [9007199254740993n, -9007199254740993n, null]],
    [field('lms', 'local-timestamp-millis'), [1357020000123, null]],
  ];
  const fields = kinds.map(([one]) => one);
  const count = 30;
  const records = Array.from({ length: count }, (_, i) =>
    Object.fromEntries(kinds.map(([{ name }, values]) => [name, values[i % values.length]])),
  );
  const before = structuredClone(records).map((record) => ({
    ...record,
    raw: record.raw === null ? null : Buffer.from(record.raw as Uint8Array),
  }));
  const results = await run('select * from input', records, { fields });
  assert.deepEqual(results, before);
});

test('instants are UTC to the query', async () => {
  const fields = [field('ts', 'timestamp-millis'), field('h', 'long'), field('day', 'date')];
  const records: Row[] = [{ ts: Date.UTC(2013, 0, 31, 23, 15) }];
  await run(
    'select row, hour(ts) as h, (ts + interval 1 hour)::date as day, ts::timestamptz + interval 1 second as ts from input',
    records,
    { fields },
  );
  assert.deepEqual(records, [{ ts: Date.UTC(2013, 0, 31, 23, 15, 1), h: 23, day: '2013-02-01' }]);
});

test('a value that is not of its field’s kind faults its record alone', async () => {
  const records: Row[] = [{ a: 1 }, { a: 'one' }, { a: 1.5 }, { a: 4 }, { a: undefined }];
  const results = await run('select row, a + 1 as a from input', records);
  assert.deepEqual(codes(results), ['ok', 'SQL_FAILED', 'SQL_FAILED', 'ok', 'ok']);
  assert.equal((results[1] as Fault).field, 'a');
  assert.doesNotMatch((results[1] as Fault).message, /one/);
  assert.deepEqual(
    records.map(({ a }) => a),
    [2, 'one', 1.5, 5, null],
  );
});

test('a long beyond 2^53 is a fault of its record, unless the schema says bigint', async () => {
  const query = 'select row, a::bigint * 4611686018427387904 as big from input';
  const results = await run(query, [{ a: 0 }, { a: 1 }], { fields: [field('a', 'int'), field('big', 'long')] });
  assert.deepEqual(codes(results), ['ok', 'SQL_FAILED']);
  const exact: Row[] = [{ a: 1 }];
  await run(query, exact, { fields: [field('a', 'int'), field('big', 'long', { bigint: true })] });
  assert.equal(exact[0]?.big, 4611686018427387904n);
});

test('lookups are relations, read again when they change', async () => {
  const airports: Row[] = [{ faa: 'JFK', city: 'New York', lat: 40.6 }];
  const table = {
    name: 'airport',
    fields: [field('faa', 'string'), field('city', 'string'), field('lat', 'double')],
    changes: 1,
    rows: () => airports,
  };
  const rule = await loadSqlRule(
    parseSqlFile(
      '/f/rule.sql',
      '-- doc: x\nselect input.row, city as s, lat is null as n from input left join airport on airport.faa = input.keep',
    ),
    { fields: [...FIELDS, field('n', 'boolean')], tables: [table] },
  );
  const round = async (): Promise<unknown[]> =>
    (await rule.apply([{ keep: 'JFK' }, { keep: 'SJU' }])).map((record) => [(record as Row).s, (record as Row).n]);
  assert.deepEqual(await round(), [
    ['New York', false],
    [null, true],
  ]);
  airports[0] = { faa: 'JFK', city: 'Queens', lat: null };
  airports.push({ faa: 'SJU', city: 'San Juan', lat: 18.4 });
  assert.deepEqual(await round(), [
    ['New York', false],
    [null, true],
  ]);
  table.changes = 2;
  assert.deepEqual(await round(), [
    ['Queens', true],
    ['San Juan', false],
  ]);
  await rule.close();
});

test('the sandbox: no files, no extensions, no settings, no other database', async () => {
  const sandbox = await openSandbox();
  const attempts = [
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "copy (select 1) to '/tmp/quadrille-sandbox.csv'",
    'install httpfs',
    'load httpfs',
    'set threads = 4',
    'set enable_external_access = true',
    "set memory_limit = '4GB'",
    "attach '/tmp/quadrille-sandbox.db'",
    "select * from glob('/etc/*')",
    "export database '/tmp/quadrille-sandbox'",
  ];
  for (const sql of attempts) {
    const problem = await sandbox.connection.run(sql).then(() => undefined, problemOf);
    assert.ok(
      problem !== undefined && /disabled|locked|Permission|configuration|does not exist/.test(problem.message),
      `${sql}: ${problem?.message}`,
    );
  }
  assert.ok(!existsSync('/tmp/quadrille-sandbox.csv') && !existsSync('/tmp/quadrille-sandbox.db'));
  sandbox.close();
});
