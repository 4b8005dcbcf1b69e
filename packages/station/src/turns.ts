import type { Judge } from './judge.ts';

/** One at a time, in the order of asking: the station's two loops share one judge, its lookups and its target's connections. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Runs `work` once all that asked before have ended, however they ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work, work);
    this.last = turn.catch(() => {});
    return turn;
  }
}

/** The same judge, judging only in its turn. */
export const inTurns = (judge: Judge, turns: Turns): Judge => ({
  open: () => judge.open(),
  judge: (round, intake, dryRun) => turns.take(() => judge.judge(round, intake, dryRun)),
  close: () => judge.close(),
});
