/** Where a station goes on with an input partition, and what counts of what was done before (invariant 2). */
import { findPart, type PlacedPart } from './chain.ts';
import type { CommitMark, LedgerRef } from './entry.ts';

export interface ResumeInput {
  /**
   * All parts of this station, input topic and partition, sorted by ledger position. They may be left out ([]) when
   * there is a committed offset and the mark is ours: a station need not read the ledger then.
   */
  parts: readonly PlacedPart[];
  /** The group's committed offset; undefined when there is none. */
  committed: number | undefined;
  /** The commit's metadata, parsed; undefined when it is not ours. */
  mark: CommitMark | undefined;
  /** The first offset still in the input topic; undefined for an extractor, which can read its source again. */
  low: number | undefined;
}

export type Resume =
  /**
   * Nothing was ever done here: start at the topic's beginning or end, as configured, with `prev` null. Commit the
   * chosen offset with the mark `q1:-:0` before anything is produced: without it, a crash between the first entry and
   * the first commit could not be told from a lost position.
   */
  | { kind: 'begin' }
  /** The position is ours. `from` is the next part's, `prev` its predecessor. */
  | { kind: 'continue'; offset: number; from: number; prev: LedgerRef | null; attempts: number }
  /**
   * Another tool set the position. Parts live or die whole, so it is taken back to the nearest end of a part (of several
   * that end there, the newest). Commit `offset` with the mark of `prev` before anything is produced; what that chain
   * does not hold is dead from then on.
   */
  | { kind: 'rewound'; offset: number; from: number; prev: LedgerRef | null }
  /**
   * OFFSETS_LOST: nobody judged `from` up to `to`, and going on would skip them. Stop; when an operator accepts, write an
   * `expired` part of this interval after `prev`, then commit `to` with its mark. The interval is empty when only the
   * position is lost.
   */
  | { kind: 'lost'; reason: 'expired' | 'skipped' | 'no position'; from: number; to: number; prev: LedgerRef | null };

/** Pure, and the same for a station at assignment and for the fold, so that both always agree on what counts. */
export function resume({ parts, committed, mark, low }: ResumeInput): Resume {
  const retired = committed === undefined ? retiredAt(parts) : undefined;
  const at = committed ?? retired?.part.commit;
  if (at === undefined) {
    const tip = furthest(parts);
    if (tip === undefined) return { kind: 'begin' };
    const { to } = tip.part;
    return { kind: 'lost', reason: 'no position', from: to, to: Math.max(to, low ?? to), prev: tip.ref };
  }
  const found = place(parts, at, retired === undefined ? mark : { ref: retired.ref, attempts: 0 });
  if (found.kind === 'begin') return found;
  // An extractor's offsets are not its items: it goes on after its last part, and nothing is lost but the position.
  if (found.kind === 'lost')
    return low === undefined ? { ...found, to: found.from } : { ...found, to: Math.max(found.to, low) };
  if (low === undefined || found.from >= low) return found;
  return { kind: 'lost', reason: 'expired', from: found.from, to: low, prev: found.prev };
}

function place(parts: readonly PlacedPart[], committed: number, mark: CommitMark | undefined): Resume {
  if (mark !== undefined) {
    const { ref, attempts } = mark;
    const named = ref === null ? undefined : findPart(parts, ref);
    // A mark beside an offset that is not its part's was carried along by another tool.
    if (named === undefined) return { kind: 'continue', offset: committed, from: committed, prev: ref, attempts };
    if (named.part.commit === committed) {
      return { kind: 'continue', offset: committed, from: named.part.to, prev: ref, attempts };
    }
  }
  const tip = furthest(parts);
  if (tip !== undefined && tip.part.commit < committed) {
    return { kind: 'lost', reason: 'skipped', from: tip.part.to, to: committed, prev: tip.ref };
  }
  // Any part is the end of a history without gaps, so the nearest will do; a later one can only be nearer.
  const near = furthest(parts.filter(({ part }) => part.commit <= committed));
  if (near !== undefined) return { kind: 'rewound', offset: near.part.commit, from: near.part.to, prev: near.ref };
  const starts = parts.filter(({ part }) => part.prev === null && part.from <= committed);
  const start = starts.length === 0 ? committed : starts.reduce((most, { part }) => Math.max(most, part.from), 0);
  return { kind: 'rewound', offset: start, from: start, prev: null };
}

/**
 * The part that stands for the position of a removed station: its group is gone, and nothing was done since. A station
 * that comes back under its name goes on behind it.
 */
export function retiredAt(parts: readonly PlacedPart[]): PlacedPart | undefined {
  const tip = furthest(parts);
  return tip?.part.kind === 'retired' ? tip : undefined;
}

/** The part that ends furthest; of several the newest. */
function furthest(parts: readonly PlacedPart[]): PlacedPart | undefined {
  let tip: PlacedPart | undefined;
  for (const at of parts) if (tip === undefined || at.part.commit >= tip.part.commit) tip = at;
  return tip;
}
