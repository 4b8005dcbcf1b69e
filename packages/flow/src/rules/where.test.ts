import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { field } from './fields.fixture.ts';
import { openWhere } from './where.ts';

const FIELDS = [
  field('id', 'string'),
  field('n', 'int'),
  field('Delay', 'long', { bigint: true }),
  field('price', 'decimal', { precision: 6, scale: 2 }),
  field('day', 'date'),
  field('began', 'timestamp-millis'),
  field('tags', 'array'),
];
const VALUES = [
  { id: 'a', n: 1, Delay: 5n, price: '1.50', day: '2013-01-01', began: 0, tags: [] },
  { id: "b'", n: 20, Delay: null, price: '20.00', day: '2013-06-30', began: Date.UTC(2013, 0, 1), tags: [] },
  { id: null, n: null, Delay: 2n ** 60n, price: null, day: null, began: null, tags: [] },
];

async function matching(expression: string, values: Record<string, unknown>[] = VALUES): Promise<boolean[]> {
  const where = await openWhere(FIELDS, expression);
  try {
    return await where.matches(values);
  } finally {
    where.close();
  }
}

const T = true;
const F = false;

test('conditions over every kind of column; null is not met', async () => {
  assert.deepEqual(await matching('n > 5'), [F, T, F]);
  assert.deepEqual(await matching("id = 'b'''"), [F, T, F]);
  assert.deepEqual(await matching('delay >= 1152921504606846976'), [F, F, T]);
  assert.deepEqual(await matching('price = 1.5'), [T, F, F]);
  assert.deepEqual(await matching("day BETWEEN '2013-02-01' AND '2013-12-31'"), [F, T, F]);
  assert.deepEqual(await matching("began >= TIMESTAMP '2013-01-01'"), [F, T, F]);
  assert.deepEqual(await matching("n IS NULL OR lower(id) = 'a' -- a comment"), [T, F, T]);
  assert.deepEqual(await matching('true'), [T, T, T]);
  assert.deepEqual(await matching('n > 5', []), []);
});

test('many values, call after call, over the size of a piece', async () => {
  const where = await openWhere(FIELDS, 'n % 3 = 0');
  const values = Array.from({ length: 10_000 }, (_, n) => ({ n }));
  for (let round = 0; round < 2; round++)
    assert.deepEqual(
      await where.matches(values),
      values.map(({ n }) => n % 3 === 0),
    );
  where.close();
});

const refused =
  (pattern: RegExp, place?: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof Fault && error.code === 'SQL_INVALID', String(error));
    assert.match(error.message, pattern);
    if (place !== undefined) assert.equal(error.place, place);
    return true;
  };

test('anything but one condition is refused, with its place', async () => {
  const cases: [expression: string, pattern: RegExp, place?: string][] = [
    ['n >', /./],
    ['', /./],
    ['nothing = 1', /nothing/, 'where:1:1'],
    ["id = 'ü' AND\n  nothing = 1", /nothing/, 'where:2:3'],
    ['tags = 1', /tags/],
    ['(SELECT count(*) FROM duckdb_settings()) > 0', /a query within/],
    ['n IN (SELECT 1)', /a query within/],
    ['EXISTS (FROM input)', /a query within/],
    ['n = 1; DROP TABLE x', /./],
    ['n = 1; SELECT 1', /only one/],
    ['n = 1) OR (1 = 1', /./],
    ['n = 1 ORDER BY n', /follows/],
    ['n = 1 LIMIT 1', /follows/],
    ['n = 1 GROUP BY n', /./],
    ['n = 1 UNION SELECT 1', /follows/],
    ['n = 1 QUALIFY true', /./],
    ['row_number() OVER () > 1', /window/],
    ['sum(n) > 1', /aggregate/],
    ['n = $1', /parameters/],
    ['"row" = 0', /row/],
    ['read_text(id) IS NULL', /./],
    ["id = 'x' AND n > 'y'::INTEGER::BLOB", /./],
  ];
  for (const [expression, pattern, place] of cases)
    await assert.rejects(matching(expression), refused(pattern, place), expression);
});

test('a condition that fails on a value says so without the value; one that takes too long is given up', async () => {
  await assert.rejects(matching('CAST(id AS INTEGER) = 1', [{ id: 'SECRET' }]), (error: Fault) => {
    assert.doesNotMatch(error.message, /SECRET/);
    return refused(/fails on a record/)(error);
  });
  const slow = await openWhere(
    FIELDS,
    "length(repeat(id, 20000)) + length(regexp_replace(repeat(id, 20000), '(a+)+b', '', 'g')) > 0",
    50,
  );
  const values = Array.from({ length: 4_000 }, () => ({ id: 'aaaaaaaaaa' }));
  await assert.rejects(slow.matches(values), refused(/within 50 ms/));
  slow.close();
});
