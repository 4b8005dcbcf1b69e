/** How fast a replay sends, and when it stops by itself. */
import { performance } from 'node:perf_hooks';
import type { Queries } from '../db/database.ts';

/** Records of one batch when nothing slows it down. */
export const BATCH = 2_000;
/** Of a slowed one: so many times a second. */
const BATCHES_A_SECOND = 5;

/** A token bucket that holds one batch. */
export class Rate {
  readonly #perMs: number | undefined;
  readonly #capacity: number;
  #tokens: number;
  #at = performance.now();

  /** @param rate records a second; null: as fast as it goes. */
  constructor(rate: number | null) {
    this.#perMs = rate === null ? undefined : rate / 1_000;
    this.#capacity = rate === null ? BATCH : Math.min(BATCH, Math.max(1, Math.ceil(rate / BATCHES_A_SECOND)));
    this.#tokens = this.#capacity;
  }

  /** Records that may be sent now, in one batch. */
  room(): number {
    if (this.#perMs === undefined) return BATCH;
    const now = performance.now();
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    return Math.floor(this.#tokens);
  }

  /** ms until a whole batch may be sent again. */
  wait(): number {
    return this.#perMs === undefined ? 0 : (this.#capacity - this.#tokens) / this.#perMs;
  }

  spend(records: number): void {
    if (this.#perMs !== undefined) this.#tokens -= records;
  }
}

/** Numbers of the records of a step: `from` inclusive, `to` exclusive. */
export interface Step {
  from: number;
  to: number;
}

/** The step that a record belongs to, and the one before. The rest after the ramp is one step without an end. */
export function stepsAt(seq: number, ramp: readonly number[]): { now: Step; before: Step | undefined } {
  let before: Step | undefined;
  let from = 0;
  for (const size of ramp) {
    const now = { from, to: from + size };
    if (seq < now.to) return { now, before };
    before = now;
    from = now.to;
  }
  return { now: { from, to: Number.POSITIVE_INFINITY }, before };
}

/** Verdicts that are looked back on while sending. */
export const LOOK_BACK = 200;

/** How many of how many failed again. */
export interface Failures {
  rejected: number;
  judged: number;
}

/** Of a step's records. */
export const failuresOf = async (queries: Queries, replay: string, { from, to }: Step): Promise<Failures> =>
  (
    await queries.query<Failures>(
      `select count(*) filter (where state = 'rejected') as rejected, count(judged_at) as judged
       from replay_item where replay = $1 and seq >= $2 and seq < $3`,
      [replay, from, to],
    )
  )[0]!;

/** Of the last 200 verdicts. */
export const lastFailures = async (queries: Queries, replay: string): Promise<Failures> =>
  (
    await queries.query<Failures>(
      `select count(*) filter (where state = 'rejected') as rejected, count(*) as judged
       from (
         select state from replay_item where replay = $1 and judged_at is not null
         order by judged_at desc limit ${LOOK_BACK}
       ) last`,
      [replay],
    )
  )[0]!;
