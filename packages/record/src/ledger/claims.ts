/** Who claims which offsets of the output topics: intervals, sorted once, searched by halves. */
import type { PlacedPart } from './chain.ts';
import type { FindingList } from './findings.ts';
import { PartitionMap } from './partition-map.ts';
import type { OffsetRange } from './reconciliation.ts';

/** A claimed interval and the live part that claims it. */
export interface Claimant {
  from: number;
  to: number;
  group: string;
  at: PlacedPart;
}

export class ClaimIndex {
  #claims = new PartitionMap<Claimant[]>();

  /** Takes the claims of a live part, dead letters too. */
  add(group: string, at: PlacedPart): void {
    for (const { topic, partition, offset, count } of at.part.claims)
      this.#add(topic, partition, offset, count, group, at);
    for (const { deadLetter, count } of at.part.runs) {
      if (deadLetter !== null) this.#add(deadLetter.topic, deadLetter.partition, deadLetter.offset, count, group, at);
    }
  }

  #add(topic: string, partition: number, from: number, count: number, group: string, at: PlacedPart): void {
    if (count <= 0) return;
    this.#claims.getOrMake(topic, partition, () => []).push({ from, to: from + count, group, at });
  }

  /** Sorts, once all are added, and reports offsets that two parts claim. */
  sort(findings: FindingList): void {
    for (const [topic, partition, claims] of this.#claims) {
      claims.sort((a, b) => a.from - b.from);
      let last: Claimant | undefined;
      for (const claim of claims) {
        if (last !== undefined && claim.from < last.to) {
          const to = Math.min(claim.to, last.to);
          findings.add(null, topic, partition, claim.from, to, `claimed twice, by ${last.group} and by ${claim.group}`);
        }
        if (last === undefined || claim.to > last.to) last = claim;
      }
    }
  }

  topics(): Iterable<string> {
    return this.#claims.topics();
  }

  /** Topic, partition, first offset, end (exclusive) and sum of the claims on each partition. */
  *extents(): Generator<[string, number, number, number, number]> {
    for (const [topic, partition, claims] of this.#claims) {
      let to = 0;
      let count = 0;
      for (const claim of claims) {
        to = Math.max(to, claim.to);
        count += claim.to - claim.from;
      }
      yield [topic, partition, claims[0]!.from, to, count];
    }
  }

  of(topic: string, partition: number): readonly Claimant[] {
    return this.#claims.get(topic, partition) ?? [];
  }

  /** The claim an offset lies in. */
  find(topic: string, partition: number, offset: number): Claimant | undefined {
    const claims = this.of(topic, partition);
    let low = 0;
    let high = claims.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (claims[middle]!.from <= offset) low = middle + 1;
      else high = middle;
    }
    const claim = claims[low - 1];
    return claim !== undefined && offset < claim.to ? claim : undefined;
  }

  /** What nobody claims between `from` and `to`. */
  unclaimed(topic: string, partition: number, from: number, to: number): OffsetRange[] {
    const ranges: OffsetRange[] = [];
    let next = from;
    for (const claim of this.of(topic, partition)) {
      if (claim.from > next) ranges.push({ topic, partition, from: next, to: Math.min(claim.from, to) });
      next = Math.max(next, claim.to);
      if (next >= to) break;
    }
    if (next < to) ranges.push({ topic, partition, from: next, to });
    return ranges.filter((range) => range.to > range.from);
  }
}
