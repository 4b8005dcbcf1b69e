/** Waiting for a condition of the outside world, which announces nothing: asked again and again, up to a deadline. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * @param ask answers undefined or false while it does not hold yet.
 * @throws after `ms`, naming what was waited for and `last()`.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  ms = 60_000,
  last: () => unknown = () => '',
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what} ${String(last())}`);
    await pause(50);
  }
}
