import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offsetsOf, timeOf } from './times.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');

test('offsets and moments as they are typed, and what they are not', () => {
  assert.deepEqual(offsetsOf('5-9'), { from: 5, to: 9 });
  assert.deepEqual(offsetsOf('5'), { from: 5, to: 5 });
  assert.deepEqual(offsetsOf('5-'), { from: 5, to: Number.MAX_SAFE_INTEGER });
  for (const wrong of ['9-5', 'a', '', '-5']) assert.throws(() => offsetsOf(wrong), /--offsets/);
  assert.equal(timeOf('2h', '--since', NOW), NOW - 7_200_000);
  assert.equal(timeOf('2026-05-01', '--since', NOW), Date.parse('2026-05-01T00:00:00Z'));
  for (const wrong of ['soon', '5', '2026-99-99']) assert.throws(() => timeOf(wrong, '--since', NOW), /--since/);
});
