/** A target that only remembers: rows by id, decided by the rule that every target keeps to (invariant 6). */
import { type Outcome, outcomeAgainst, type Target, type TargetRow } from '@quadrille/flow';

export class MemoryTarget implements Target {
  /** What stands, deleted rows with value null; in the order in which ids were first written. */
  readonly rows = new Map<string, TargetRow>();

  async open(): Promise<void> {}

  async write(rows: TargetRow[]): Promise<Outcome[]> {
    return rows.map((row) => {
      const standing = this.rows.get(row.id);
      const outcome = standing === undefined ? 'written' : outcomeAgainst(standing, row, sameContent(standing, row));
      if (outcome === 'written') this.rows.set(row.id, row);
      return outcome;
    });
  }

  async close(): Promise<void> {}
}

const sameContent = ({ bytes: a }: TargetRow, { bytes: b }: TargetRow): boolean =>
  a === null || b === null ? a === b : a.equals(b);
