import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Drop, Fault, Faults, Routed, to } from '@quadrille/record';
import { rule } from '../rule.ts';
import { field } from './fields.fixture.ts';
import { loadRules, runExamples } from './index.ts';
import { readyTypeScriptRule } from './typescript.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'routes-'));
});
after(() => rm(folder, { recursive: true }));

const [id, amount, why] = [field('id', 'string'), field('amount', 'double'), field('why', 'string')];
const context = () => ({
  folder,
  input: [id, amount],
  output: [id, amount],
  topics: new Map([
    ['pay.cleared', [id, amount]],
    ['pay.suspect', [id, field('amount', 'decimal', { precision: 9, scale: 2 }), why]],
    ['pay.copied', [id, why]],
  ]),
});
const load = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return loadRules([name], context());
};
const refused = async (name: string, text: string): Promise<string[]> => {
  const thrown = await load(name, text).then(
    () => assert.fail('it was loaded'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof Faults, String(thrown));
  return thrown.faults.map(({ place, message, help }) => `${place?.replace(`${folder}/`, '')} ${message} | ${help}`);
};

test('a rule’s types hold each record against the type of its topic', async () => {
  interface Paid {
    id: string;
    amount: number;
  }
  interface Suspect extends Paid {
    why: 'large' | 'odd';
  }
  const definition = rule<Paid, Paid, { 'pay.suspect': Suspect }>({
    doc: 'x',
    to: ['pay.suspect'],
    apply: (paid) => (paid.amount > 9 ? to('pay.suspect', { ...paid, why: 'large' }) : paid),
    examples: [{ given: { amount: 10 }, expect: to('pay.suspect', { why: 'large' }) }],
  });
  // @ts-expect-error the field `why` is missing
  const _lacks: ReturnType<typeof definition.apply> = to('pay.suspect', { id: 'a', amount: 1 });
  // @ts-expect-error it is no topic of this rule
  const _elsewhere: ReturnType<typeof definition.apply> = to('pay.other', { id: 'a', amount: 1, why: 'odd' });
  const [plain, sent] = await readyTypeScriptRule('/x/pay.ts', definition as never).apply([
    { id: 'a', amount: 1 },
    { id: 'b', amount: 10 },
  ]);
  assert.deepEqual(plain, { id: 'a', amount: 1 });
  assert.ok(sent instanceof Routed && sent.topic === 'pay.suspect');
  assert.deepEqual(sent.record, { id: 'b', amount: 10, why: 'large' });
});

test('what a rule sends to a topic that it does not name, or not a record, is its fault, beside others that pass', async () => {
  const apply = (record: { n: number }): unknown => {
    if (record.n === 0) return to('elsewhere', record);
    if (record.n === 1) return to('out', 42 as never);
    if (record.n === 2) return [record, to('out', record)];
    return [record, to('out', { ...record })];
  };
  const rule = readyTypeScriptRule('/x/rule.ts', { doc: 'x', to: ['out'], apply: apply as never, examples: [] });
  const results = await rule.apply([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]);
  assert.deepEqual(
    results.slice(0, 3).map((result) => result instanceof Fault && `${result.code} ${result.message}`),
    [
      'RULE_RESULT rule returned something that is not a record, a list, a drop or a reject: sent to "elsewhere", which the rule does not name in its `to`',
      'RULE_RESULT rule returned something that is not a record, a list, a drop or a reject: sent to out, and is a number',
      'RULE_RESULT rule returned something that is not a record, a list, a drop or a reject: item 1 of the list is the same object as item 0; copy it: `{ ...record }`',
    ],
  );
  assert.deepEqual(results[3], [{ n: 3 }, to('out', { n: 3 })]);
});

test('a topic that the station does not write is refused where it stands, with the one that was meant', async () => {
  assert.deepEqual(
    await refused(
      'wrong.ts',
      `export default {\n  doc: 'x',\n  to: ['pay.suspekt'],\n  apply: (r) => r,\n  examples: [],\n};\n`,
    ),
    ['wrong.ts:3:3 rule cannot be used: the station does not write topic `pay.suspekt` | did you mean `pay.suspect`?'],
  );
  assert.deepEqual(
    await refused(
      'wrong.sql',
      `-- doc: x\nselect row,\n  case when amount > 9 then 'pay.suspekt' end as topic\nfrom input`,
    ),
    ['wrong.sql:3:29 SQL cannot be used: the station does not write topic `pay.suspekt` | did you mean `pay.suspect`?'],
  );
});

test('SQL sends rows by the column `topic`; null goes on, several rows of a record go each its way', async () => {
  const [sql] = await load(
    'route.sql',
    `-- doc: x
select row, w as why,
  case when w = 'copy' then 'pay.copied' when amount > 9 then 'pay.suspect' else null end as topic
from input, unnest(case when amount = 1 then ['copy', 'keep'] else ['keep'] end) t(w)
where amount > 0`,
  );
  assert.deepEqual([...sql!.to].sort(), ['pay.copied', 'pay.suspect']);
  const results = await sql!.apply([
    { id: 'a', amount: 5 },
    { id: 'b', amount: 10 },
    { id: 'c', amount: 0 },
    { id: 'd', amount: 1 },
  ]);
  await sql!.close();
  const [on, sent, dropped, both] = results;
  assert.deepEqual(on, { id: 'a', amount: 5, why: 'keep' });
  assert.ok(sent instanceof Routed && sent.topic === 'pay.suspect');
  assert.deepEqual(sent.record, { id: 'b', amount: 10, why: 'keep' });
  assert.ok(dropped instanceof Drop && dropped.code === 'SQL_FILTERED');
  assert.ok(Array.isArray(both));
  assert.deepEqual(
    both.map((each) => (each instanceof Routed ? `${each.topic} ${String(each.record.why)}` : each.why)).sort(),
    ['keep', 'pay.copied copy'],
  );
});

const wrongQueries: [string, string, RegExp][] = [
  ['a computed topic', `select row, 'pay.' || id as topic from input`, /column `topic` is computed/],
  ['a topic behind a subquery', `select row, topic from (select row, 'pay.copied' as topic from input)`, /computed/],
  [
    'a column that fits one topic alone',
    `select row, amount from input`,
    /`amount` is DOUBLE, and `pay.suspect` wants/,
  ],
  ['a topic that is no text', `select row, 1 as topic from input`, /computed/],
];
for (const [name, query, message] of wrongQueries)
  test(`SQL is refused: ${name}`, async () => {
    const [first] = await refused('refused.sql', `-- doc: x\n${query}`);
    assert.match(first!, message);
  });

test('a station with one topic knows no column `topic`', async () => {
  await writeFile(join(folder, 'one.sql'), `-- doc: x\nselect row, 'a' as topic from input`);
  const fields = [field('topic', 'string')];
  const [sql] = await loadRules(['one.sql'], { folder, input: fields, output: fields });
  assert.deepEqual(await sql!.apply([{}]), [{ topic: 'a' }]);
  await sql!.close();
});

test('examples say where a record goes, and what it is there', async () => {
  await writeFile(
    join(folder, 'examples.sql'),
    `-- doc: x
-- examples:
--   - given: { amount: 10 }
--     expect: { $topic: pay.copied, why: large }
--   - given: { amount: 1 }
--     expect: { $topic: pay.copied }
--   - given: { amount: 10 }
--     expect: { why: small }
select row, 'large' as why, case when amount > 9 then 'pay.copied' end as topic from input`,
  );
  const outcomes = await runExamples('examples.sql', context());
  assert.deepEqual(
    outcomes.map(({ fault }) => fault?.message.replace(/^.*?: /, '')),
    [
      undefined,
      'example 2: it goes on, expected that it goes to pay.copied',
      'example 3: it goes to pay.copied, expected that it goes on\nwhy is "large", expected "small"',
    ],
  );
});
