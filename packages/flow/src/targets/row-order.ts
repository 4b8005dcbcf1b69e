/** Which of two rows of one id stands: the rule every target keeps to, in a batch and against what it holds (invariant 6). */
import type { Outcome, TargetRow } from '../target.ts';

/** What is known of a row that stands. */
export type Standing = Pick<TargetRow, 'version' | 'revision' | 'topic' | 'partition' | 'offset'>;

/**
 * What becomes of a row where another of its id stands: the higher (version, revision) wins; at the same, equal content
 * is unchanged, and of different content that of the higher offset in one partition wins. Between partitions, or at one
 * offset, nobody can tell: conflict.
 */
export function outcomeAgainst(standing: Standing, row: TargetRow, sameContent: boolean): Outcome {
  if (row.version !== standing.version) return row.version > standing.version ? 'written' : 'superseded';
  if (row.revision !== standing.revision) return row.revision > standing.revision ? 'written' : 'superseded';
  if (sameContent) return 'unchanged';
  if (row.partition !== standing.partition || row.topic !== standing.topic || row.offset === standing.offset)
    return 'conflict';
  return row.offset > standing.offset ? 'written' : 'superseded';
}

export interface Fold {
  /** One row an id, in the order of their ids (UTF-16 code units): the same for every instance, which avoids deadlocks. */
  winners: TargetRow[];
  /** For each row of the batch, which winner has its id. */
  winnerOf: Int32Array;
  /** For each row of the batch, its outcome if every winner is written. */
  outcomes: Outcome[];
}

/** Folds a batch by id, as if its rows were written one after the other. */
export function foldRows(rows: readonly TargetRow[]): Fold {
  const order = Array.from(rows, (_, i) => i).sort((a, b) => {
    const left = (rows[a] as TargetRow).id;
    const right = (rows[b] as TargetRow).id;
    return left < right ? -1 : left > right ? 1 : a - b;
  });
  const winners: TargetRow[] = [];
  const winnerOf = new Int32Array(rows.length);
  const outcomes: Outcome[] = new Array(rows.length).fill('written');
  let standing = -1;
  for (const i of order) {
    const row = rows[i] as TargetRow;
    const winner = winners[winners.length - 1];
    if (winner === undefined || winner.id !== row.id) {
      winners.push(row);
      standing = i;
    } else {
      const outcome = outcomeAgainst(winner, row, sameBytes(winner, row));
      if (outcome === 'written') {
        outcomes[standing] = 'superseded';
        winners[winners.length - 1] = row;
        standing = i;
      } else {
        outcomes[i] = outcome;
      }
    }
    winnerOf[i] = winners.length - 1;
  }
  return { winners, winnerOf, outcomes };
}

const sameBytes = (a: TargetRow, b: TargetRow): boolean =>
  a.bytes === null || b.bytes === null ? a.bytes === b.bytes : a.bytes.equals(b.bytes);
