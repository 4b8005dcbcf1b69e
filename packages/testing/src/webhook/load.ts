/** Calls at a rate, whatever becomes of those before; each again until its answer stands. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Caller } from './caller.ts';

export interface LoadOptions {
  port: number;
  path: string;
  rate: number;
  seconds: number;
  connections: number;
  /** Each of so many calls has an item that cannot be taken. */
  badEach: number;
}

export interface LoadResult {
  /** Ids whose last answer was 202. */
  taken: Set<string>;
  /** Ids whose last answer was 422. */
  refused: Set<string>;
  /** Anything else that stood, by status. */
  others: Map<number, number>;
  /** Answers by status, of all attempts; 0: none. */
  answers: ReadonlyMap<number, number>;
  /** From the first call until the last answer. */
  seconds: number;
  /** From the first attempt of a call to the answer that stood, ms. */
  latency: { median: number; p99: number; most: number };
  /** Calls begun a second while calls were begun. */
  rate: number;
}

/** Calls begin in steps of this: a timer a call would be too many. */
const STEP_MS = 5;

export const keyOf = (i: number): string => `e${i}`;

export async function load({ port, path, rate, seconds, connections, badEach }: LoadOptions): Promise<LoadResult> {
  const caller = new Caller(port, path, connections);
  const taken = new Set<string>();
  const refused = new Set<string>();
  const others = new Map<number, number>();
  const latencies: number[] = [];
  const calls: Promise<void>[] = [];
  const one = async (i: number): Promise<void> => {
    const key = keyOf(i);
    const begun = performance.now();
    const n = i % badEach === badEach - 1 ? 'no number' : i;
    const { status } = (await caller.persist(JSON.stringify({ id: key, n }), { 'idempotency-key': key }))!;
    latencies.push(performance.now() - begun);
    if (status === 202) taken.add(key);
    else if (status === 422) refused.add(key);
    else others.set(status, (others.get(status) ?? 0) + 1);
  };
  const started = performance.now();
  const total = Math.round(rate * seconds);
  while (calls.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * rate) + 1);
    while (calls.length < due) calls.push(one(calls.length));
    await sleep(STEP_MS);
  }
  const begunIn = (performance.now() - started) / 1000;
  await Promise.all(calls);
  caller.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    taken,
    refused,
    others,
    answers: caller.answers,
    seconds: (performance.now() - started) / 1000,
    latency: { median: at(0.5), p99: at(0.99), most: at(1) },
    rate: total / begunIn,
  };
}
