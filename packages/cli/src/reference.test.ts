import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commands } from './commands/index.ts';
import { REFERENCE_FILE, reference } from './reference.ts';

test('docs/reference/cli.md is what the table of commands says', () => {
  assert.equal(readFileSync(REFERENCE_FILE, 'utf8'), reference(commands), 'run `node packages/cli/src/reference.ts`');
});

test('every command has an example that begins with its own words', () => {
  for (const { path, examples } of commands) {
    assert.ok(examples.length > 0, path);
    for (const example of examples) assert.ok(example.startsWith(path), `${path}: ${example}`);
  }
});
