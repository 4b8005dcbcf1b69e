/** The records that a query fails on, found within one budget of time. */
import { type Batch, isolate } from '../isolate.ts';

/**
 * Time that counts only while this process works: one that was stopped for a minute, or waited for a busy machine's
 * processor, has not used it up. Work that computes is charged what it computes, and never more than its duration.
 */
export class Budget {
  #left: number;
  /** @param ms all there is. */
  constructor(ms: number) {
    this.#left = ms;
  }

  get left(): number {
    return this.#left;
  }

  /**
   * Waits for `work` and charges its time. When it takes longer than `limit` ms, `interrupt` is called, and again until
   * the work is over.
   */
  async run<T>(limit: number, work: () => Promise<T>, interrupt: () => void): Promise<T> {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const used = (): number => {
      const { user, system } = process.cpuUsage(cpu);
      return Math.min(performance.now() - start, (user + system) / 1000);
    };
    const timer = setInterval(
      () => {
        if (used() >= limit) interrupt();
      },
      Math.max(5, Math.min(100, limit / 10)),
    );
    try {
      return await work();
    } finally {
      clearInterval(timer);
      this.#left -= used();
    }
  }
}

export interface TimedBatch<P> extends Batch<P> {
  /** Ends the attempt under way. */
  interrupt(): void;
  /** A row that was not tried alone before the time was up. */
  expire(row: number): void;
}

/** No piece gets less, ms: a good one takes a few. */
const LEAST = 50;
/** A row alone, before it is called endless. */
const LEAST_ALONE = 250;
/** A piece may be this much slower than the slowest that went well. */
const SLACK = 20;

/** What remembers how long a row takes when all is well, ms; from round to round. */
export interface Pace {
  slowest: number;
}

/**
 * @param count rows 0 to count-1; each is handled, blamed or expired, in this order of preference, when it returns.
 * @param pace what good pieces took so far; updated.
 */
export async function isolateWithin<P>(
  budgetMs: number,
  pace: Pace,
  count: number,
  { attempt, interrupt, blame, expire }: TimedBatch<P>,
): Promise<void> {
  const budget = new Budget(budgetMs);
  let undecided = count;
  await isolate<P>(count, {
    blame,
    attempt: async (from, to) => {
      if (budget.left <= 0) {
        for (let row = from; row < to; row++) expire(row);
        return undefined;
      }
      const size = to - from;
      const before = budget.left;
      const limit = size === count ? wholeLimit(count, before) : limitOf(size, undecided, before, pace);
      const problem = await budget.run(limit, () => attempt(from, to), interrupt);
      if (problem === undefined && (size * 16 >= count || pace.slowest === 0))
        pace.slowest = Math.max(pace.slowest * 0.9, (before - budget.left) / size);
      if (problem === undefined || size === 1) undecided -= size;
      return problem;
    },
  });
}

/** A quarter of what there is, so that an endless query leaves time to find whose fault it is; a row alone has all of it. */
const wholeLimit = (count: number, left: number): number => (count === 1 ? left : left / 4);

/**
 * At most a quarter of what is left; less, once it is known how long such a piece takes. A row alone has its share of
 * what is left for all that are undecided, so that a slow one is not called endless while there is time.
 */
function limitOf(size: number, undecided: number, left: number, pace: Pace): number {
  const quarter = left / 4;
  if (pace.slowest === 0) return quarter;
  const least = size === 1 ? Math.max(LEAST_ALONE, left / (undecided + 1)) : LEAST;
  return Math.min(quarter, Math.max(least, SLACK * pace.slowest * size));
}
