/** The list of what does not add up. It stays short when everything is wrong at once. */
import { getOrMake } from './partition-map.ts';
import type { Finding } from './reconciliation.ts';

const LISTED = 1_000;

export class FindingList {
  readonly listed: Finding[] = [];
  /** Records in question, also of findings that are no longer listed. */
  records = 0;
  #places = new Map<string, Set<number>>();

  /**
   * @param what goes on after `station: topic[partition] offsets a-b: `, e.g. `judged by nobody`.
   * @param to exclusive; equal to `from` when only a position is meant.
   */
  add(
    station: string | null,
    topic: string,
    partition: number,
    from: number,
    to: number,
    what: string,
    records = to - from,
  ): void {
    const count = Math.max(1, records);
    this.records += count;
    getOrMake(this.#places, topic, () => new Set<number>()).add(partition);
    if (this.listed.length === LISTED) return;
    const offsets = to - from > 1 ? `offsets ${from}-${to - 1}` : `offset ${from}`;
    const text = `${station === null ? '' : `${station}: `}${topic}[${partition}] ${offsets}: ${what}`;
    this.listed.push({ station, topic, partition, from, to, records: count, text });
  }

  /** Whether anything was found on this partition. */
  touches(topic: string, partition: number): boolean {
    return this.#places.get(topic)?.has(partition) ?? false;
  }
}
