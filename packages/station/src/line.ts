/** Stop the line: when too many of the last records were rejected, the cause is not the records. */
import { Fault } from '@quadrille/record';
import { REJECT, type Round } from './round.ts';

export class Line {
  private readonly rejects: number;
  /** 1 for a reject, by arrival; a ring. */
  private readonly window: Uint8Array;
  private at = 0;
  private count = 0;

  /** Trips when more than `rejects` of the last `of` records were rejected. */
  constructor({ rejects, of }: { rejects: number; of: number }) {
    this.rejects = rejects;
    this.window = new Uint8Array(of);
  }

  /** Takes the verdicts of a round, in its order. @returns where it trips: slice and record index, or undefined. */
  watch(round: Round): { slice: number; index: number } | undefined {
    for (let s = 0; s < round.slices.length; s++) {
      const { verdicts } = round.slices[s]!;
      for (let i = 0; i < verdicts.length; i++) {
        const reject = verdicts[i] === REJECT ? 1 : 0;
        this.count += reject - this.window[this.at]!;
        this.window[this.at] = reject;
        this.at = this.at + 1 === this.window.length ? 0 : this.at + 1;
        if (this.count > this.rejects) return { slice: s, index: i };
      }
    }
    return undefined;
  }

  reset(): void {
    this.window.fill(0);
    this.count = 0;
  }

  /** Why the station stands still, for the control topic. */
  fault(last: Fault | string | undefined): Fault {
    const detail = `more than ${this.rejects} of the last ${this.window.length} records`;
    const code = last instanceof Fault ? `, the last one ${last.code}` : '';
    return new Fault('LINE_STOPPED', detail + code);
  }
}
