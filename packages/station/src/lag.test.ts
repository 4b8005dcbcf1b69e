import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lag } from './intake.ts';
import { LagWatch } from './lag.ts';

const intake = (...lags: [number, Lag][]) => ({ lag: () => new Map(lags) });
const ends = (...highs: number[]) => ({ bounds: async () => highs.map((high) => ({ low: 0, high })) });

test('the lag is told by the ends of the topic, where the consumer has paused and heard nothing of them', async () => {
  const watch = new LagWatch(ends(100, 7));
  watch.add('in', intake([0, { taken: 40, high: 50, oldest: 3_000 }], [1, { taken: 9, high: 9, oldest: 2_000 }]));
  assert.deepEqual(await watch.look(), [
    { topic: 'in', partition: 0, records: 60 },
    { topic: 'in', partition: 1, records: 0 },
  ]);
  assert.equal(watch.oldest('in'), 2_000);
  assert.equal(watch.oldest('other'), undefined);
});

test('while the broker is away, or does not answer, the lag is as last heard of', async () => {
  const away = new LagWatch({ bounds: () => Promise.reject(new Error('away')) });
  const silent = new LagWatch({ bounds: () => new Promise(() => {}) });
  for (const watch of [away, silent]) {
    watch.add('in', intake([2, { taken: 40, high: 50, oldest: undefined }]));
    assert.deepEqual(await watch.look(), [{ topic: 'in', partition: 2, records: 10 }]);
    assert.equal(watch.oldest('in'), undefined);
  }
});

test('the ends are asked for once in five seconds, however often somebody looks', async () => {
  let asked = 0;
  const watch = new LagWatch({
    bounds: async () => {
      asked++;
      return [];
    },
  });
  watch.add('in', intake());
  await Promise.all([watch.look(), watch.look()]);
  await watch.look();
  assert.equal(asked, 1);
});
