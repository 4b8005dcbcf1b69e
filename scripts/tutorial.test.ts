/** The tutorial's flow is whole: its files are taken out of the page, checked, and its rule does what the page says. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { generateTypes, loadRules, readFlow, readTopicSchema, runExamples } from '@quadrille/flow';

const page = readFileSync(new URL('../docs/tutorial/first-flow.md', import.meta.url), 'utf8');
const root = mkdtempSync(join(tmpdir(), 'quadrille-tutorial-'));
after(() => rmSync(root, { recursive: true }));

const files = [...page.matchAll(/`((?:flows|schemas)\/[^`]+)`:\n\n```\w+\n([\s\S]*?)```/g)];
for (const [, path, text] of files) {
  mkdirSync(join(root, dirname(path!)), { recursive: true });
  // In a clone the packages are found by name; here they are found where this test finds them.
  writeFileSync(
    join(root, path!),
    text!.replace(/'(@quadrille\/\w+)'/g, (_, name: string) => JSON.stringify(import.meta.resolve(name))),
  );
}

test('the flow of the tutorial is valid, and the examples of its rule hold', async () => {
  assert.equal(files.length, 5);
  const schemas = join(root, 'schemas');
  for (const { file, text } of await generateTypes(schemas)) writeFileSync(file, text);
  const flow = await readFlow(join(root, 'flows/orders'));
  assert.deepEqual([...flow.stations.keys()], ['placed', 'large', 'warehouse']);

  const input = (await readTopicSchema(schemas, 'orders.placed')).fields;
  const output = (await readTopicSchema(schemas, 'orders.large')).fields;
  const context = { folder: flow.folder, input, output };
  const outcomes = await runExamples('rules/large.ts', context);
  assert.deepEqual(
    outcomes.map(({ fault }) => fault),
    [undefined, undefined, undefined],
  );

  const [ready] = await loadRules(['rules/large.ts'], context);
  const rows = readFileSync(join(root, 'flows/orders/data/orders.csv'), 'utf8').trim().split('\n').slice(1);
  const records = rows
    .map((row) => row.split(','))
    .map(([order, customer, quantity, unit]) => ({
      order,
      customer,
      quantity: Number(quantity),
      unit_cents: Number(unit),
    }))
    .filter(({ quantity }) => !Number.isNaN(quantity));
  const results = (await ready!.apply(records)) as { code?: string; order?: string }[];
  assert.deepEqual(
    results.map(({ code, order }) => code ?? order),
    ['ORDER_SMALL', '1002', '1003', 'QUANTITY_INVALID', 'ORDER_SMALL'],
  );
});
