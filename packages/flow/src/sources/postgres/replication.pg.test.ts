import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { type Field, fieldsOf } from '../../avro/field.ts';
import type { RawItem, ShardReader, SourceLag, SourcePosition } from '../../source.ts';
import { sourceContext } from '../source-fixture.ts';
import { type ReplicationConfig, postgresReplication as type } from './replication.ts';

const { DATABASE_URL } = process.env;
const skip = await whyNot();

async function whyNot(): Promise<string | false> {
  if (!DATABASE_URL) return 'no DATABASE_URL: run `npm test -- PATH`';
  const client = new Client({ connectionString: DATABASE_URL });
  await client.connect();
  const { rows } = await client.query<{ wal_level: string }>('SHOW wal_level');
  await client.end();
  return rows[0]?.wal_level === 'logical' ? false : `wal_level of PostgreSQL is ${rows[0]?.wal_level}, not logical`;
}

const NAMES = ['id', 'name'].map((name) => ({ name, type: ['null', 'string'] }));
const fields = (list: object[] = NAMES): readonly Field[] => fieldsOf({ type: 'record', name: 'R', fields: list });

/** A table `T` of its own with what is dropped afterwards, and sources upon it. */
async function sample(t: TestContext, table: string) {
  const name = `repl_${randomBytes(4).toString('hex')}`;
  const db = new Client({ connectionString: DATABASE_URL! });
  await db.connect();
  const run = (sql: string) => db.query(sql.replaceAll(/\bT\b/g, name));
  await run(table);
  const readers = new Set<ShardReader>();
  t.after(async () => {
    for (const reader of readers) await reader.close();
    await idle();
    await db.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [name]);
    await run('DROP PUBLICATION IF EXISTS T; DROP TABLE IF EXISTS T');
    await db.end();
  });
  const idle = async (): Promise<void> => {
    for (const end = Date.now() + 10_000; Date.now() < end; ) if (!(await slot())?.active) return;
    throw new Error('the slot is still read');
  };
  const slot = async () => (await db.query('SELECT * FROM pg_replication_slots WHERE slot_name = $1', [name])).rows[0];
  const lags = new Map<string, SourceLag | undefined>();
  const open = async (
    from?: SourcePosition,
    config: Partial<ReplicationConfig> = {},
    schema = fields(),
    env = DATABASE_URL,
  ) => {
    await idle();
    const context = sourceContext(
      '.',
      schema.map((field) => field.name),
      { schema, env: { DATABASE_URL: env }, lags },
    );
    const source = type.create({ table: name, slot: name, ...config }, context);
    const reader = await source.open((await source.shards())[0]!, from && JSON.parse(JSON.stringify(from)));
    readers.add(reader);
    return reader;
  };
  const close = async (reader: ShardReader): Promise<void> => {
    readers.delete(reader);
    await reader.close();
  };
  return { name, run, open, close, slot, db, lags };
}

/** Everything up to now. */
async function all(reader: ShardReader, max = 100): Promise<{ items: RawItem[]; next: SourcePosition }> {
  const items: RawItem[] = [];
  for (;;) {
    const chunk = await reader.read(max, AbortSignal.timeout(20_000));
    items.push(...chunk.items);
    if (chunk.caughtUp) return { items, next: chunk.next };
  }
}

const plain = (items: RawItem[]) =>
  items.map((item) => ('fields' in item ? [item.id, item.deleted ? 'deleted' : item.fields.name] : item));

test('a transaction that was read in part goes on within it; the slot forgets nothing before it is settled', {
  skip,
}, async (t) => {
  const { run, open, close, slot } = await sample(t, 'CREATE TABLE T (id int PRIMARY KEY, name text)');
  const first = await open();
  await all(first);
  const { confirmed_flush_lsn: begin } = await slot();
  await run(`INSERT INTO T SELECT n, 'n' || n FROM generate_series(1, 10) n`);
  await run(`UPDATE T SET name = 'later' WHERE id = 1`);
  const part = await first.read(3);
  assert.deepEqual(plain(part.items), [
    ['1', 'n1'],
    ['2', 'n2'],
    ['3', 'n3'],
  ]);
  await first.acknowledge!({ position: part.next, rejected: new Map() });
  await first.read(3);
  await close(first);
  assert.equal((await slot()).confirmed_flush_lsn, begin);
  const second = await open(part.next);
  const rest = await all(second, 4);
  assert.deepEqual(
    rest.items.map(({ id }) => id),
    ['4', '5', '6', '7', '8', '9', '10', '1'],
  );
  const versions = rest.items.map(({ version }) => version as bigint);
  assert.ok(versions.at(-1)! > versions[0]!);
  await second.acknowledge!({ position: rest.next, rejected: new Map() });
  for (const end = Date.now() + 10_000; (await slot()).confirmed_flush_lsn === begin; )
    assert.ok(Date.now() < end, 'it was not confirmed');
  await close(second);
  assert.deepEqual((await all(await open(rest.next))).items, []);
});

test('a new key is another row; what is stored out of line and was not changed comes all the same', {
  skip,
}, async (t) => {
  const { run, open } = await sample(
    t,
    'CREATE TABLE T (id int PRIMARY KEY, name text, n int); ALTER TABLE T ALTER name SET STORAGE EXTERNAL',
  );
  const long = 'x'.repeat(9_000);
  await run(`INSERT INTO T VALUES (1, '${long}', 0), (2, '${long}', 0)`);
  const reader = await open();
  await all(reader);
  await run('UPDATE T SET n = 1 WHERE id = 1');
  await run('UPDATE T SET id = 3 WHERE id = 2');
  await run('UPDATE T SET n = 2 WHERE id = 3');
  await run('DELETE FROM T WHERE id = 3');
  // Row 3 stands no more: only its deletion can be told.
  assert.deepEqual(plain((await all(reader)).items), [
    ['1', long],
    ['2', 'deleted'],
    ['3', 'deleted'],
  ]);
  await run('ALTER TABLE T REPLICA IDENTITY FULL; UPDATE T SET id = 7; UPDATE T SET n = 3; DELETE FROM T');
  const { items } = await all(reader);
  assert.deepEqual(plain(items), [
    ['1', 'deleted'],
    ['7', long],
    ['7', long],
    ['7', 'deleted'],
  ]);
  assert.deepEqual((items[3] as { fields: object }).fields, { id: '7', name: long });
});

test('columns that come and go while it reads', { skip }, async (t) => {
  const { run, open } = await sample(t, 'CREATE TABLE T (id int PRIMARY KEY, name text)');
  const schema = fields([...NAMES, { name: 'extra', type: ['null', 'int'], default: null }]);
  const reader = await open(undefined, {}, schema);
  await run(`INSERT INTO T VALUES (1, 'a')`);
  await all(reader);
  await run(`ALTER TABLE T ADD extra int, ADD unwanted text; INSERT INTO T VALUES (2, 'b', 5, 'c')`);
  await run(`ALTER TABLE T DROP name; INSERT INTO T VALUES (3, 6)`);
  const { items } = await all(reader);
  assert.deepEqual(
    items.map((item) => (item as { fields: object }).fields),
    [
      { id: '2', name: 'b', extra: '5' },
      { id: '3', extra: '6' },
    ],
  );
});

test('TRUNCATE stops it behind what stands before, or is passed over by choice', { skip }, async (t) => {
  const { run, open, close } = await sample(t, 'CREATE TABLE T (id int PRIMARY KEY, name text)');
  const reader = await open();
  const { next: begin } = await all(reader);
  await run(`INSERT INTO T VALUES (1, 'a'); INSERT INTO T VALUES (2, 'b')`);
  await run(`TRUNCATE T; INSERT INTO T VALUES (3, 'c')`);
  const before = await reader.read(100);
  assert.deepEqual(plain(before.items), [
    ['1', 'a'],
    ['2', 'b'],
  ]);
  await assert.rejects(reader.read(100), { code: 'SOURCE_EMPTIED' });
  await close(reader);
  const again = await open(begin);
  assert.equal((await again.read(1)).items.length, 1);
  await close(again);
  const on = await open(before.next, { truncate: 'ignore' });
  assert.deepEqual(plain((await all(on)).items), [['3', 'c']]);
});

test('a slot that is gone, or was read by another; `snapshot` raised reads anew', { skip }, async (t) => {
  const { name, run, open, close, slot, db } = await sample(
    t,
    `CREATE TABLE T (id int PRIMARY KEY, name text); INSERT INTO T VALUES (1, 'a')`,
  );
  const reader = await open();
  await all(reader);
  await run(`INSERT INTO T VALUES (2, 'b')`);
  const { next } = await all(reader);
  const begin = (await slot()).confirmed_flush_lsn;
  await reader.acknowledge!({ position: next, rejected: new Map() });
  for (const end = Date.now() + 10_000; (await slot()).confirmed_flush_lsn === begin; )
    assert.ok(Date.now() < end, 'it was not confirmed');
  await close(reader);
  await run(`INSERT INTO T VALUES (3, 'c')`);
  // Positions lost, while the slot was in use.
  const stranger = await open();
  await assert.rejects(stranger.read(1), { code: 'SOURCE_CHANGED', message: /has no position/ });
  await close(stranger);
  await db.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [name]);
  const ahead = await open(next);
  await assert.rejects(ahead.read(1), { code: 'SOURCE_CHANGED', message: /read by another/ });
  await close(ahead);
  await db.query('SELECT pg_drop_replication_slot($1)', [name]);
  const gone = await open(next);
  await assert.rejects(gone.read(1), { code: 'SOURCE_CHANGED', message: /is gone/ });
  await close(gone);
  const anew = await open(next, { snapshot: 2 });
  assert.deepEqual(plain((await all(anew)).items), [
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'c'],
  ]);
});

test('how many bytes the slot keeps, and since when', { skip }, async (t) => {
  const { name, run, open, lags } = await sample(t, 'CREATE TABLE T (id int PRIMARY KEY, name text)');
  // What is told every five seconds is told sooner.
  t.mock.timers.enable({ apis: ['setInterval'] });
  let ended = false;
  const ticking = (async () => {
    for (; !ended; await pause(5)) t.mock.timers.tick(100);
  })();
  const told = async (what: string, holds: (lag: SourceLag) => boolean): Promise<void> => {
    for (const end = Date.now() + 10_000; ; await pause(20)) {
      const lag = lags.get(`public.${name}`);
      if (lag !== undefined && holds(lag)) return;
      assert.ok(Date.now() < end, `${what}: ${JSON.stringify(lag)}`);
    }
  };
  try {
    const reader = await open();
    await all(reader);
    await run(`INSERT INTO T SELECT n, repeat('x', 1000) FROM generate_series(1, 100) n`);
    const part = await reader.read(10);
    await told('kept', ({ bytes, seconds }) => bytes! > 100_000 && seconds! > 0);
    await reader.acknowledge!({ position: part.next, rejected: new Map() });
    const { next } = await all(reader);
    await reader.acknowledge!({ position: next, rejected: new Map() });
    await told('settled', ({ bytes, seconds }) => bytes! < 100_000 && seconds === 0);
  } finally {
    ended = true;
    await ticking;
  }
});

test('what a server or table lacks is told', { skip }, async (t) => {
  const { run, open, name, db } = await sample(t, 'CREATE TABLE T (id int, name text)');
  const wrong = async (code: string, text: RegExp, ...given: Parameters<typeof open>) => {
    const reader = await open(...given);
    await assert.rejects(reader.read(1), (error: Error & { code: string; help: string }) => {
      assert.equal(error.code, code, String(error));
      assert.match(`${error.message} ${error.help}`, text);
      return true;
    });
  };
  await wrong('SOURCE_SETTINGS', /primary key/);
  await run('ALTER TABLE T ADD PRIMARY KEY (id)');
  await wrong('SOURCE_MISSING', /no such table/, undefined, { table: `${name}_no` });
  await wrong('SOURCE_HEADER', /`must`/, undefined, {}, fields([...NAMES, { name: 'must', type: 'string' }]));
  await run(`CREATE ROLE T_user LOGIN PASSWORD 'x'; GRANT SELECT ON T TO T_user`.replaceAll('T_user', `${name}_user`));
  try {
    const url = new URL(DATABASE_URL!);
    url.username = `${name}_user`;
    url.password = 'x';
    await wrong('ACCESS_DENIED', /replication|CREATE PUBLICATION/i, undefined, {}, fields(), url.href);
  } finally {
    await db.query(`DROP OWNED BY ${name}_user; DROP ROLE ${name}_user`);
  }
});

test('values as the schema reads them, the same from the snapshot and from the log', { skip }, async (t) => {
  const list = [
    { name: 'id', type: 'int' },
    { name: 'yes', type: 'boolean' },
    { name: 'data', type: 'bytes' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'local', type: { type: 'long', logicalType: 'local-timestamp-micros' } },
    { name: 'list', type: { type: 'array', items: 'int' } },
    { name: 'words', type: { type: 'array', items: ['null', 'string'] } },
    { name: 'doc', type: { type: 'map', values: 'int' } },
    { name: 'none', type: ['null', 'string'] },
  ];
  const { run, open } = await sample(
    t,
    `CREATE TABLE T (id int PRIMARY KEY, yes bool, data bytea, at timestamptz, local timestamp,
    list int[], words text[], doc jsonb, none text)`,
  );
  const insert = (id: number) =>
    run(`INSERT INTO T VALUES (${id}, true, '\\x00ff', '2013-01-01 12:00:00.123456+02', '2013-01-01 12:00:00',
    '{1,2}', '{a,"b \\"c\\\\",NULL}', '{"a": 1}', NULL)`);
  await insert(1);
  const reader = await open(undefined, {}, fields(list));
  const one = await all(reader);
  await insert(2);
  const two = await all(reader);
  const [a, b] = [one, two].map(({ items }) => (items[0] as { fields: Record<string, unknown> }).fields);
  assert.deepEqual(a, {
    id: '1',
    yes: true,
    data: '00ff',
    at: '2013-01-01 10:00:00.123456Z',
    local: '2013-01-01 12:00:00',
    list: [1, 2],
    words: ['a', 'b "c\\', null],
    doc: { a: 1 },
    none: null,
  });
  assert.deepEqual({ ...b, id: '1' }, a);
});
