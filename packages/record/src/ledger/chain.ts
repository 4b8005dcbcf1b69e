/**
 * The chain of parts that counts. Every part is true of the attempt that wrote it: its outputs had been acknowledged
 * before it was written. What is decided here is only which attempts count: those that the committed part leads back to.
 */
import type { LedgerEntry, LedgerPart, LedgerRef } from './entry.ts';

/** An entry with where it stands in the ledger topic. */
export interface PlacedEntry {
  partition: number;
  offset: number;
  entry: LedgerEntry;
}

/** A part with where it stands, and when its entry was written (ms since the epoch). */
export interface PlacedPart {
  ref: LedgerRef;
  at: number;
  part: LedgerPart;
}

/** Order of ledger positions: partition, offset, part. */
export const compareRefs = (a: LedgerRef, b: LedgerRef): number =>
  a.partition - b.partition || a.offset - b.offset || a.part - b.part;

/** The part at a ledger position. `parts` are sorted by `compareRefs`. */
export function findPart(parts: readonly PlacedPart[], ref: LedgerRef): PlacedPart | undefined {
  let low = 0;
  let high = parts.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareRefs(parts[middle]!.ref, ref);
    if (order === 0) return parts[middle];
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** Why a chain does not hold together. */
export type ChainBreak =
  /** Nobody judged `from` up to `to`: the part before ends at `from`, the next begins at `to`. */
  | { kind: 'gap'; from: number; to: number }
  /** Two live parts judged `from` up to `to`. */
  | { kind: 'overlap'; from: number; to: number }
  /** The chain names a part that is not in the ledger; what is missing lies before `to`. */
  | { kind: 'missing'; ref: LedgerRef; to: number };

export interface LiveChain {
  /** In input order; without breaks each begins where the one before ends. */
  parts: PlacedPart[];
  breaks: ChainBreak[];
}

/**
 * Walks back by `prev`. `parts`: all parts of one station, input topic and partition, sorted by ledger position.
 * Ends whatever was written: a chain is never longer than the parts there are.
 */
export function liveChain(parts: readonly PlacedPart[], tip: LedgerRef | null): LiveChain {
  const chain: PlacedPart[] = [];
  const breaks: ChainBreak[] = [];
  let next: PlacedPart | undefined;
  for (let ref = tip; ref !== null; ) {
    const found = findPart(parts, ref);
    if (found === undefined || chain.length === parts.length) {
      breaks.push({ kind: 'missing', ref, to: next?.part.from ?? 0 });
      break;
    }
    if (next !== undefined && found.part.to < next.part.from) {
      breaks.push({ kind: 'gap', from: found.part.to, to: next.part.from });
    } else if (next !== undefined && found.part.to > next.part.from) {
      breaks.push({ kind: 'overlap', from: next.part.from, to: found.part.to });
    }
    chain.push(found);
    next = found;
    ref = found.part.prev;
  }
  return { parts: chain.reverse(), breaks: breaks.reverse() };
}
