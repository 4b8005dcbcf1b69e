import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { faultOf, field, logical, OWN, optional, options, prepare, row } from './postgres-fixture.ts';

describe('the table of target postgres', options, () => {
  test('a table that does not fit: every problem at once', async (t) => {
    const sql =
      'CREATE TABLE T (n text, amount numeric(5,2), extra integer NOT NULL, free integer NOT NULL DEFAULT 1, _id text, _version integer, _revision integer, _topic text, _partition integer, _offset bigint, _hash bytea, _loaded_at timestamptz)';
    const fields = [
      field('n', 'int'),
      field('amount', logical('bytes', 'decimal', { precision: 9, scale: 3 })),
      field('gone', 'string'),
    ];
    const { target } = await prepare(t, fields, { sql, open: false });
    const fault = await faultOf(target.open());
    assert.equal(fault.code, 'TARGET_SCHEMA');
    for (const problem of [
      'column gone (text) is missing',
      'column n is text, the schema needs integer',
      'column amount is numeric(5,2), the schema needs numeric(9,3)',
      'column extra is not in the schema, and is NOT NULL without a default',
      'column _version is integer, and must be bigint',
      'column _deleted (boolean) is missing',
      '_id has no primary key or unique index of its own',
    ]) {
      assert.ok(fault.message.includes(problem), `${problem}\n${fault.message}`);
    }
    assert.doesNotMatch(fault.message, /free/);
  });

  test('wider columns than the schema needs will do', async (t) => {
    const sql = `CREATE TABLE T (i bigint, l numeric, f double precision, s varchar, d numeric(12,4), u text, _id text PRIMARY KEY, ${OWN})`;
    const fields = [
      field('i', 'int'),
      field('l', 'long'),
      field('f', 'float'),
      field('s', 'string'),
      field('d', logical('bytes', 'decimal', { precision: 9, scale: 3 })),
      field('u', logical('string', 'uuid')),
    ];
    const { target, db, table } = await prepare(t, fields, { sql });
    await target.write([
      row('a', { i: 1, l: 2 ** 53 - 1, f: 0.5, s: 's', d: '123456.789', u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' }),
    ]);
    const { rows } = await db.query(`SELECT i::text, l::text, f, s, d::text, u FROM ${table}`);
    assert.deepEqual(rows, [
      { i: '1', l: '9007199254740991', f: 0.5, s: 's', d: '123456.7890', u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' },
    ]);
  });

  test('new nullable fields become columns; not without `migrate`, and never a field that must not be null', async (t) => {
    const { target, db, table, create } = await prepare(t, [field('a', 'int')]);
    await target.write([row('x', { a: 1 })]);
    const wider = [field('a', 'int'), optional('b', 'string')];
    assert.match((await faultOf(create(wider, { migrate: false }).open())).message, /column b \(text\) is missing/);
    const migrated = create(wider);
    await Promise.all([migrated.open(), create(wider).open()]);
    await migrated.write([row('y', { a: 2, b: 'new' })]);
    assert.deepEqual(
      await target.write([row('z', { a: 3 })]),
      ['written'],
      'a loader that runs with the former schema goes on',
    );
    assert.deepEqual((await db.query(`SELECT a, b FROM ${table} ORDER BY a`)).rows, [
      { a: 1, b: null },
      { a: 2, b: 'new' },
      { a: 3, b: null },
    ]);
    assert.match(
      (await faultOf(create([...wider, field('c', 'int')]).open())).message,
      /column c \(integer\) is missing/,
    );
  });

  test('a new field with a default becomes a column that shows it in every row that stands', async (t) => {
    const { target, db, table, create } = await prepare(t, [field('a', 'int')]);
    await target.write([row('x', { a: 1 }), { ...row('gone', null), version: 2n }]);
    const state = { type: 'enum', name: 'State', symbols: ['NEW', 'OLD'] };
    const wider = [
      field('a', 'int'),
      { ...field('n', 'int'), default: -7 },
      { ...field('yes', 'boolean'), default: true },
      { ...field('state', state), default: 'OLD' },
      { ...field('text', ['string', 'null']), default: "it's" },
      { ...field('day', { type: 'int', logicalType: 'date' }), default: 0 },
    ];
    assert.match((await faultOf(create(wider).open())).message, /^(?!.*(?: n |yes|state|text)).*column day \(date\)/);
    const migrated = create(wider.slice(0, -1));
    await migrated.open();
    assert.deepEqual(await target.write([row('y', { a: 2 })]), ['written'], 'with the former schema');
    await migrated.write([row('z', { a: 3, n: 0, yes: false, state: 'NEW', text: null })]);
    const shown = { n: -7, yes: true, state: 'OLD', text: "it's" };
    assert.deepEqual((await db.query(`SELECT a, n, yes, state, text FROM ${table} ORDER BY _id`)).rows, [
      { a: null, n: null, yes: null, state: null, text: null },
      { a: 1, ...shown },
      { a: 2, ...shown },
      { a: 3, n: 0, yes: false, state: 'NEW', text: null },
    ]);
  });

  test('without `migrate` an absent table is not made; names are checked before anything is', async (t) => {
    const { target, create } = await prepare(t, [field('a', 'int')], { config: { migrate: false }, open: false });
    assert.match((await faultOf(target.open())).message, /it does not exist/);
    assert.match(
      (await faultOf(create([field('_version', 'long'), field('x'.repeat(64), 'int')]).open())).message,
      /longer than 63 bytes; field _version has a name/,
    );
  });

  test('a schema of its own is made, by several at once; names need no care', async (t) => {
    const schema = `S "${randomBytes(4).toString('hex')}"`;
    const { db, create } = await prepare(t, [], { open: false });
    const quoted = `"${schema.replaceAll('"', '""')}"`;
    const targets = [1, 2, 3].map(() =>
      create([field('Select', 'int'), field('order', 'int')], { schema, table: 'My; table' }),
    );
    try {
      await Promise.all(targets.map((target) => target.open()));
      assert.deepEqual(await targets[0]?.write([row('a', { Select: 1, order: 2 })]), ['written']);
      assert.deepEqual((await db.query(`SELECT "order" FROM ${quoted}."My; table"`)).rows, [{ order: 2 }]);
    } finally {
      await db.query(`DROP SCHEMA IF EXISTS ${quoted} CASCADE`);
    }
  });
});
