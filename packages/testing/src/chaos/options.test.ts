import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf, KINDS, readOptions } from './options.ts';

test('nothing said: one run, one broker, everything, a seed of its own', () => {
  const options = readOptions([]);
  assert.deepEqual(
    { ...options, seed: 0 },
    { seed: 0, runs: 1, brokers: 1, short: false, only: KINDS, commitFirst: false, json: false, keep: false },
  );
});

test('the command to replay says all that matters', () => {
  const words = ['--seed', '7', '--brokers', '3', '--short', '--only', 'kill,pause', '--break', 'commit-first'];
  const command = commandOf(readOptions([...words, '--runs', '4', '--json']), 9);
  assert.equal(command, 'npm run chaos -- --seed 9 --brokers 3 --short --only kill,pause --break commit-first');
  assert.deepEqual(readOptions(command.split(' ').slice(4)), { ...readOptions(words), seed: 9 });
});

for (const [words, pattern] of [
  [['--seed', 'x'], /--seed.*not a whole number/],
  [['--brokers', '2'], /--brokers.*2/],
  [['--only', 'kill,burn'], /there is no burn/],
  [['--break', 'all'], /commit-first/],
  [['--what'], /--what/],
] as const) {
  test(`${words.join(' ')} is refused`, () => {
    assert.throws(
      () => readOptions(words),
      (fault: { code: string; format(): string }) => fault.code === 'CONFIG_INVALID' && pattern.test(fault.format()),
    );
  });
}
