import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from './options.ts';

test('what is not said is what the proof asks for: 1,000 a second for a minute, and a broker that is killed', () => {
  const { rate, seconds, restartAt, pending, connections } = readOptions([]);
  assert.deepEqual([rate, seconds, restartAt], [1_000, 60, 20]);
  assert.ok(pending < connections, 'nobody would be asked for patience');
  assert.equal(readOptions(['--no-restart']).restartAt, undefined);
  assert.equal(readOptions(['--rate', '5']).rate, 5);
});

test('what cannot be meant is told', () => {
  for (const args of [['--rate', 'x'], ['--rate', ''], ['--seconds', '-1'], ['--what'], ['more']])
    assert.throws(() => readOptions(args), { code: 'CONFIG_INVALID' }, args.join(' '));
});
