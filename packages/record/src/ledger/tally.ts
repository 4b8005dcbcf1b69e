/** What one station has done, summed over its live parts. */
import { PREVIEWED } from '../names.ts';
import type { PlacedPart } from './chain.ts';
import type { LedgerPart } from './entry.ts';
import type { StationKind, StationTotals } from './reconciliation.ts';

class Sums {
  pass = 0;
  drop = 0;
  reject = 0;
  previewed = 0;
  readonly outcomes = { written: 0, unchanged: 0, superseded: 0, conflicts: 0 };

  add({ pass, drop, reject, runs, outcomes }: LedgerPart): void {
    const dry = runs.reduce((sum, { code, count }) => (code === PREVIEWED ? sum + count : sum), 0);
    this.pass += pass;
    this.drop += drop - dry;
    this.reject += reject;
    this.previewed += dry;
    if (outcomes === null) return;
    this.outcomes.written += outcomes.written;
    this.outcomes.unchanged += outcomes.unchanged;
    this.outcomes.superseded += outcomes.superseded;
    this.outcomes.conflicts += outcomes.conflicts;
  }

  totals(kind: StationKind) {
    const { pass, drop, reject, previewed, outcomes } = this;
    const received = pass + drop + reject + previewed;
    return { received, ...(kind === 'loader' ? outcomes : { passed: pass }), dropped: drop, rejected: reject };
  }
}

export class StationTally {
  #input = new Sums();
  #replays = new Sums();
  #first: number | null = null;
  #last: number | null = null;

  /** @param replayed the part is of the station's replay topic; it counts by itself. */
  add({ at, part }: PlacedPart, replayed: boolean): void {
    (replayed ? this.#replays : this.#input).add(part);
    if (replayed) return;
    if (this.#first === null || at < this.#first) this.#first = at;
    if (this.#last === null || at > this.#last) this.#last = at;
  }

  totals(kind: StationKind, inFlight: number, replaysInFlight: number): StationTotals {
    const { previewed } = this.#replays;
    return {
      kind,
      ...this.#input.totals(kind),
      inFlight,
      replays: { ...this.#replays.totals(kind), previewed, inFlight: replaysInFlight },
      first: this.#first,
      last: this.#last,
    };
  }
}
