/** A record on which the query fails is judged alone, whatever makes it fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drop, Fault } from '@quadrille/record';
import { field } from './fields.fixture.ts';
import { loadSqlRule } from './sql.ts';
import { parseSqlFile } from './sql-file.ts';

type Row = Record<string, unknown>;

const FIELDS = [field('a', 'int'), field('b', 'int'), field('s', 'string')];

async function run(query: string, records: Row[], timeoutMs?: number): Promise<unknown[]> {
  const sql = parseSqlFile('/f/rule.sql', `-- doc: x\n${query}`);
  const rule = await loadSqlRule(sql, { fields: FIELDS, tables: [] }, timeoutMs);
  try {
    return (await rule.apply(records)) as unknown[];
  } finally {
    await rule.close();
  }
}
const codes = (results: unknown[]): string[] =>
  results.map((result) => (result instanceof Fault || result instanceof Drop ? result.code : 'ok'));

test('poison rows among 5,000 are found, with DuckDB’s message, and the others keep their results', async () => {
  const poison = new Set([0, 17, 2500, 2501, 4999]);
  const records: Row[] = Array.from({ length: 5000 }, (_, i) => ({
    s: poison.has(i) ? 'x'.repeat(400) : String(i),
    a: i,
  }));
  const results = await run('select row, cast(s as integer) * 2 as b, a + 1 as a from input', records);
  for (const [i, result] of results.entries()) {
    if (!poison.has(i)) assert.deepEqual(result, { s: String(i), a: i + 1, b: i * 2 });
    else {
      assert.ok(result instanceof Fault && result.code === 'SQL_FAILED' && result.place === '/f/rule.sql');
      assert.match(result.message, /Could not convert string/);
      assert.ok(result.message.length < 400);
      assert.deepEqual(records[i], { s: 'x'.repeat(400), a: i });
    }
  }
});

test('error() in a query rejects the record', async () => {
  const results = await run("select row, case when a < 0 then error('negative') else a end as a from input", [
    { a: 1 },
    { a: -1 },
  ]);
  assert.match((results[1] as Fault).message, /negative/);
  assert.equal((results[1] as Fault).code, 'SQL_FAILED');
});

test('under the code that the query gives it', async () => {
  const results = await run(
    "select row, case when a < 0 then error('TOO_LOW: ' || a || ' is below 0: see the source') else a end as a from input",
    [{ a: 1 }, { a: -1 }],
  );
  const fault = results[1] as Fault;
  assert.deepEqual([fault.code, fault.class, fault.place], ['TOO_LOW', 'rule', '/f/rule.sql']);
  assert.match(fault.message, /-1 is below 0: see the source$/);
});

test('a query over which every record fails ends, each with its own fault', async () => {
  const records: Row[] = Array.from({ length: 500 }, () => ({ s: 'x' }));
  assert.deepEqual(
    [...new Set(codes(await run('select row, cast(s as integer) as a from input', records)))],
    ['SQL_FAILED'],
  );
});

test('one row that makes the query endless is found within the budget, the others pass', async () => {
  const records: Row[] = Array.from({ length: 3000 }, (_, i) => ({ a: i === 1234 ? 200_000 : 1 }));
  const from = performance.now();
  const results = await run(
    'select row, b.range::int as b from input, range(a) b, range(a) c where b.range + c.range = 0',
    records,
    6000,
  );
  assert.ok(performance.now() - from < 120_000);
  assert.deepEqual(
    codes(results).flatMap((code, i) => (code === 'ok' ? [] : [`${i} ${code}`])),
    ['1234 SQL_TIMEOUT'],
  );
});

test('a query endless on every row gives SQL_TIMEOUT to all, in about the time allowed', async () => {
  const records: Row[] = Array.from({ length: 1000 }, () => ({ a: 1 }));
  const from = performance.now();
  const results = await run(
    'with recursive t(r, i) as (select row, a from input union all select r, i + 1 from t) select r as row, i as b from t',
    records,
    600,
  );
  assert.ok(performance.now() - from < 60_000);
  assert.deepEqual([...new Set(codes(results))], ['SQL_TIMEOUT']);
});

test('a row beyond the memory limit is a fault of its own', async () => {
  const records: Row[] = [{ a: 10 }, { a: 20_000_000 }, { a: 20 }];
  const results = await run('select row, u.range::int as b from input, range(a) u order by hash(u.range)', records);
  assert.deepEqual(codes(results), ['ok', 'SQL_FAILED', 'ok']);
  assert.match((results[1] as Fault).message, /memory|allocate/i);
});

test('a row number that is not one of input is a fault', async () => {
  const results = await run('select row + 1 as row, a from input', [{ a: 1 }, { a: 2 }]);
  assert.deepEqual(codes(results), ['SQL_FAILED', 'SQL_FAILED']);
});
