import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardReader } from '../../source.ts';
import { postgresCursor as type } from './cursor.ts';
import { all, noDatabase, plain, some, tableFixture } from './table-fixture.ts';

const skip = noDatabase;
const NUMBERED = 'CREATE TABLE T (id int PRIMARY KEY, name text, n bigint); CREATE INDEX ON T (n, id)';
const TIMED = 'CREATE TABLE T (id int PRIMARY KEY, name text, at timestamptz); CREATE INDEX ON T (at, id)';
const byNumber = { cursor: 'n', pollMs: 10 };
const byTime = { cursor: 'at', pollMs: 10 };

/** Lets it look so many times, and find nothing. */
async function inVain(reader: ShardReader, times = 5): Promise<void> {
  for (let i = 0; i < times; i++) assert.deepEqual((await reader.read(100)).items, []);
}

test('a value given out before others and committed after them is not passed over', { skip }, async (t) => {
  const { run, other, open } = await tableFixture(t, type, NUMBERED, byNumber);
  await run(`INSERT INTO T VALUES (1, 'a', 1)`);
  const reader = await open();
  assert.deepEqual(plain((await all(reader)).items), [['1', 'a']]);
  const late = await other();
  await late.run('BEGIN');
  await late.run('SELECT 2 AS given');
  for (let n = 3; n < 6; n++) {
    await run(`INSERT INTO T VALUES (${n}, 'early', ${n})`);
    assert.deepEqual(plain(await some(reader, 1)), [[String(n), 'early']]);
  }
  await inVain(reader);
  await late.run(`INSERT INTO T VALUES (2, 'late', 2)`);
  await late.run('COMMIT');
  assert.deepEqual(plain(await some(reader, 1)), [['2', 'late']]);
  await inVain(reader);
});

test('what is committed while an older transaction writes waits for it, and comes once', { skip }, async (t) => {
  const { run, other, open } = await tableFixture(t, type, NUMBERED, byNumber);
  const reader = await open();
  await all(reader);
  const old = await other();
  await old.run(
    `BEGIN; INSERT INTO T VALUES (1, 'old', 1); SAVEPOINT s; INSERT INTO T VALUES (2, 'within', 2); RELEASE s`,
  );
  await run(`INSERT INTO T VALUES (3, 'young', 3)`);
  const stop = AbortSignal.timeout(300);
  assert.deepEqual((await reader.read(100, stop)).items, []);
  await old.run('COMMIT');
  await reader.close();
  const again = await open({ row: 0 });
  assert.deepEqual(plain((await all(again)).items), [
    ['1', 'old'],
    ['2', 'within'],
    ['3', 'young'],
  ]);
  await run(
    'BEGIN; SAVEPOINT s; UPDATE T SET n = 4 WHERE id = 1; ROLLBACK TO s; UPDATE T SET n = 5 WHERE id = 2; COMMIT',
  );
  assert.deepEqual(plain((await all(again)).items), [['2', 'within']]);
});

test('a time as old as the begin of a long transaction; none in the future shuts others out', { skip }, async (t) => {
  const { run, other, open } = await tableFixture(t, type, TIMED, { ...byTime, late: 0 });
  const reader = await open();
  await all(reader);
  const long = await other();
  await long.run('BEGIN; SELECT now()');
  await run(`INSERT INTO T VALUES (1, 'far', '2100-01-01')`);
  assert.deepEqual(plain(await some(reader, 1)), [['1', 'far']]);
  await run(`INSERT INTO T VALUES (2, 'now', clock_timestamp())`);
  assert.deepEqual(plain(await some(reader, 1)), [['2', 'now']]);
  await inVain(reader);
  await long.run(`INSERT INTO T VALUES (3, 'begun before', now()); COMMIT`);
  const [item] = await some(reader, 1);
  assert.deepEqual(plain([item!]), [['3', 'begun before']]);
  const [row] = await run('SELECT (extract(epoch FROM at) * 1000000)::bigint AS at FROM T WHERE id = 3');
  assert.equal(String(item!.version), row!.at);
});

test('rows that no sweep of the window sees again are not read again, nor after a restart', { skip }, async (t) => {
  const { run, open } = await tableFixture(t, type, NUMBERED, byNumber);
  await run(`INSERT INTO T SELECT n, 'n' || n, n FROM generate_series(1, 30) n`);
  const first = await open();
  const part = await first.read(7);
  assert.equal(part.items.length, 7);
  await first.close();
  const second = await open(part.next);
  const rest = await all(second, 4);
  assert.deepEqual(
    rest.items.map(({ id }) => id),
    Array.from({ length: 23 }, (_, i) => String(i + 8)),
  );
  await run(`UPDATE T SET name = 'new', n = 31 WHERE id = 3`);
  const { items, next } = await all(second);
  assert.deepEqual(plain(items), [['3', 'new']]);
  await second.close();
  const third = await open(next);
  assert.deepEqual((await all(third)).items, []);
  // Where it begins to look has moved up.
  assert.ok(Number((await third.read(1)).next.low) > 1);
});

test('times without a value, and infinite ones, are bad items; dates and smaller numbers do', { skip }, async (t) => {
  const { run, open } = await tableFixture(t, type, TIMED, byTime);
  await run(
    `INSERT INTO T VALUES (1, 'a', '-infinity'), (2, 'b', 'infinity'), (3, 'c', NULL), (4, 'd', '2013-01-01 12:00+02')`,
  );
  const { items } = await all(await open());
  assert.deepEqual(plain(items), ['VERSION_INVALID', 'VERSION_INVALID', ['4', 'd'], 'VERSION_INVALID']);
  assert.equal(items[2]!.version, 1_357_034_400_000_000n);
  assert.match(items[2]!.place, /@2013-01-01 10:00:00\+00#2$/);
  await run(`ALTER TABLE T ADD day date, ADD small smallint, ADD local timestamp;
    UPDATE T SET day = '2013-01-02', small = 5, local = '2013-01-01 00:00:01'`);
  for (const [cursor, version] of [
    ['day', 1_357_084_800_000_000n],
    ['small', 5n],
    ['local', 1_356_998_401_000_000n],
  ]) {
    const read = (await all(await open(undefined, { cursor }))).items;
    assert.deepEqual([...new Set(read.map((item) => item.version))], [version]);
    assert.equal(read.length, 4);
  }
});

test('a number that is too large is a bad item, and shuts no others out', { skip }, async (t) => {
  const { run, open } = await tableFixture(t, type, NUMBERED, byNumber);
  await run(`INSERT INTO T VALUES (1, 'a', 1), (2, 'b', 9007199254740992)`);
  const reader = await open();
  assert.deepEqual(plain((await all(reader)).items), [['1', 'a'], 'VERSION_INVALID']);
  for (let n = 3; n < 8; n++) {
    await run(`INSERT INTO T VALUES (${n}, 'c', ${n})`);
    assert.deepEqual(plain(await some(reader, 1)), [[String(n), 'c']]);
  }
});

test('`snapshot` 0 reads only what follows; raised it reads anew; what was changed is refused', { skip }, async (t) => {
  const { run, open } = await tableFixture(t, type, NUMBERED, byNumber);
  await run(`INSERT INTO T VALUES (1, 'a', 1)`);
  const later = await open(undefined, { snapshot: 0 });
  assert.deepEqual((await all(later)).items, []);
  await run(`INSERT INTO T VALUES (2, 'b', 2)`);
  const { items, next } = await all(later);
  assert.deepEqual(plain(items), [['2', 'b']]);
  const anew = await all(await open(next, { snapshot: 1 }));
  assert.deepEqual(plain(anew.items), [
    ['1', 'a'],
    ['2', 'b'],
  ]);
  assert.equal(anew.next.row, 3);
  await run('ALTER TABLE T ADD m bigint');
  await assert.rejects(open(anew.next, { cursor: 'm' }), { code: 'SOURCE_CHANGED', message: /was read by `n`/ });
  const ahead = { ...anew.next, seen: '999999999999' };
  await assert.rejects(open(ahead), { code: 'SOURCE_CHANGED', message: /restored/ });
});

test('what a table lacks is told', { skip }, async (t) => {
  const { run, open, warnings, name } = await tableFixture(
    t,
    type,
    'CREATE TABLE T (id int, name text, n bigint, x numeric)',
    byNumber,
  );
  await assert.rejects(open(), { code: 'SOURCE_SETTINGS', message: /primary key/ });
  await run('ALTER TABLE T ADD PRIMARY KEY (id)');
  await assert.rejects(open(undefined, { cursor: 'm' }), { code: 'SOURCE_HEADER', message: /`m`/ });
  await assert.rejects(open(undefined, { cursor: 'x' }), { code: 'SOURCE_SETTINGS', message: /numeric/ });
  await assert.rejects(open(undefined, { table: `${name}_no` }), { code: 'SOURCE_MISSING' });
  await run(`CREATE VIEW ${name}_view AS SELECT * FROM T`);
  await assert.rejects(open(undefined, { table: `${name}_view` }), { code: 'SOURCE_SETTINGS', message: /not a table/ });
  assert.deepEqual(warnings, []);
  await open();
  assert.match(warnings[0]!, /no index begins with `n`/);
  await run('CREATE INDEX ON T (n)');
  await open();
  assert.equal(warnings.length, 1);
});

test('partitioned tables; how far it is behind', { skip }, async (t) => {
  const table = `CREATE TABLE T (id int, name text, n bigint NOT NULL, PRIMARY KEY (id, n)) PARTITION BY RANGE (n);
    CREATE INDEX ON T (n, id)`;
  const { run, open, lags, name } = await tableFixture(t, type, table, byNumber);
  await run(`CREATE TABLE ${name}_1 PARTITION OF T FOR VALUES FROM (0) TO (10);
    CREATE TABLE ${name}_2 PARTITION OF T FOR VALUES FROM (10) TO (20)`);
  await run(`INSERT INTO T SELECT n, 'n' || n, n FROM generate_series(1, 19) n`);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const reader = await open();
  const part = await reader.read(5);
  t.mock.timers.tick(5_000);
  assert.ok((lags.get(`public.${name}`)?.seconds ?? 0) > 0);
  const rest = await all(reader);
  assert.equal(part.items.length + rest.items.length, 19);
  await reader.acknowledge!({ position: rest.next, rejected: new Map() });
  t.mock.timers.tick(5_000);
  assert.deepEqual(lags.get(`public.${name}`), { seconds: 0 });
});
