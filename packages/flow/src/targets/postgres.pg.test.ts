import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { Client } from 'pg';
import { fieldsOf } from '../avro/field.ts';
import { typeOf } from '../avro/type.ts';
import type { Target } from '../target.ts';
import { type PostgresConfig, postgres } from './postgres.ts';
import {
  address,
  type FieldJson,
  faultOf,
  field,
  logical,
  OWN,
  optional,
  options,
  prepare,
  row,
} from './postgres-fixture.ts';

const EVERY_KIND: FieldJson[] = [
  optional('bool', 'boolean'),
  optional('int', 'int'),
  optional('long', 'long'),
  optional('big', { type: 'long', longs: 'bigint' }),
  optional('float', 'float'),
  optional('double', 'double'),
  optional('text', 'string'),
  optional('enum', { type: 'enum', name: 'E', symbols: ['UP', 'DOWN'] }),
  optional('bytes', 'bytes'),
  optional('fixed', { type: 'fixed', name: 'F', size: 3 }),
  optional('uuid', logical('string', 'uuid')),
  optional('decimal', logical('bytes', 'decimal', { precision: 20, scale: 4 })),
  optional('date', logical('int', 'date')),
  optional('time', logical('int', 'time-millis')),
  optional('millis', logical('long', 'timestamp-millis')),
  optional('micros', logical('long', 'timestamp-micros')),
  optional('local', logical('long', 'local-timestamp-micros')),
  optional('list', { type: 'array', items: 'string' }),
  optional('map', { type: 'map', values: 'double' }),
  optional('record', {
    type: 'record',
    name: 'R',
    fields: [field('a', { type: 'long', longs: 'bigint' }), field('b', 'bytes'), field('type', 'string')],
  }),
];

describe('target postgres', options, () => {
  test('every kind of field stands exactly, null too', async (t) => {
    const { target, db, table } = await prepare(t, EVERY_KIND);
    const value = {
      bool: true,
      int: -(2 ** 31),
      long: -(2 ** 53 - 1),
      big: -(2n ** 63n),
      float: 1.5,
      double: Number.NaN,
      text: `tab\t "quoted" \\ {braces} NULL ${'long '.repeat(20)}ü😀`,
      enum: 'DOWN',
      bytes: Buffer.from([0, 255, 92]),
      fixed: Buffer.from('abc'),
      uuid: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      decimal: '-1234567890123456.7890',
      date: '1969-12-31',
      time: 86_399_999,
      millis: -1,
      micros: 1_357_034_400_123_456,
      local: 0,
      list: ['a', 'b "c"', ''],
      map: { x: 0.1 },
      record: { a: 9_007_199_254_740_993n, b: Buffer.from('hi'), type: 'Buffer' },
    };
    const none = Object.fromEntries(EVERY_KIND.map(({ name }) => [name, null]));
    assert.deepEqual(
      await target.write([
        row('full', value),
        row('none', none),
        row('infinite', { ...none, float: -Infinity, double: Infinity }),
      ]),
      ['written', 'written', 'written'],
    );
    await db.query(`SET timezone = 'UTC'`);
    const { rows } = await db.query<{ row: Record<string, unknown>; bytes: Buffer; fixed: Buffer; record: string }>(
      `SELECT to_jsonb(t) AS row, t.bytes, t.fixed, record::text AS record FROM ${table} t ORDER BY _id`,
    );
    const [full, infinite, empty] = rows;
    const shown = Object.fromEntries(EVERY_KIND.map(({ name }) => [name, full?.row[name]]));
    assert.deepEqual(full?.bytes, value.bytes);
    assert.deepEqual(full?.fixed, value.fixed);
    assert.match(full?.record ?? '', /"a": 9007199254740993/);
    const { rows: numbers } = await db.query(
      `SELECT "long"::text, big::text, "decimal"::text FROM ${table} WHERE _id = 'full'`,
    );
    assert.deepEqual(numbers, [
      { long: '-9007199254740991', big: '-9223372036854775808', decimal: '-1234567890123456.7890' },
    ]);
    assert.partialDeepStrictEqual(shown, {
      bool: true,
      int: value.int,
      float: 1.5,
      double: 'NaN',
      text: value.text,
      enum: 'DOWN',
      uuid: value.uuid,
      date: '1969-12-31',
      time: '23:59:59.999',
      millis: '1969-12-31T23:59:59.999+00:00',
      micros: '2013-01-01T10:00:00.123456+00:00',
      local: '1970-01-01T00:00:00',
      list: value.list,
      map: value.map,
    });
    assert.deepEqual(
      (full?.row.record as Record<string, unknown> | undefined)?.b,
      Buffer.from('hi').toString('base64'),
    );
    assert.equal(infinite?.row.double, 'Infinity');
    assert.ok(EVERY_KIND.every(({ name }) => empty?.row[name] === null));
  });

  test('dates and times far away stand exactly', async (t) => {
    const { target, db, table } = await prepare(t, [
      field('day', logical('int', 'date')),
      field('at', logical('long', 'timestamp-millis')),
    ]);
    const values = [
      { day: '0001-01-01', at: -62_135_596_800_000 },
      { day: '2000-02-29', at: 951_782_400_123 },
      { day: '+012345-06-07', at: 327_424_204_800_001 },
    ];
    await target.write(values.map((value, i) => row(String(i), value)));
    const { rows } = await db.query(`SELECT day::text, extract(epoch FROM at)::text AS at FROM ${table} ORDER BY _id`);
    assert.deepEqual(rows, [
      { day: '0001-01-01', at: '-62135596800.000000' },
      { day: '2000-02-29', at: '951782400.123000' },
      { day: '12345-06-07', at: '327424204800.001000' },
    ]);
  });

  test('what PostgreSQL cannot hold is refused with its field, and the others of the batch are not written', async (t) => {
    const fields = [
      field('text', 'string'),
      optional('doc', { type: 'map', values: 'double' }),
      optional('at', logical('long', 'timestamp-millis')),
      optional('word', { type: 'array', items: 'string' }),
    ];
    const { target, db, table } = await prepare(t, fields);
    const refused: [Record<string, unknown>, string | undefined][] = [
      [{ text: 'a\0b' }, 'text'],
      [{ text: 'half \ud800 a pair' }, 'text'],
      [{ text: 'x', doc: { a: Number.NaN } }, 'doc'],
      [{ text: 'x', at: -9e15 }, 'at'],
      [{ text: 'x', word: ['\0'] }, undefined],
    ];
    for (const [value, at] of refused) {
      const fault = await faultOf(target.write([row('good', { text: 'good' }), row('bad', value)]));
      assert.equal(fault.code, 'TARGET_REFUSED', JSON.stringify(value));
      assert.equal(fault.field, at, fault.message);
    }
    assert.equal((await db.query(`SELECT FROM ${table}`)).rowCount, 0);
  });

  test('constraints of the table refuse with column or constraint, without the row in the message', async (t) => {
    const sql = `CREATE TABLE T (id text NOT NULL, n integer CONSTRAINT positive CHECK (n > 0), short varchar(3), _id text PRIMARY KEY, ${OWN})`;
    const { target } = await prepare(t, [optional('id', 'string'), optional('n', 'int'), optional('short', 'string')], {
      sql,
    });
    assert.equal((await faultOf(target.write([row('a', { id: null, n: 1 })]))).field, 'id');
    const fault = await faultOf(target.write([row('a', { id: 'secret', n: -7 })]));
    assert.equal(fault.field, 'positive');
    assert.doesNotMatch(fault.format(), /secret/);
    assert.equal((await faultOf(target.write([row('a', { id: 'a', n: 1, short: 'long' })]))).code, 'TARGET_REFUSED');
    assert.deepEqual(await target.write([row('a', { id: 'a', n: 1, short: 'abc' })]), ['written']);
  });

  test('a statement that waits too long is a dependency fault; so is a table that was dropped', async (t) => {
    const { target, db, table } = await prepare(t, [field('a', 'int')], { config: { timeoutMs: 200 } });
    await target.write([row('x', { a: 1 })]);
    await db.query(`BEGIN; LOCK TABLE ${table}`);
    const held = await faultOf(target.write([row('x', { a: 2 }, 2n)]));
    assert.equal(held.code, 'TARGET_UNAVAILABLE');
    assert.match(held.format(), /57014.*\n.*timeoutMs/);
    await db.query('COMMIT');
    assert.deepEqual(await target.write([row('x', { a: 2 }, 2n)]), ['written']);
    await db.query(`ALTER TABLE ${table} RENAME TO ${table}_old`);
    const gone = await faultOf(target.write([row('x', { a: 3 }, 3n)]));
    assert.equal(gone.code, 'TARGET_UNAVAILABLE');
    assert.match(gone.help, /changed under the running loader/);
    await db.query(`ALTER TABLE ${table}_old RENAME TO ${table}`);
    assert.deepEqual(await target.write([row('x', { a: 3 }, 3n)]), ['written']);
  });

  test('a deadlock is tried again, and nobody hears of it', async (t) => {
    const { target, db, table } = await prepare(t, [field('a', 'int')]);
    await target.write([row('a', { a: 1 }), row('b', { a: 1 })]);
    const look = new Client({ connectionString: address as string });
    await look.connect();
    t.after(() => look.end());
    // so that ours is the one that loses
    await db.query(`SET deadlock_timeout = '10s'`);
    await db.query('BEGIN');
    await db.query(`UPDATE ${table} SET a = 9 WHERE _id = 'b'`);
    const writing = target.write([row('a', { a: 2 }, 2n), row('b', { a: 2 }, 2n)]);
    for (;;) {
      const waiting = await look.query(
        `SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`,
        [`quadrille test.${table}`],
      );
      if (waiting.rowCount === 1) break;
    }
    await db.query(`UPDATE ${table} SET a = 9 WHERE _id = 'a'`);
    await db.query('COMMIT');
    assert.deepEqual(await writing, ['written', 'written']);
    assert.deepEqual((await db.query(`SELECT a FROM ${table}`)).rows, [{ a: 2 }, { a: 2 }]);
  });

  test('no address, a wrong one, nobody there, a refused user or database', async (t) => {
    const { create } = await prepare(t, [], { open: false });
    const open = (config: Partial<PostgresConfig>) => faultOf(create([field('a', 'int')], config).open());
    assert.match((await open({ address: 'UNSET' })).format(), /^CONFIG_INVALID: .*UNSET is not set/);
    const nobody = await open({ address: 'NOWHERE' });
    assert.equal(nobody.code, 'TARGET_UNAVAILABLE');
    assert.match(nobody.message, /ECONNREFUSED/);
    const url = new URL(address as string);
    const at = (change: (other: URL) => void): Target => {
      const other = new URL(url);
      change(other);
      const schema = { type: 'record', name: 'R', fields: [field('a', 'int')] };
      return postgres.create(
        { table: 't' },
        {
          flow: 'f',
          station: 's',
          folder: '.',
          schema: typeOf(schema),
          fields: fieldsOf(schema),
          env: { DATABASE_URL: other.href },
        },
      );
    };
    const stranger = at((other) => {
      other.username = 'nobody_of_that_name';
      other.password = 'hunter2';
    });
    const nowhere = at((other) => {
      other.pathname = '/no_such_database';
    });
    for (const target of [stranger, nowhere]) {
      const fault = await faultOf(target.open());
      await target.close();
      assert.equal(fault.code, 'ACCESS_DENIED');
      assert.equal(fault.class, 'config');
      assert.doesNotMatch(fault.format(), /hunter2/);
    }
  });

  test('a server that takes the connection and never answers', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const schema = { type: 'record', name: 'R', fields: [field('a', 'int')] };
    const { port } = server.address() as { port: number };
    const target = postgres.create(
      { table: 't', timeoutMs: 100 },
      {
        flow: 'f',
        station: 's',
        folder: '.',
        schema: typeOf(schema),
        fields: fieldsOf(schema),
        env: { DATABASE_URL: `postgres://x@127.0.0.1:${port}/x` },
      },
    );
    const fault = await faultOf(target.open());
    await target.close();
    assert.equal(fault.code, 'TARGET_UNAVAILABLE');
  });
});
