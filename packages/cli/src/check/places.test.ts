/** Several things wrong at once in a flow as `quadrille init` makes it: each is told once, at its place, and nothing that only follows. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Context } from '../command.ts';
import { init } from '../commands/init.ts';
import { inspect } from './inspect.ts';

async function flow(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-check-'));
  t.after(() => rm(folder, { recursive: true }));
  await init.run({ cwd: folder, out: () => {}, err: () => {} } as unknown as Context, ['shop'], {});
  const at = (path: string): string => join(folder, 'shop', path);
  return {
    write: (path: string, text: string) => writeFile(at(path), text),
    edit: async (path: string, from: string, to: string) => {
      const text = await readFile(at(path), 'utf8');
      assert.ok(text.includes(from), from);
      await writeFile(at(path), text.replace(from, to));
    },
    /** Code and place of each. */
    faults: async () => {
      const { faults } = await inspect(at('.'));
      for (const { help } of faults) assert.ok(help);
      return faults.map(({ code, place = '', message }) => {
        const shown = place.startsWith('/') ? place : relative(relative('', folder), place);
        return `${code} ${shown.replace(/^.*shop\//, '')} ${message.slice(message.indexOf(': ') + 2)}`;
      });
    },
  };
}

test('a new flow has nothing wrong', async (t) => {
  assert.deepEqual(await (await flow(t)).faults(), []);
});

test('what a rule returns that its output has not, at its place', async (t) => {
  const { edit, faults } = await flow(t);
  await edit('rules/priced.ts', 'total_cents: quantity', 'totl_cents: quantity');
  const [fault, ...others] = await faults();
  assert.match(fault ?? '', /^RULE_TYPES rules\/priced\.ts:\d+:\d+ .*total_cents/);
  assert.deepEqual(others, []);
});

test('rules that cannot be loaded: the place in their own file', async (t) => {
  const { edit, write, faults } = await flow(t);
  await edit('flow.yaml', 'rules/priced.ts', '[rules/a.ts, rules/b.ts, rules/c.sql, rules/d.sql]');
  await write('rules/a.ts', `import { rule } from '@quadrille/flow';\nexport default rule({\n  doc: 'x',\n});\n}\n`);
  await write(
    'rules/b.ts',
    `import { rule } from '@quadrille/flow';\n\nimport { x } from './gone.ts';\nexport default rule(x);\n`,
  );
  await write('rules/c.sql', 'SELECT * FROM input\n');
  await write('rules/d.sql', '-- doc: x\nSELECT "order",\n  custmer\nFROM input\n');
  const places = (await faults()).map((fault) => fault.split(' ').slice(0, 2).join(' '));
  assert.deepEqual(places, [
    'RULE_INVALID rules/a.ts:5:1',
    'RULE_INVALID rules/b.ts:3:14',
    'SQL_INVALID rules/c.sql:1:1',
    'SQL_INVALID rules/d.sql:3:3',
  ]);
});

test('a broken entry of the flow file is no fault of the cases', async (t) => {
  const { edit, faults } = await flow(t);
  await edit('flow.yaml', 'to: shop.placed', 'too: shop.placed');
  await edit('flow.yaml', 'table:', 'tabel:');
  assert.deepEqual(
    (await faults()).map((fault) => fault.split(' ').slice(0, 2).join(' ')),
    [
      'FLOW_INVALID flow.yaml:6:3',
      'FLOW_INVALID flow.yaml:8:5',
      'FLOW_INVALID flow.yaml:15:5',
      'FLOW_INVALID flow.yaml:15:31',
    ],
  );
});

test('text that is no YAML is told with what can still be read of it', async (t) => {
  const { edit, faults } = await flow(t);
  await edit('flow.yaml', 'id: "{order}" }', 'id: "{order}"');
  const codes = new Set((await faults()).map((fault) => fault.split(' ')[0]));
  assert.ok(codes.has('FLOW_SYNTAX') && !codes.has('CASE_INVALID'), [...codes].join());
});
