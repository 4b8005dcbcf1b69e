/** How many rows are asked for at once, so that a batch stays bounded in bytes whatever a row weighs. */

/** What a batch may weigh, as text. */
const BYTES = 8_388_608;
/** Of rows that are not known yet. */
const FIRST = 500;

export class BatchSize {
  #rows = FIRST;

  /** @param max no more than that. */
  next(max: number): number {
    return Math.max(1, Math.min(max, this.#rows));
  }

  learn(rows: readonly (readonly (string | null)[])[]): void {
    if (rows.length === 0) return;
    let bytes = 0;
    for (const row of rows) for (const value of row) bytes += value?.length ?? 0;
    // Half of what came, half of what was thought: one heavy batch does not last.
    const fitting = Math.floor(BYTES / Math.max(1, bytes / rows.length));
    this.#rows = Math.max(1, Math.floor(fitting < this.#rows ? fitting : (this.#rows + fitting) / 2));
  }
}
