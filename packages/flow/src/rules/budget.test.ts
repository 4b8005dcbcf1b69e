import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isolateWithin } from './budget.ts';

/** Attempts that fail when they hold a culprit; says what became of every row, and how many attempts it took. */
async function run(
  count: number,
  culprits: ReadonlySet<number>,
  budget = 1000,
  work: (from: number, to: number) => Promise<void> = async () => {},
) {
  const rows = new Array<string>(count).fill('undecided');
  let attempts = 0;
  await isolateWithin<string>(budget, { slowest: 0 }, count, {
    attempt: async (from, to) => {
      attempts++;
      await work(from, to);
      for (let row = from; row < to; row++) if (culprits.has(row)) return 'poison';
      rows.fill('good', from, to);
      return undefined;
    },
    interrupt: () => {},
    blame: (row, problem) => {
      rows[row] = problem;
    },
    expire: (row) => {
      rows[row] = 'expired';
    },
  });
  return { rows, attempts };
}

test('a good batch takes one attempt', async () => {
  const { rows, attempts } = await run(6000, new Set());
  assert.equal(attempts, 1);
  assert.ok(rows.every((row) => row === 'good'));
});

test('exactly the culprits are blamed, wherever they stand', async () => {
  for (const culprits of [[0], [4999], [0, 4999], [7, 8, 9], Array.from({ length: 40 }, (_, i) => i * 100)]) {
    const { rows, attempts } = await run(5000, new Set(culprits));
    assert.deepEqual(
      rows.flatMap((row, at) => (row === 'poison' ? [at] : [])),
      culprits,
    );
    assert.equal(rows.filter((row) => row === 'good').length, 5000 - culprits.length);
    assert.ok(attempts <= (culprits.length > 16 ? 5000 : 2 * 14 * culprits.length), `${attempts} attempts`);
  }
});

test('when the time is up the rest expires, and what was decided stays', async () => {
  const slow = async (): Promise<void> => {
    const until = performance.now() + 20;
    while (performance.now() < until);
  };
  const { rows } = await run(1000, new Set([10, 900]), 150, slow);
  assert.ok(rows.includes('expired'));
  assert.ok(!rows.includes('undecided'));
});
