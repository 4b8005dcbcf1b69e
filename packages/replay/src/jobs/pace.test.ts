import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { BATCH, Rate, stepsAt } from './pace.ts';

test('steps of a ramp: each ends where the next begins, the last has no end', () => {
  const ramp = [1, 10, 50];
  const at = (seq: number) => {
    const { now, before } = stepsAt(seq, ramp);
    return [before?.from, now.from, now.to];
  };
  assert.deepEqual(at(0), [undefined, 0, 1]);
  assert.deepEqual(at(1), [0, 1, 11]);
  assert.deepEqual(at(10), [0, 1, 11]);
  assert.deepEqual(at(11), [1, 11, 61]);
  assert.deepEqual(at(61), [11, 61, Number.POSITIVE_INFINITY]);
  assert.deepEqual(stepsAt(7, []), { now: { from: 0, to: Number.POSITIVE_INFINITY }, before: undefined });
});

test('a rate is never exceeded over time, and a slow one still sends one at a time', async (t) => {
  const clock = { now: 0 };
  t.mock.method(performance, 'now', () => clock.now);
  for (const [perSecond, most] of [
    [100, 20],
    [0.5, 1],
    [1_000_000, BATCH],
  ] as const) {
    clock.now = 0;
    const rate = new Rate(perSecond);
    let sent = 0;
    for (; clock.now < 10_000; clock.now += 50) {
      const room = rate.room();
      assert.ok(room <= most);
      rate.spend(room);
      sent += room;
    }
    const allowed = (perSecond * clock.now) / 1_000 + most;
    assert.ok(sent <= allowed, `${sent} sent at ${perSecond} a second`);
    assert.ok(sent >= Math.min(allowed - 2 * most, (BATCH * 10_000) / 50 - most), `only ${sent} at ${perSecond}`);
  }
  assert.equal(new Rate(null).room(), BATCH);
});
