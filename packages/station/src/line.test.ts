import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reject } from '@quadrille/record';
import { Line } from './line.ts';
import { PASS, REJECT } from './round.ts';
import { roundOf, sliceOf } from './test-round.ts';

const verdicts = (text: string) => sliceOf([...text].map((each) => (each === 'x' ? REJECT : PASS)));

test('it trips at the record that makes more than `rejects` of the last `of`', () => {
  const line = new Line({ rejects: 2, of: 5 });
  assert.deepEqual(line.watch(roundOf(verdicts('x.x.x'))), { slice: 0, index: 4 });
});

test('the window moves: what lies further back does not count', () => {
  const line = new Line({ rejects: 2, of: 4 });
  assert.equal(line.watch(roundOf(verdicts('xx...x..x...x'))), undefined);
});

test('it counts across rounds and slices, in their order', () => {
  const line = new Line({ rejects: 2, of: 10 });
  assert.equal(line.watch(roundOf(verdicts('..x'), verdicts('.x'))), undefined);
  assert.deepEqual(line.watch(roundOf(verdicts('...'), verdicts('.x.'))), { slice: 1, index: 1 });
});

test('after a reset it begins anew', () => {
  const line = new Line({ rejects: 1, of: 5 });
  assert.notEqual(line.watch(roundOf(verdicts('xx'))), undefined);
  line.reset();
  assert.equal(line.watch(roundOf(verdicts('x'))), undefined);
});

test('its fault says how many, and of what the last one was', () => {
  const fault = new Line({ rejects: 50, of: 200 }).fault(reject('TOO_BAD', 'bad'));
  assert.equal(fault.code, 'LINE_STOPPED');
  assert.match(fault.message, /more than 50 of the last 200 records, the last one TOO_BAD/);
});
