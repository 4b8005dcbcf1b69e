import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from './health.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import { createLog } from './log.ts';
import type { Round } from './round.ts';
import { runLoop } from './station.ts';
import { roundOf, sliceOf } from './test-round.ts';

/** Runs the loop over these rounds. @returns what was settled, by the offsets of each round's slices; how many were given back. */
async function settledOf(
  rounds: Round[],
  judge: (round: Round) => void,
): Promise<{ settled: number[][]; given: number }> {
  const settled: number[][] = [];
  let given = 0;
  const waiting = [...rounds];
  const intake = {
    epoch: 1,
    draining: false,
    canGiveBack: true,
    take: async () => waiting.shift(),
  } as unknown as Intake;
  const nothing = (): void => {};
  await runLoop({
    intake,
    judge: { judge: async (round: Round) => judge(round) } as unknown as Judge,
    settle: async ({ slices }) => {
      settled.push(slices.map(({ from }) => from));
      return true;
    },
    probe: { examine: async () => {}, close: nothing },
    line: undefined,
    stopLine: async () => {},
    health: new Health(),
    metrics: {
      received: nothing,
      retried: nothing,
      voided: nothing,
      settled: nothing,
      givenBack: () => {
        given++;
      },
    },
    traces: undefined,
    log: createLog({}, 'silent'),
  });
  return { settled, given };
}

test('what was given back whole is not settled: a record that waits for days leaves no entry a second in the ledger', async () => {
  const waiting = sliceOf([0, 0], 10);
  const { settled, given } = await settledOf([roundOf(waiting), roundOf(sliceOf([0], 20))], ({ slices }) => {
    if (slices[0] === waiting) waiting.cut(0);
  });
  assert.deepEqual({ settled, given }, { settled: [[20]], given: 1 });
});

test('of a round the slices that are left are settled, also one that stands for numbers without records', async () => {
  const [waiting, ready, skipped] = [sliceOf([0], 10), sliceOf([0], 20), sliceOf([], 30)];
  skipped.to = 40;
  const { settled } = await settledOf([roundOf(waiting, ready, skipped)], () => void waiting.cut(0));
  assert.deepEqual(settled, [[20, 30]]);
});
