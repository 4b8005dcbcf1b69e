/** The short form of `npm run webhook`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardAgainstLeaks } from '../harness/index.ts';
import { readOptions } from './options.ts';
import { runWebhook } from './run.ts';

guardAgainstLeaks();

test('a webhook whose broker is killed: everything answered with 202 is in the table once, and nothing else is', {
  timeout: 170_000,
}, async (t) => {
  const args = '--rate 150 --seconds 10 --restart-at 3 --down-for 1 --connections 64 --pending 48';
  const report = await runWebhook(readOptions(args.split(' ')), (line) => t.diagnostic(line));
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.problems, []);
  assert.deepEqual([report.calls, report.rows, report.deadLetters], [1_500, 1_470, 30]);
  // While the broker is away there is room for 48 calls of 64: the outage was long enough to be noticed.
  assert.ok((report.answers['429'] ?? 0) > 0, 'nobody was asked for patience');
});
