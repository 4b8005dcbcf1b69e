import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Drop } from '@quadrille/record';
import { loadRules } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'quadrille-rule-'));
after(() => rmSync(folder, { recursive: true }));

test('a rule finds our packages in a folder where nothing is installed; others it does not', async () => {
  const rule = "rule({ doc: 'x', apply: (it) => (it.n === 0 ? drop('ZERO') : it), examples: [] })";
  writeFileSync(
    join(folder, 'own.ts'),
    `import { rule } from '@quadrille/flow';\nimport { drop } from '@quadrille/record';\nexport default ${rule};\n`,
  );
  const context = { folder, input: [], output: [] };
  const [ready] = await loadRules(['own.ts'], context);
  // Of the same class as ours, or stations would not know it.
  assert.ok((await ready!.apply([{ n: 0 }]))[0] instanceof Drop);
  writeFileSync(join(folder, 'other.ts'), "import { x } from '@quadrille/other';\nexport default x;\n");
  await assert.rejects(loadRules(['other.ts'], context), /RULE_INVALID.*@quadrille\/other/);
});
