import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Drop, drop, Fault, Faults, reject } from '@quadrille/record';
import { loadRules } from './index.ts';
import { readyTypeScriptRule } from './typescript.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rules-'));
});
after(() => rm(folder, { recursive: true }));

const load = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return loadRules([name], { folder, input: [], output: [] });
};
const faultsOf = async (load: Promise<unknown>): Promise<readonly Fault[]> => {
  const thrown = await load.then(
    () => assert.fail('it was loaded'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof Faults, String(thrown));
  return thrown.faults;
};
const apply = (rule: (record: Record<string, unknown>) => unknown, records: Record<string, unknown>[]) =>
  readyTypeScriptRule('/x/rule.ts', { doc: 'x', apply: rule as never, examples: [] }).apply(records) as unknown[];

test('a rule file is loaded and applied: changed, dropped, rejected, several', async () => {
  const [rule] = await load(
    'good.ts',
    `type R = { n: number };
export default { doc: 'x', examples: [], apply(record: R) {
  if (record.n === 1) return [{ ...record, n: 10 }, { ...record, n: 11 }];
  if (record.n === 2) return [];
  record.n += 100;
  return record;
} };`,
  );
  assert.equal(rule?.name, 'good');
  assert.deepEqual(await rule?.apply([{ n: 0 }, { n: 1 }, { n: 2 }]), [{ n: 100 }, [{ n: 10 }, { n: 11 }], []]);
});

test('drop and reject come back as they are, also when a reject is thrown', () => {
  const [dropped, rejected, thrown] = apply(
    (record) => {
      if (record.n === 0) return drop('OLD');
      if (record.n === 1) return reject('BAD', 'is bad', { field: 'n' });
      throw reject('BAD', 'is bad');
    },
    [{ n: 0 }, { n: 1 }, { n: 2 }],
  );
  assert.ok(dropped instanceof Drop && dropped.code === 'OLD');
  assert.ok(rejected instanceof Fault && rejected.code === 'BAD' && rejected.field === 'n');
  assert.ok(thrown instanceof Fault && thrown.code === 'BAD');
});

test('a throwing rule faults its record alone, with file, line and column', async () => {
  const [rule] = await load(
    'throws.ts',
    `export default { doc: 'x', examples: [], apply(record: any) {\n  return { ...record, length: record.name.length };\n} };`,
  );
  const results = (await rule?.apply([{ name: 'a' }, { name: null }, { name: 'ccc' }])) as unknown[];
  assert.deepEqual(results[0], { name: 'a', length: 1 });
  assert.deepEqual(results[2], { name: 'ccc', length: 3 });
  const fault = results[1] as Fault;
  assert.equal(fault.code, 'RULE_THREW');
  assert.equal(fault.place, `${join(folder, 'throws.ts')}:2:43`);
  assert.ok(fault.cause instanceof TypeError);
});

test('wrong results are named by their kind, never by their value', () => {
  const date = new Date();
  const cases: [unknown, RegExp][] = [
    [undefined, /nothing \(undefined\); is a `return` missing\?/],
    [null, /null; to leave the record out/],
    [Promise.reject(new Error('later')), /a promise/],
    ['secret', /a string/],
    [7, /a number/],
    [true, /a boolean/],
    [date, /an instance of Date/],
    [new Map(), /an instance of Map/],
    [[{ a: 1 }, undefined], /item 1 of the list is nothing/],
    [[drop('XX')], /item 0 of the list is a drop/],
    [[[{ a: 1 }]], /item 0 of the list is a list/],
    [() => 1, /a function/],
  ];
  for (const [value, message] of cases) {
    const [fault] = apply(() => value, [{}]);
    assert.ok(fault instanceof Fault && fault.code === 'RULE_RESULT', String(fault));
    assert.match(fault.message, message);
    assert.doesNotMatch(fault.message, /secret/);
  }
  const [same] = apply((record) => [record, record], [{}]);
  assert.match((same as Fault).message, /item 1 of the list is the same object as item 0/);
});

test('a record of a decoder’s own class, and its copies, are records', () => {
  class Decoded {
    n = 1;
  }
  const [itself, twice] = apply(
    (record) => (record.n === 1 ? record : [record, { ...record }]),
    [new Decoded() as never, Object.assign(new Decoded(), { n: 2 }) as never],
  );
  assert.deepEqual({ ...(itself as object) }, { n: 1 });
  assert.equal((twice as unknown[]).length, 2);
});

test('what is wrong with a file is said with its place, for all files at once', async () => {
  await writeFile(join(folder, 'nothing.ts'), 'export const x = 1;');
  await writeFile(
    join(folder, 'shape.ts'),
    'export default { apply: async () => 1, exmples: [], examples: [{ given: 1 }] };',
  );
  await writeFile(join(folder, 'syntax.ts'), 'const a = 1;\nexport default {{;');
  await writeFile(join(folder, 'top.ts'), '\n\nthrow new Error("boom");');
  const faults = await faultsOf(
    loadRules(['nothing.ts', 'shape.ts', 'syntax.ts', 'top.ts', 'missing.ts', 'rule.py'], {
      folder,
      input: [],
      output: [],
    }),
  );
  const said = faults.map(({ code, place, message }) => `${code} ${place?.replace(`${folder}/`, '')} ${message}`);
  const expected = [
    /^RULE_INVALID nothing\.ts:1:1 .*default export is nothing/,
    /^RULE_INVALID shape\.ts:1:40 .*unknown key `exmples`/,
    /^RULE_INVALID shape\.ts:1:1 .*`doc` must/,
    /^RULE_INVALID shape\.ts:1:18 .*`apply` is AsyncFunction/,
    /^RULE_INVALID shape\.ts:1:66 .*example 1: `given`/,
    /^RULE_INVALID shape\.ts:1:66 .*example 1: `expect`/,
    /^RULE_INVALID syntax\.ts:2/,
    /^RULE_INVALID top\.ts:3:7 .*Error: boom/,
    /^RULE_INVALID missing\.ts .*cannot be read/,
    /^RULE_INVALID rule\.py .*written in \.ts/,
  ];
  assert.equal(said.length, expected.length, said.join('\n'));
  for (const [at, pattern] of expected.entries()) assert.match(said[at] as string, pattern);
});
