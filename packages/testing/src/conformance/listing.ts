/** Writes what the suites run, for which types, as JSON to stdout. A process of its own, since a test file runs when it is imported. */
import { readdirSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { listOnly } from './registration.ts';

/** Those that are no fixtures of a type in the registries. */
const OTHERS = new Set(['how-to.test.ts', 'complete.test.ts']);

const list = listOnly();
const folder = fileURLToPath(new URL('.', import.meta.url));
for (const file of readdirSync(folder).sort())
  if (file.endsWith('.test.ts') && !OTHERS.has(file)) await import(`./${file}`);
writeSync(1, JSON.stringify(list));
// What they have set up for tests is not wanted.
process.exit(0);
