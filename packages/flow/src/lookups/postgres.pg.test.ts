import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Fault } from '@quadrille/record';
import { Client } from 'pg';
import type { Field } from '../avro/field.ts';
import type { AnswerRow, Asked } from '../lookup.ts';
import { field } from '../rules/fields.fixture.ts';
import { type PostgresLookupConfig, postgres } from './postgres.ts';

const { DATABASE_URL } = process.env;
const skip = !DATABASE_URL && 'no DATABASE_URL: run `npm test -- PATH`';
const table = `lookup_${randomBytes(4).toString('hex')}`;
let client: Client;

before(async () => {
  if (skip !== false) return;
  client = new Client({ connectionString: DATABASE_URL! });
  await client.connect();
  await client.query(`CREATE TABLE ${table} (id int8 PRIMARY KEY, code text, at timestamptz, amount numeric(30, 10), data bytea);
    INSERT INTO ${table} SELECT n, 'c' || n % 100, '2013-01-01Z'::timestamptz + n * interval '1 second', n + 0.1234567891, '\\x0102'
    FROM generate_series(1, 10000) AS n;
    INSERT INTO ${table} VALUES (9007199254740993, 'big', null, 123456789012345678.0123456789, null)`);
});

after(async () => {
  if (skip !== false) return;
  await client.query(`DROP TABLE ${table}`);
  await client.end();
});

function lookup(
  config: Partial<PostgresLookupConfig>,
  on: Record<string, Field>,
  take = ['at', 'amount', 'data'],
  address = DATABASE_URL,
): Asked {
  return postgres.create(
    { query: `SELECT * FROM ${table} -- all of it`, ...config },
    { name: 'items', on: new Map(Object.entries(on)), take },
    { DATABASE_URL: address },
  );
}

async function asked(of: Asked, keys: Record<string, unknown>[]): Promise<(AnswerRow | Fault | undefined)[]> {
  try {
    await of.open();
    return await of.ask(keys);
  } finally {
    await of.close();
  }
}

test('many keys in few statements, in their order; numbers and times exactly', { skip }, async () => {
  const keys = [
    { id: 9007199254740993n },
    { id: 77n },
    { id: -1n },
    ...Array.from({ length: 5_000 }, (_, n) => ({ id: BigInt(n + 1) })),
  ];
  const answers = await asked(lookup({}, { id: field('item', 'long', { bigint: true }) }), keys);
  assert.equal(answers.length, keys.length);
  assert.deepEqual(answers[0], { at: null, amount: '123456789012345678.0123456789', data: null });
  assert.deepEqual(answers[1], { at: '2013-01-01T00:01:17+00:00', amount: '77.1234567891', data: '0102' });
  assert.equal(answers[2], undefined);
  assert.equal((answers.at(-1) as AnswerRow).amount, '5000.1234567891');
});

test('several fields; texts that no row can hold; several rows for one key', { skip }, async () => {
  const two = lookup(
    { query: `SELECT code, id::int AS part, amount FROM ${table} WHERE id < 200` },
    { code: field('c', 'string'), part: field('p', 'int') },
    ['amount'],
  );
  const answers = await asked(two, [
    { code: 'c7', part: 7 },
    { code: 'c7', part: 107 },
    { code: 'c7', part: 8 },
    { code: 'c\0', part: 7 },
    { code: '\ud800', part: 7 },
    { code: `'; DROP TABLE ${table}; --`, part: 7 },
  ]);
  assert.deepEqual(
    answers.map((answer) => (answer as AnswerRow | undefined)?.amount),
    ['7.1234567891', '107.1234567891', undefined, undefined, undefined, undefined],
  );
  const [several] = await asked(lookup({}, { code: field('c', 'string') }), [{ code: 'c7' }]);
  assert.ok(several instanceof Fault && several.code === 'LOOKUP_INVALID');
});

test('the index of a join column is used', { skip }, async () => {
  await client.query(`ANALYZE ${table}`);
  const of = lookup({}, { id: field('item', 'long') });
  const before = await scans();
  await asked(
    of,
    Array.from({ length: 50 }, (_, n) => ({ id: n + 1 })),
  );
  // Statistics are flushed when the session ends; a sequential scan would have read the table for each key.
  for (const end = Date.now() + 10_000; (await scans()).index < before.index + 50 && Date.now() < end; )
    await client.query('SELECT pg_sleep(0.1)');
  const after = await scans();
  assert.ok(after.index >= before.index + 50, `${after.index} index scans, ${before.index} before`);
});

async function scans(): Promise<{ index: number }> {
  const { rows } = await client.query('SELECT idx_scan::int AS index FROM pg_stat_user_tables WHERE relname = $1', [
    table,
  ]);
  return rows[0] as { index: number };
}

test('what is wrong is told before anything runs: columns, types, SQL; nothing can be written', { skip }, async () => {
  const wrong = async (of: Asked, code: string, text: RegExp): Promise<void> => {
    await assert.rejects(asked(of, []), (error) => {
      assert.ok(error instanceof Fault && error.code === code && text.test(error.message), String(error));
      return true;
    });
  };
  const id = { id: field('item', 'long') };
  await wrong(lookup({}, { number: field('item', 'long') }), 'FLOW_INVALID', /no column `number`/);
  await wrong(lookup({}, id, ['title']), 'FLOW_INVALID', /no column `title`/);
  await wrong(lookup({}, { id: field('item', 'string') }), 'FLOW_INVALID', /`id` is bigint and `item` is string/);
  await wrong(lookup({ query: 'SELECT FROM WHERE' }, id), 'FLOW_INVALID', /syntax error/);
  await wrong(lookup({ query: `SELECT * FROM ${table}_no` }, id), 'FLOW_INVALID', /does not exist/);
  await wrong(lookup({ query: `DELETE FROM ${table} RETURNING *` }, id), 'FLOW_INVALID', /syntax error/);
  const writing = `WITH gone AS (DELETE FROM ${table} RETURNING *) SELECT * FROM gone`;
  await wrong(lookup({ query: writing }, id), 'FLOW_INVALID', /WITH clause containing a data-modifying statement/);
  await wrong(lookup({}, id, ['at'], ''), 'CONFIG_INVALID', /DATABASE_URL is not set/);
  await wrong(lookup({}, id, ['at'], 'postgres://nobody:x@127.0.0.1:1/none'), 'LOOKUP_UNAVAILABLE', /./);
  const url = new URL(DATABASE_URL!);
  url.password = 'wrong-secret';
  await assert.rejects(asked(lookup({}, id, ['at'], url.href), []), (error) => {
    assert.ok(error instanceof Fault && error.code === 'ACCESS_DENIED', String(error));
    assert.doesNotMatch(error.format(), /wrong-secret/);
    return true;
  });
  const slow = lookup({ query: `SELECT *, pg_sleep(5) FROM ${table}`, timeoutMs: 200 }, id, ['at']);
  await assert.rejects(asked(slow, [{ id: 1 }]), { code: 'LOOKUP_UNAVAILABLE' });
});
