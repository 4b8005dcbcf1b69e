import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { Health } from './health.ts';

const down = new Fault('TARGET_UNAVAILABLE', '');
const lost = new Fault('OFFSETS_LOST', '');

test('silence is counted while the loop works, not while it waits for something to do', (t) => {
  const now = t.mock.method(performance, 'now', () => 1_000);
  const health = new Health();
  now.mock.mockImplementation(() => 91_000);
  assert.equal(health.silentMs, 90_000);
  health.rest();
  assert.equal(health.silentMs, 0);
  // The round before is settled beside it.
  health.free();
  now.mock.mockImplementation(() => 191_000);
  assert.equal(health.silentMs, 0);
  health.beat();
  now.mock.mockImplementation(() => 192_000);
  assert.equal(health.silentMs, 1_000);
});

test('ready is running, and nothing else', () => {
  const health = new Health();
  assert.equal(health.ready, false);
  health.running();
  assert.equal(health.ready, true);
  health.hold(down);
  assert.deepEqual([health.ready, health.state, health.reason], [false, 'held', down]);
  health.free();
  assert.equal(health.ready, true);
});

test('a settled round does not undo what an operator has to decide', () => {
  const health = new Health();
  health.running();
  health.stuck(lost);
  health.free();
  health.hold(down);
  health.running();
  assert.deepEqual([health.state, health.reason], ['stuck', lost]);
  health.unstuck();
  assert.equal(health.state, 'running');
  health.pause(new Fault('LINE_STOPPED', ''));
  health.free();
  assert.equal(health.state, 'paused');
});

test('what an operator has to decide is still there after a pause', () => {
  const health = new Health();
  health.stuck(lost);
  health.running();
  assert.equal(health.state, 'stuck', 'known before it was connected');
  health.pause(new Fault('PAUSED', ''));
  health.running();
  assert.deepEqual([health.state, health.reason, health.ready], ['stuck', lost, false]);
  health.pause(new Fault('PAUSED', ''));
  health.unstuck();
  health.running();
  assert.equal(health.ready, true);
});
