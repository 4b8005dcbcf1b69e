import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Faults } from '@quadrille/record';
import { field } from './fields.fixture.ts';
import { loadSqlRule } from './sql.ts';
import { parseSqlFile } from './sql-file.ts';

const FIELDS = [
  field('a', 'int'),
  field('s', 'string'),
  field('x', 'double'),
  field('ts', 'timestamp-millis'),
  field('price', 'decimal', { precision: 10, scale: 2 }),
  field('tags', 'array'),
  field('must', 'int', { nullable: false }),
];
const TABLES = [
  { name: 'airport', fields: [field('faa', 'string'), field('city', 'string')], changes: 0, rows: () => [] },
];

/** Line 1 is the header, so that the query starts at line 2. */
async function faultsOf(query: string): Promise<string[]> {
  const sql = parseSqlFile('/f/rule.sql', `-- doc: x\n${query}`);
  try {
    await (await loadSqlRule(sql, { fields: FIELDS, tables: TABLES })).close();
    return [];
  } catch (error) {
    assert.ok(error instanceof Faults, String(error));
    return error.faults.map(({ code, place, message }) => {
      assert.equal(code, 'SQL_INVALID');
      return `${place?.replace('/f/rule.sql', '')} ${message.replace('SQL cannot be used: ', '')}`;
    });
  }
}

const refused: [string, string, RegExp][] = [
  ['syntax', 'select row,\n  from from input', /^:3:8 syntax error at or near "from"/],
  [
    'unknown column',
    'select row,\n  case when foo > 1 then 1 end as a from input',
    /^:3:13 Referenced column "foo" not found/,
  ],
  ['wrong types', 'select row, a + s as a from input', /^:2:15 No function matches/],
  ['no such function', 'select row, nofun(a) as a from input', /^:2:13 .*nofun/],
  ['multi-byte text before', "select row, 'ééé' as s, foo as a from input", /^:2:25 Referenced column "foo"/],
  ['aggregate', 'select row, sum(a) as a from input', /^:2:13 aggregate `sum`/],
  ['aggregate in a subquery', 'select row, (select max(city) from airport) as s from input', /aggregate `max`/],
  ['aggregate behind a macro', 'select row, geomean(a) as x from input', /geomean\(\) looks at other rows/],
  ['group by', 'select row from input group by row', /GROUP BY/],
  ['group by all', 'select row from input group by all', /GROUP BY/],
  ['having', 'select row from input having true', /GROUP BY and HAVING/],
  ['window', 'select row, row_number() over () as a from input', /^:2:13 window function `row_number`/],
  ['qualify', 'select row from input qualify row_number() over () = 1', /QUALIFY|window/],
  ['limit', 'select row from input limit 1', /LIMIT/],
  ['offset', 'select row from input offset 1', /LIMIT/],
  ['percent', 'select row from input limit 10%', /LIMIT/],
  ['distinct', 'select distinct row from input', /DISTINCT/],
  ['sample', 'select row from input using sample 3', /SAMPLE/],
  ['tablesample', 'select row from input tablesample 10%', /SAMPLE/],
  ['union', 'select row from input union all select row from input', /UNION/],
  ['now()', 'select row, now() as ts from input', /^:2:13 now\(\) differs from run to run/],
  ['current_date', 'select row, current_date as ts from input', /current_date differs/],
  ['current_timestamp', 'select row, current_timestamp as ts from input', /current_timestamp differs/],
  ['ago()', "select row, ago(interval '1 day') as ts from input", /ago\(\)/],
  ['age of one', 'select row, s from input where age(ts) > interval 1 day', /age\(\) differs/],
  ['random()', 'select row, random() as x from input', /random\(\)/],
  ['uuid()', 'select row, uuid() as s from input', /uuid\(\)/],
  ['sleep', 'select row, pg_sleep(1) as s from input', /pg_sleep\(\)/],
  ['self join', 'select input.row from input join input other on other.a = input.a', /`input` may stand only once/],
  [
    'self join behind WITH',
    'with i as (select * from input) select one.row from i one join i two on one.a = two.a',
    /`input` may stand only once/,
  ],
  [
    'exists in input',
    'select row from input where exists (select 1 from input other where other.a = 1)',
    /`input` may stand only once/,
  ],
  ['WITH hides input', 'with input as (select 1 as row) select row from input', /WITH input hides/],
  ['right join', 'select row from airport right join input on airport.faa = input.s', /RIGHT JOIN/],
  ['full join', 'select row from input full join airport on airport.faa = input.s', /FULL JOIN/],
  ['positional join', 'select row from input positional join airport', /POSITIONAL/],
  ['natural join', 'select row from input natural join airport', /NATURAL/],
  ['not from input', 'select 1 as row', /does not read from `input`/],
  ['another table', 'select row from nothing', /no relation `nothing`/],
  ['a file as a table', "select row from '/etc/passwd'", /no relation `\/etc\/passwd`/],
  ['read_csv', "select row from input, read_csv('/etc/passwd')", /table function `read_csv`/],
  ['duckdb_settings', 'select row from input, duckdb_settings()', /table function `duckdb_settings`/],
  ['information_schema', 'select row from input, information_schema.tables', /no relation `tables`/],
  ['describe', 'describe input', /show/],
  ['attach', "attach '/tmp/x.db'", /only one SELECT/],
  ['copy', "copy input to '/tmp/x.csv'", /only one SELECT/],
  ['pragma', 'pragma database_list', /only one SELECT/],
  ['set', 'set threads = 4', /only one SELECT/],
  ['insert', 'insert into input values (1)', /only one SELECT/],
  ['two statements', 'select row from input; select row from input', /2 statements/],
  ['nothing', '', /0 statements/],
  ['parameter', 'select row, $1 as a from input', /parameters/],
  ['no row', 'select a from input', /lacks `row`/],
  ['row of another type', 'select s as row from input', /column `row` is VARCHAR/],
  ['two columns of a name', 'select row, a, a + 1 as a from input', /two columns `a`/],
  ['no such field', 'select row, a as b from input', /column `b` is no field/],
  ['text into int', 'select row, s as a from input', /column `a` is VARCHAR, wanted is INTEGER/],
  ['bigint into int', 'select row, a::bigint as a from input', /column `a` is BIGINT, wanted is INTEGER/],
  ['int into text', 'select row, a as s from input', /column `s` is INTEGER, wanted is VARCHAR/],
  [
    'too many decimals',
    'select row, 1.2345 as price from input',
    /column `price` is DECIMAL\(5,4\), wanted is DECIMAL\(10, 2\)/,
  ],
  ['text into instant', 'select row, s as ts from input', /wanted is TIMESTAMP/],
  ['an array', 'select row, [1] as tags from input', /no SQL type/],
  ['a list that SQL does not see', 'select row, len(tags) as a from input', /"tags" not found/],
];

for (const [name, query, pattern] of refused) {
  test(`refused: ${name}`, async () => {
    const faults = await faultsOf(query);
    assert.ok(
      faults.some((fault) => pattern.test(fault)),
      faults.join('\n') || 'it was taken',
    );
  });
}

const taken = [
  "select row, case when a > 1 then 'x' end as s from input where s like 'N%' order by row;",
  'SELECT Row, A FROM Input -- a comment; with a semicolon',
  'select * from input',
  "select row, columns(c -> c like 'x%') from input",
  'select input.row, city as s from input left join airport on airport.faa = input.s',
  'select input.row, airport.city as s from input asof join airport on airport.faa <= input.s',
  'with kept as (select row, a from input where a > 0) select row, a from kept',
  'select row, u as a from input, unnest([1, 2, 3]) t(u)',
  'select row, unnest([a, a + 1]) as a from input',
  "select row, v.n as a from input join (values (1, 'x'), (2, 'y')) v(n, t) on v.t = input.s",
  "select row, split_part(s, '-', 1) as s, nullif(a, 0) as a, x * 1.609 as x, 5 as price from input",
  "select row, case when a < 0 then error('negative') else a end as a from input",
  'select row, ts + interval 1 day as ts, list_sum([a, 1])::int as a from input',
  'select row, null as a from input',
  'with recursive t(i) as (select 1 union all select i + 1 from t where i < 3) select row, i as a from input, t',
];
for (const query of taken) {
  test(`taken: ${query.slice(0, 60)}`, async () => assert.deepEqual(await faultsOf(query), []));
}

test('null into a field that may not be null is refused', async () => {
  assert.match((await faultsOf('select row, null as must from input')).join(), /column `must`/);
});

test('several problems are said at once', async () => {
  const faults = await faultsOf('select row, sum(a) as a, random() as x\nfrom nothing\nlimit 3');
  assert.ok(faults.length >= 4, faults.join('\n'));
});

test('the header: unknown keys, no doc, broken YAML, wrong examples', () => {
  const said = (text: string): string => {
    try {
      parseSqlFile('/f/rule.sql', text);
    } catch (error) {
      return (error as Faults).faults.map(({ place, message }) => `${place} ${message}`).join('\n');
    }
    return '';
  };
  assert.match(said('select 1'), /lacks `-- doc: …`/);
  assert.match(said('-- doc: x\n-- sampels: []\nselect 1'), /unknown key `sampels`/);
  assert.match(said('-- doc: "x\n-- rule: [\nselect 1'), /rule\.sql:\d+:\d+ .*not valid YAML/);
  assert.match(said('-- doc: x\n-- examples: [{ given: {} }]\nselect 1'), /example 1: `expect`/);
  const { name, examples, exampleLines } = parseSqlFile(
    '/f/rule.sql',
    '-- rule: late\n-- doc: x\n-- examples:\n--   - given: { a: 1 }\n--     expect: { a: 2 }\n--   - { given: { a: 2 }, expect: { drop: SQL_FILTERED } }\nselect row from input',
  );
  assert.equal(name, 'late');
  assert.deepEqual(examples[0]?.expect, { a: 2 });
  assert.deepEqual(exampleLines, [4, 6]);
});
