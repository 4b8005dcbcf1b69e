/** The short form of `npm run chaos`, and that it can fail. QUADRILLE_CHAOS_SEED chooses another seed. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Chaos } from './chaos.ts';
import { commandOf, readOptions } from './options.ts';

const seed = process.env.QUADRILLE_CHAOS_SEED ?? '1';
const chaos = new Chaos({ short: true }, (line) => process.stderr.write(`${line}\n`));
after(() => chaos.remove());

test('killed, frozen, joined and cut off from its broker, January ends as if nothing had happened', async (t) => {
  const options = readOptions(['--short', '--seed', seed]);
  t.diagnostic(commandOf(options, options.seed));
  const { report, text } = await chaos.run(options);
  assert.ok(report.ok, text);
  assert.equal(report.blows.filter(({ what }) => what.startsWith('kill -9')).length >= 4, true);
  assert.ok(report.blows.some(({ what }) => what.startsWith('SIGSTOP')));
  assert.ok(report.blows.every(({ at }) => at < 1));
  assert.ok(
    Object.values(report.duplicates).reduce((a, b) => a + b, 0) > 0,
    'blows that left no duplicate hit nothing',
  );
});

test('with the commit before the settle, kills lose records, and it is seen', async (t) => {
  const options = readOptions(['--short', '--seed', seed, '--only', 'kill', '--break', 'commit-first']);
  t.diagnostic(commandOf(options, options.seed));
  const { report, text } = await chaos.run(options);
  assert.equal(report.ok, false, text);
  assert.ok((report.run?.unaccounted ?? 0) > 0, text);
  assert.match(report.problems.join('\n'), /judged by nobody/);
});
