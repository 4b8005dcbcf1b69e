import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ShardReader, SourceType } from '../../source.ts';
import { type OutboxConfig, postgresOutbox as type } from './outbox.ts';
import { outboxTriggers } from './outbox-triggers.ts';
import { all, noDatabase, plain, some, type TableFixture, tableFixture } from './table-fixture.ts';

const skip = noDatabase;
const TABLE = 'CREATE TABLE T (id int PRIMARY KEY, name text)';
const { DATABASE_URL } = process.env;

type Sample = TableFixture & {
  outbox: string;
  triggers(how?: { remove?: boolean; execute?: boolean }): ReturnType<typeof outboxTriggers>;
  /** Numbers of the changes that stand in the outbox. */
  standing(): Promise<number>;
};

/** A table with triggers. */
async function sample(t: TestContext, table = TABLE, config: object = {}): Promise<Sample> {
  const ofTable: SourceType<OutboxConfig> = {
    ...type,
    create: (given, context) => type.create({ ...given, outbox: `${given.table}_o` }, context),
  };
  const fixture = await tableFixture(t, ofTable, table, { pollMs: 60_000, ...config });
  const outbox = `${fixture.name}_o`;
  const triggers: Sample['triggers'] = ({ remove = false, execute = true } = {}) =>
    outboxTriggers({ table: fixture.name, outbox }, { ...fixture.context, env: { DATABASE_URL } }, { remove, execute });
  await triggers();
  const standing = async () => Number((await fixture.run(`SELECT count(*) AS n FROM ${outbox}`))[0]!.n);
  return { ...fixture, outbox, triggers, standing };
}

const settle = (reader: ShardReader, position: object): Promise<void> =>
  reader.acknowledge!({ position: position as never, rejected: new Map() });

test('a change wakes it; what is settled is forgotten, also when it was not told', { skip }, async (t) => {
  const { run, open, standing } = await sample(t);
  const reader = await open();
  await all(reader);
  const coming = some(reader, 1);
  await run(`INSERT INTO T VALUES (1, 'a')`);
  assert.deepEqual(plain(await coming), [['1', 'a']]);
  await run(`INSERT INTO T SELECT n, 'n' || n FROM generate_series(2, 10) n`);
  const part = await reader.read(5);
  assert.deepEqual([part.items.length, await standing()], [5, 10]);
  await settle(reader, part.next);
  assert.equal(await standing(), 4);
  const { next } = await all(reader);
  await reader.close();
  // As if the process had been killed between the commit and this.
  const again = await open(next);
  assert.equal(await standing(), 0);
  await run('DELETE FROM T WHERE id < 3; UPDATE T SET id = -4 WHERE id = 4');
  const rest = await all(again);
  assert.deepEqual(plain(rest.items), [
    ['1', 'deleted'],
    ['2', 'deleted'],
    ['4', 'deleted'],
    ['-4', 'n4'],
  ]);
  await settle(again, rest.next);
  assert.equal(await standing(), 0);
});

test('whatever the order of numbers and commits, none is passed over, and a row’s changes come in theirs', {
  skip,
}, async (t) => {
  const { run, other, open } = await sample(t);
  await run(`INSERT INTO T VALUES (1, 'first')`);
  const reader = await open();
  await all(reader);
  const [a, b] = [await other(), await other()];
  await a.run(`BEGIN; INSERT INTO T VALUES (2, 'a')`);
  await b.run(
    `BEGIN; INSERT INTO T VALUES (3, 'b'); SAVEPOINT s; UPDATE T SET name = 'b' WHERE id = 1; RELEASE s; COMMIT`,
  );
  const stop = AbortSignal.timeout(300);
  assert.deepEqual((await reader.read(100, stop)).items, [], 'the older one runs');
  await a.run(`UPDATE T SET name = 'a' WHERE id = 1; COMMIT`);
  const { items } = await all(reader);
  assert.deepEqual(
    plain(items).sort(),
    [
      ['2', 'a'],
      ['3', 'b'],
      ['1', 'b'],
      ['1', 'a'],
    ].sort(),
  );
  const ofOne = items.filter(({ id }) => id === '1');
  assert.deepEqual(plain(ofOne), [
    ['1', 'b'],
    ['1', 'a'],
  ]);
  assert.ok(ofOne[0]!.version! < ofOne[1]!.version!);
});

test('what runs when the rows that stand are read is waited for, and follows newer', { skip }, async (t) => {
  const { run, other, open } = await sample(t);
  await run(`INSERT INTO T VALUES (1, 'stood')`);
  const running = await other();
  await running.run(`BEGIN; UPDATE T SET name = 'running' WHERE id = 1`);
  const reader = await open();
  const reading = reader.read(100);
  await run(`INSERT INTO T VALUES (2, 'meanwhile')`);
  await running.run('COMMIT');
  const { items } = await reading;
  await run(`UPDATE T SET name = 'after' WHERE id = 1`);
  const more = await all(reader);
  const one = [...items, ...more.items].filter(({ id }) => id === '1');
  assert.deepEqual(plain(one), [
    ['1', 'running'],
    ['1', 'after'],
  ]);
  assert.ok(one[0]!.version! < one[1]!.version!);
});

test('its connection cut, it says so, and a new one listens again; one at a time', { skip }, async (t) => {
  const { run, open, outbox } = await sample(t);
  const reader = await open();
  const { next } = await all(reader);
  await assert.rejects(open(next), { code: 'SOURCE_UNAVAILABLE', message: /read by another/ });
  const waiting = assert.rejects(reader.read(100), { code: 'SOURCE_UNAVAILABLE' });
  await run(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = '${outbox}'::regclass`,
  );
  await waiting;
  await reader.close();
  const again = await open(next);
  await all(again);
  const coming = some(again, 1);
  await run(`INSERT INTO T VALUES (1, 'a')`);
  assert.deepEqual(plain(await coming), [['1', 'a']]);
});

test('TRUNCATE stops it behind what stands before, or is passed over by choice', { skip }, async (t) => {
  const { run, open } = await sample(t);
  const reader = await open();
  await all(reader);
  await run(`INSERT INTO T VALUES (1, 'a'); TRUNCATE T; INSERT INTO T VALUES (2, 'b')`);
  const before = await reader.read(100);
  assert.deepEqual(plain(before.items), [['1', 'a']]);
  await assert.rejects(reader.read(100), { code: 'SOURCE_EMPTIED' });
  await reader.close();
  const on = await open(before.next, { truncate: 'ignore' });
  assert.deepEqual(plain((await all(on)).items), [['2', 'b']]);
});

test('columns that come, go and change their type; a row that fits no more is set aside alone', { skip }, async (t) => {
  const { run, open } = await sample(t);
  const fields = ['id', 'name', 'extra'].map((name) => ({ name, type: ['null', 'string'], default: null }));
  const reader = await open(undefined, {}, fields);
  const { next } = await all(reader);
  await reader.close();
  await run(
    `INSERT INTO T VALUES (1, 'a'), (2, '7'); ALTER TABLE T ADD extra text; INSERT INTO T VALUES (3, '8', 'c')`,
  );
  await run(`UPDATE T SET name = 9 WHERE id = 1; ALTER TABLE T ALTER name TYPE int USING name::int`);
  const { items } = await all(await open(next, {}, fields));
  assert.deepEqual(plain(items), ['ROW_MALFORMED', ['2', '7'], ['3', '8'], ['1', '9']]);
  assert.equal(('bytes' in items[0]! && JSON.parse(items[0].bytes.toString()).name) as string, 'a');
  await run('ALTER TABLE T DROP name; INSERT INTO T VALUES (4)');
});

test('values are the same from the rows that stand and from changes, whatever the writer has set', {
  skip,
}, async (t) => {
  const list = [
    { name: 'id', type: 'int' },
    { name: 'yes', type: 'boolean' },
    { name: 'data', type: 'bytes' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 10 } },
    { name: 'ratio', type: 'double' },
    { name: 'span', type: 'string' },
    { name: 'words', type: { type: 'array', items: ['null', 'string'] } },
    { name: 'doc', type: { type: 'map', values: 'int' } },
    { name: 'twice', type: 'int' },
    { name: 'none', type: ['null', 'string'] },
  ];
  const { run, open } = await sample(
    t,
    `CREATE TABLE T (id int PRIMARY KEY, yes bool, data bytea, at timestamptz, amount numeric, ratio float8, span interval,
    words text[], doc json, twice int GENERATED ALWAYS AS (id * 0 + 2) STORED, none text)`,
  );
  const insert = (id: number) =>
    run(`INSERT INTO T VALUES (${id}, true, '\\x00ff', '2013-01-01 12:00:00.123456+02', 12345678901234567890.0123456789,
    0.1::float8 + 0.2, '1 day 2 hours', '{a,"b \\"c\\\\",NULL}', '{"a": 1}')`);
  await insert(1);
  const reader = await open(undefined, {}, list);
  const one = await all(reader);
  await run(
    `SET TimeZone = 'Asia/Tokyo'; SET bytea_output = escape; SET IntervalStyle = postgres; SET extra_float_digits = -5`,
  );
  await insert(2);
  const two = await all(reader);
  const [a, b] = [one, two].map(({ items }) => (items[0] as { fields: Record<string, unknown> }).fields);
  assert.deepEqual({ ...b, id: '1' }, a);
  assert.deepEqual([a!.amount, a!.ratio, a!.data], ['12345678901234567890.0123456789', '0.30000000000000004', '00ff']);
});

test('triggers that are absent or disabled are told; made twice, nothing changes; taken away, all is gone', {
  skip,
}, async (t) => {
  const { run, open, triggers, name, outbox } = await sample(t);
  assert.deepEqual(await triggers(), { script: undefined, executed: false });
  await run(`ALTER TABLE T DISABLE TRIGGER ${outbox}`);
  await assert.rejects(open(), { code: 'SOURCE_SETTINGS', message: new RegExp(`trigger ${outbox} is enabled`) });
  const planned = await triggers({ execute: false });
  assert.match(planned.script!, /CREATE TRIGGER/);
  await assert.rejects(open(), { code: 'SOURCE_SETTINGS' }, 'a plan changes nothing');
  assert.equal((await triggers()).executed, true);
  const { next } = await all(await open());
  await triggers({ remove: true });
  assert.deepEqual(await triggers({ remove: true }), { script: undefined, executed: false });
  const left = await run(`SELECT tgname FROM pg_trigger WHERE tgrelid = '${name}'::regclass AND NOT tgisinternal`);
  assert.deepEqual(left, []);
  await triggers();
  await assert.rejects(open(next), { code: 'SOURCE_CHANGED', message: /made anew/ });
});

test('how many changes wait, and for how long', { skip }, async (t) => {
  const { run, open, lags, name } = await sample(t);
  await run(`INSERT INTO T VALUES (1, 'a'), (2, 'b')`);
  const reader = await open(undefined, { snapshot: 0 });
  await all(reader);
  for (const end = Date.now() + 10_000; lags.get(`public.${name}`) === undefined; await run('SELECT'))
    assert.ok(Date.now() < end, 'no lag was told');
  const { records, seconds } = lags.get(`public.${name}`)!;
  assert.equal(records, 2);
  assert.ok(seconds! > 0 && seconds! < 60);
});
