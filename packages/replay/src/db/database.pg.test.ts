import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { Fault } from '@quadrille/record';
import { type Database, openDatabase } from './database.ts';
import { migrate, migrations } from './migrate.ts';

const { DATABASE_URL = '' } = process.env;
const skip = DATABASE_URL === '' && 'no DATABASE_URL: run `npm test -- PATH`';
const opened: { schema: string; database: Database }[] = [];

function open(schema = `replay_t${randomBytes(4).toString('hex')}`): { schema: string; database: Database } {
  const made = { schema, database: openDatabase(DATABASE_URL, schema, 3) };
  opened.push(made);
  return made;
}

after(async () => {
  for (const { schema, database } of opened) {
    await database.query(`drop schema if exists ${schema} cascade`);
    await database.close();
  }
});

test('eight-byte integers are numbers while exact, and never rounded', { skip }, async () => {
  const { database } = open();
  const [row] = await database.query('select 9007199254740991::bigint as most, null::bigint as none, 5::int as small');
  assert.deepEqual(row, { most: 9_007_199_254_740_991, none: null, small: 5 });
  await assert.rejects(database.query('select 9007199254740992::bigint'), RangeError);
});

test('a transaction is committed whole or not at all, and gives its connection back', { skip }, async () => {
  const { schema, database } = open();
  await database.query(`create schema ${schema}`);
  await database.query('create table t (n integer primary key)');
  for (let i = 0; i < 8; i++)
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.query('insert into t values ($1)', [i]);
        throw new Error('no');
      }),
      /^Error: no$/,
    );
  assert.equal(await database.transaction(async (tx) => (await tx.query('insert into t values (1)')).length), 0);
  assert.deepEqual(await database.query('select n from t'), [{ n: 1 }]);
  await assert.rejects(
    database.query('insert into t values (1)'),
    { code: '23505' },
    'what is no outage is thrown as is',
  );
});

test('a server that cannot be used is DATABASE_UNAVAILABLE, a connection that ends in a transaction too', {
  skip,
}, async () => {
  const isAway = (error: unknown): boolean => error instanceof Fault && error.code === 'DATABASE_UNAVAILABLE';
  const nobody = openDatabase('postgres://x:secret@127.0.0.1:1/x', 'none', 1);
  await assert.rejects(nobody.query('select 1'), (error) => isAway(error) && !/secret/.test((error as Fault).format()));
  await assert.rejects(
    nobody.transaction(async () => {}),
    isAway,
  );
  await nobody.close();
  const { database } = open();
  await assert.rejects(
    database.transaction((tx) => tx.query('select pg_terminate_backend(pg_backend_pid())')),
    isAway,
  );
  assert.deepEqual(await database.query('select 1 as one'), [{ one: 1 }], 'the next one goes on');
});

test('migrations are applied once, whoever comes at the same time', { skip }, async () => {
  const { schema, database } = open();
  await Promise.all([migrate(database, schema), migrate(open(schema).database, schema), migrate(database, schema)]);
  const applied = await database.query<{ name: string }>('select name from migration order by name');
  assert.deepEqual(
    applied.map(({ name }) => name),
    migrations().map(({ name }) => name),
  );
});

test('a schema made by a newer version, or by another text, is refused and left as it was', { skip }, async () => {
  const { schema, database } = open();
  await migrate(database, schema);
  const refuses = (pattern: RegExp): Promise<void> =>
    assert.rejects(
      migrate(database, schema),
      (error) => error instanceof Fault && error.code === 'CONFIG_INVALID' && pattern.test(error.message),
    );
  await database.query(`insert into migration values ('9999-later.sql', 'x')`);
  await refuses(/9999-later\.sql was applied by a newer version/);
  await database.query(`delete from migration where name = '9999-later.sql'`);
  await database.query(`update migration set checksum = 'x'`);
  await refuses(/with another text/);
});
