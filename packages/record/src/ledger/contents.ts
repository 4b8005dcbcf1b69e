/** What stands in one partition of a topic: claimed offsets by the ledger, the others by reading them. */
import type { ClaimIndex } from './claims.ts';
import type { FindingList } from './findings.ts';
import type { OffsetRange, TopicContents, Watermark } from './reconciliation.ts';

/** What an unclaimed record turned out to be. */
export type Origin = 'duplicate' | 'stray' | 'provisional' | 'foreign';

export const nothing = (): TopicContents => ({
  claimed: 0,
  duplicate: 0,
  stray: 0,
  foreign: 0,
  provisional: 0,
  unreadable: 0,
});

export const sumOf = (contents: TopicContents): number =>
  contents.claimed +
  contents.duplicate +
  contents.stray +
  contents.foreign +
  contents.provisional +
  contents.unreadable;

export function addTo(total: TopicContents, contents: TopicContents): void {
  total.claimed += contents.claimed;
  total.duplicate += contents.duplicate;
  total.stray += contents.stray;
  total.foreign += contents.foreign;
  total.provisional += contents.provisional;
  total.unreadable += contents.unreadable;
}

export class PartitionContents {
  readonly watermark: Watermark;
  /** In the log and claimed by nobody: to be read, in this order. */
  readonly unclaimed: readonly OffsetRange[];
  readonly counts = nothing();
  readonly strays: OffsetRange[] = [];
  #toRead = 0;
  #read = 0;
  #at = 0;
  #lastRead = -1;

  /** @param produced whether any station of ours produces here; where none does, everything is foreign and nothing is read. */
  constructor(watermark: Watermark, claims: ClaimIndex, produced: boolean, findings: FindingList) {
    this.watermark = watermark;
    const { topic, partition, low, high } = watermark;
    this.unclaimed = produced ? claims.unclaimed(topic, partition, low, high) : [];
    for (const range of this.unclaimed) this.#toRead += range.to - range.from;
    if (!produced) this.counts.foreign = high;
    else
      for (const range of claims.unclaimed(topic, partition, 0, low)) this.counts.unreadable += range.to - range.from;
    for (const { from, to, group } of claims.of(topic, partition)) {
      this.counts.claimed += to - from;
      if (to > high)
        findings.add(
          null,
          topic,
          partition,
          Math.max(from, high),
          to,
          `claimed by ${group}, but the topic ends at ${high}: the broker has lost acknowledged records`,
        );
    }
  }

  /** Whether this offset is still to be classified. Offsets come in rising order; others, and repeated ones, are not expected. */
  expects(offset: number): boolean {
    if (offset <= this.#lastRead) return false;
    while (this.#at < this.unclaimed.length && this.unclaimed[this.#at]!.to <= offset) this.#at++;
    const range = this.unclaimed[this.#at];
    return range !== undefined && range.from <= offset;
  }

  /** Counts an offset that was expected. */
  count(offset: number, origin: Origin): void {
    this.#lastRead = offset;
    this.#read++;
    this.counts[origin]++;
    if (origin !== 'stray') return;
    const last = this.strays.at(-1);
    if (last?.to === offset) last.to++;
    else
      this.strays.push({
        topic: this.watermark.topic,
        partition: this.watermark.partition,
        from: offset,
        to: offset + 1,
      });
  }

  /** Contents after reading: offsets that were to be read and did not come are not in the log. */
  finish(sparse: boolean, findings: FindingList): TopicContents {
    const missing = this.#toRead - this.#read;
    if (missing > 0 && !sparse) {
      const { topic, partition } = this.watermark;
      const from = this.unclaimed[0]!.from;
      const to = this.unclaimed.at(-1)!.to;
      findings.add(
        null,
        topic,
        partition,
        from,
        to,
        `${missing} unclaimed offsets could not be read, and nothing compacts the topic`,
        missing,
      );
    }
    return { ...this.counts, unreadable: this.counts.unreadable + missing };
  }
}
