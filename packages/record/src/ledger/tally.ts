/** What one station has done, summed over its live parts. */
import type { PlacedPart } from './chain.ts';
import type { StationKind, StationTotals } from './reconciliation.ts';

export class StationTally {
  #pass = 0;
  #drop = 0;
  #reject = 0;
  #written = 0;
  #unchanged = 0;
  #superseded = 0;
  #conflicts = 0;
  #first: number | null = null;
  #last: number | null = null;

  add({ at, part }: PlacedPart): void {
    this.#pass += part.pass;
    this.#drop += part.drop;
    this.#reject += part.reject;
    if (part.outcomes !== null) {
      this.#written += part.outcomes.written;
      this.#unchanged += part.outcomes.unchanged;
      this.#superseded += part.outcomes.superseded;
      this.#conflicts += part.outcomes.conflicts;
    }
    if (this.#first === null || at < this.#first) this.#first = at;
    if (this.#last === null || at > this.#last) this.#last = at;
  }

  totals(kind: StationKind, inFlight: number): StationTotals {
    const rest = { dropped: this.#drop, rejected: this.#reject, inFlight, first: this.#first, last: this.#last };
    const received = this.#pass + this.#drop + this.#reject;
    if (kind !== 'loader') return { kind, received, passed: this.#pass, ...rest };
    return {
      kind,
      received,
      written: this.#written,
      unchanged: this.#unchanged,
      superseded: this.#superseded,
      conflicts: this.#conflicts,
      ...rest,
    };
  }
}
