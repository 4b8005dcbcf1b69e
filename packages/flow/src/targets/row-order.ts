/** Which of two rows stands: the rule every target keeps to, in a batch and against what it holds (invariant 6). */
import { hash } from 'node:crypto';
import type { Outcome, TargetRow } from '../target.ts';

/**
 * 16 bytes, a character for each: what tells equal content at one version from other content. The first half of SHA-256:
 * half a microsecond a record with the processor's own instructions, no code of ours, and allowed where MD5 is not.
 */
export const contentHash = (bytes: Buffer): string => hash('sha256', bytes, 'binary').slice(0, 16);

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

/** Which rows take each other's place: those of one id; of one id and version; of one id, version and revision. */
export type Rival = 'id' | 'version' | 'revision';

export interface Fold {
  /** One row of each rivals, in their order by id (UTF-16 code units), version, revision: the same for every instance, which avoids deadlocks. */
  winners: TargetRow[];
  /** For each row of the batch, which winner has its place. */
  winnerOf: Int32Array;
  /** For each row of the batch, its outcome if every winner is written. */
  outcomes: Outcome[];
}

/** Folds a batch to one row of each rivals, as if its rows were written one after the other. */
export function foldRows(rows: readonly TargetRow[], rival: Rival = 'id'): Fold {
  const compare = COMPARE[rival];
  const order = Array.from(rows, (_, i) => i).sort(
    (a, b) => compare(rows[a] as TargetRow, rows[b] as TargetRow) || a - b,
  );
  const winners: TargetRow[] = [];
  const winnerOf = new Int32Array(rows.length);
  const outcomes: Outcome[] = new Array(rows.length).fill('written');
  let standing = -1;
  for (const i of order) {
    const row = rows[i] as TargetRow;
    const winner = winners[winners.length - 1];
    if (winner === undefined || compare(winner, row) !== 0) {
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

const byId = (a: TargetRow, b: TargetRow): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const byVersion = (a: TargetRow, b: TargetRow): number =>
  byId(a, b) || (a.version < b.version ? -1 : a.version > b.version ? 1 : 0);
const COMPARE: Readonly<Record<Rival, (a: TargetRow, b: TargetRow) => number>> = {
  id: byId,
  version: byVersion,
  revision: (a, b) => byVersion(a, b) || a.revision - b.revision,
};

const sameBytes = (a: TargetRow, b: TargetRow): boolean =>
  a.bytes === null || b.bytes === null ? a.bytes === b.bytes : a.bytes.equals(b.bytes);
