/** A lookup that is asked, without anybody to ask: its rows stand in the trial. */
import type { AnswerRow, Asked } from '@quadrille/flow';

export class MemoryLookup implements Asked {
  readonly #rows: readonly AnswerRow[];

  /** @param rows as JSON; the first that fits is found. */
  constructor(rows: readonly AnswerRow[]) {
    this.#rows = rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, typeof value === 'number' ? String(value) : value]),
      ),
    );
  }

  async open(): Promise<void> {}

  async ask(keys: readonly Readonly<Record<string, unknown>>[]): Promise<(AnswerRow | undefined)[]> {
    return keys.map((key) =>
      this.#rows.find((row) => Object.entries(key).every(([name, value]) => String(row[name]) === String(value))),
    );
  }

  async close(): Promise<void> {}
}
