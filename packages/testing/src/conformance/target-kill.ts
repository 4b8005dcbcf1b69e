/** kill -9 in the middle of writes, then on from what was done last, as the engine does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TargetFeatures, TargetRow } from '@quadrille/flow';
import type { Check } from './target-check.ts';
import { type ChildTarget, distinct, row } from './target-sample.ts';

const BATCHES = 24;
const ROWS = 120;
const KILLS = 5;

/** Each batch is a version of its own of the same ids, from two partitions. */
export const rowsOf = (batch: number): TargetRow[] =>
  Array.from({ length: ROWS }, (_, i) =>
    row({
      id: `id ${i}`,
      version: batch + 1,
      partition: i % 2,
      offset: batch * (ROWS / 2) + (i >> 1),
      text: `batch ${batch}`,
      amount: i,
    }),
  );

export function killTests(check: Check, { late, again }: TargetFeatures): void {
  check(
    'killed in mid-batch and started again from the last batch done: all of it takes effect, and nothing twice',
    { parts: ['process'] },
    async (sample, _target, t) => {
      let done = 0;
      for (let kill = 1; kill <= KILLS; kill++) {
        done = await run(sample.process, done, done + 1 + Math.floor(Math.random() * 3));
        t.diagnostic(`killed after batch ${done}`);
      }
      assert.equal(await run(sample.process, done, undefined), BATCHES);
      const stored = await sample.stored();
      const found = distinct(stored);
      const wanted =
        late === 'superseded' ? rowsOf(BATCHES - 1) : Array.from({ length: BATCHES }, (_, i) => rowsOf(i)).flat();
      assert.deepEqual(
        found.map(({ id, version, text, amount }) => `${id} ${version} ${text} ${amount}`).sort(),
        wanted.map(({ id, version, value }) => `${id} ${version} ${value?.text} ${value?.amount}`).sort(),
      );
      if (again !== 'receiver') assert.equal(stored.length, found.length, 'something stands twice');
    },
  );
}

/**
 * A process that writes from batch `from` on, killed a moment after it has done batch `until`.
 * @returns the number of batches done in all.
 */
async function run(child: ChildTarget, from: number, until: number | undefined): Promise<number> {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const { env, ...target } = child;
  const spawned = spawn(
    process.execPath,
    [fileURLToPath(new URL('target-child.ts', import.meta.url)), JSON.stringify({ ...target, from, to: BATCHES })],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...inherited, ...env } },
  );
  const ended = once(spawned, 'close');
  let done = from;
  for await (const line of createInterface({ input: spawned.stdout })) {
    done = Number(line) + 1;
    if (done !== until) continue;
    // Not a wait for anything: the kill falls somewhere into the next write.
    await pause(Math.random() * 15);
    spawned.kill('SIGKILL');
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  assert.ok(signal === 'SIGKILL' || code === 0, `the process ended with ${code} ${signal}`);
  return done;
}
