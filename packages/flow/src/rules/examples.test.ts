import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { field } from './fields.fixture.ts';
import { loadRules, runExamples } from './index.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'));
});
after(() => rm(folder, { recursive: true }));

const input = [
  field('id', 'string', { nullable: false }),
  field('delay', 'int'),
  field('ts', 'timestamp-millis', { nullable: false }),
  field('price', 'decimal', { nullable: false, precision: 8, scale: 2 }),
  field('dest', 'string'),
];
const output = [...input, field('late', 'boolean'), field('big', 'long', { bigint: true }), field('city', 'string')];

async function run(name: string, text: string) {
  await writeFile(join(folder, name), text);
  const tables = [
    { name: 'airport', fields: [field('faa', 'string'), field('city', 'string')], changes: 0, rows: () => [] },
  ];
  const outcomes = await runExamples(name, { folder, input, output, tables });
  return outcomes.map(({ example, fault }) =>
    fault === undefined
      ? `${example}: ok`
      : `${fault.place?.replace(`${folder}/`, '')} ${fault.message.replace('example does not hold: ', '')}`,
  );
}

test('examples of a SQL rule: missing fields are filled, only what is named is compared', async () => {
  const outcomes = await run(
    'late.sql',
    `-- rule: late
-- doc: late is more than 15 minutes
-- examples:
--   - name: late
--     given: { delay: 16, ts: 2013-01-01T10:00:00Z }
--     expect: { late: true, id: '', price: '0.00', ts: 2013-01-01 11:00 }
--   - name: wrong
--     given: { delay: 15 }
--     expect: { late: true, delay: 15 }
--   - given: {}
--     expect: { drop: SQL_FILTERED }
--   - given: { delay: 1 }
--     expect: { drop: SQL_FILTERED }
--   - given: { dlay: 1 }
--     expect: { late: false }
select row, delay > 15 as late, ts + interval 1 hour as ts, 7 as big from input where delay is not null
`,
  );
  assert.deepEqual(outcomes, [
    'late: ok',
    'late.sql:7 wrong: late is false, expected true',
    'example 3: ok',
    'late.sql:12 example 4: a record, expected drop SQL_FILTERED',
    'late.sql:14 example 5: `given` has a field `dlay` that no schema has',
  ]);
});

test('an example brings the rows of its lookups', async () => {
  const outcomes = await run(
    'city.sql',
    `-- doc: city of the destination
-- examples:
--   - given: { dest: JFK }
--     lookups: { airport: [{ faa: JFK, city: New York }] }
--     expect: { city: New York }
--   - given: { dest: JFK }
--     expect: { city: null }
select input.row, airport.city from input left join airport on airport.faa = input.dest
`,
  );
  assert.deepEqual(outcomes, ['example 1: ok', 'example 2: ok']);
});

test('examples of a TypeScript rule: lists, drops, rejects, differences', async () => {
  const from = JSON.stringify(new URL('../../../record/src/index.ts', import.meta.url).href);
  const outcomes = await run(
    'rule.ts',
    `import { drop, reject } from ${from};
const apply = (record: any) => {
  if (record.delay === null) return drop('NO_DELAY');
  if (record.delay < 0) return reject('NEGATIVE', 'is negative', { field: 'delay' });
  if (record.delay === 2) return [{ ...record, delay: 1 }, { ...record, delay: 1 }];
  return { ...record, ts: record.ts + 1, big: 5n };
};
export default { doc: 'x', apply, examples: [
  { given: {}, expect: { drop: 'NO_DELAY' } },
  { given: { delay: -1 }, expect: { reject: 'NEGATIVE', field: 'delay' } },
  { given: { delay: -1 }, expect: { reject: 'NEGATIVE', field: 'id' } },
  { given: { delay: 2 }, expect: [{ delay: 1 }, { delay: 1, id: '' }] },
  { given: { delay: 2 }, expect: [{ delay: 1 }, { delay: 2 }] },
  { given: { delay: 2 }, expect: [{ delay: 1 }] },
  { given: { delay: 3 }, expect: { ts: 0, big: 5n } },
  { given: { delay: 3 }, expect: { drop: 'NO_DELAY' } },
  { given: { delay: -3 }, expect: { delay: 1 } },
] };`,
  );
  assert.deepEqual(outcomes, [
    'example 1: ok',
    'example 2: ok',
    'rule.ts:11:5 example 3: rejected for field "delay", expected "id"',
    'example 4: ok',
    'rule.ts:13:5 example 5: record 1: delay is 1, expected 2',
    'rule.ts:14:5 example 6: 2 records, expected 1',
    'rule.ts:15:5 example 7: ts is 1 (1970-01-01T00:00:00.001Z), expected 0 (1970-01-01T00:00:00.000Z)',
    'rule.ts:16:5 example 8: a record, expected drop NO_DELAY',
    'rule.ts:17:5 example 9: rejected with NEGATIVE (rule rejected the record: is negative), expected a record',
  ]);
});

test('a chain: a SQL rule sees what rules before it set, by the output’s type', async () => {
  await writeFile(
    join(folder, 'first.ts'),
    "export default { doc: 'x', examples: [], apply: (r: any) => ({ ...r, late: r.delay > 15 }) };",
  );
  await writeFile(
    join(folder, 'second.sql'),
    "-- doc: x\nselect row, case when late then 'late' else 'in time' end as dest from input",
  );
  const [first, second] = await loadRules(['first.ts', 'second.sql'], { folder, input, output });
  const between = (await first?.apply([{ delay: 20 }, { delay: 1 }])) as Record<string, unknown>[];
  assert.deepEqual(await second?.apply(between), [
    { delay: 20, late: true, dest: 'late' },
    { delay: 1, late: false, dest: 'in time' },
  ]);
  await second?.close();
});
