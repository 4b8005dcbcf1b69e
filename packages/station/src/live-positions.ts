/** Which of the positions that an extractor's instances have put down count. */
import { type LedgerRef, liveChain, type PlacedPart } from '@quadrille/record';

/**
 * The positions on a chain: each part's stands just below its commit. What an attempt that did not count has left
 * between them must not be read back: a zombie's late position of a shard that its heir has finished would have the
 * rest of that shard extracted a second time.
 * @param parts all of the partition, sorted by ledger position. @param tip the chain's last part.
 * @returns undefined when the ledger does not hold the chain, because it is switched off: then all count.
 */
export function livePositions(parts: readonly PlacedPart[], tip: LedgerRef | null): Set<number> | undefined {
  const chain = liveChain(parts, tip);
  if (chain.breaks.some(({ kind }) => kind === 'missing')) return undefined;
  return new Set(chain.parts.map(({ part }) => part.commit - 1));
}
