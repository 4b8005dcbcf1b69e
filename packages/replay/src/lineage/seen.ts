/** Records of a flow as they stand in its topics, without their values: who they are and what they were made from. */
import { HEADER, type OffsetRange, partitionOf, unpackHeader } from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import type { Placed } from '../api/index.ts';
import type { KafkaRecord } from '../follow/letter-row.ts';
import type { Ground } from '../model.ts';

export interface Seen {
  place: Placed;
  id: string;
  version: bigint;
  revision: number;
  /** The record that it was made from; null at the beginning of its way. */
  from: Placed | null;
  /** ms since the epoch: when it was extracted; of a record of another system its own timestamp. */
  at: number;
}

type Reading = Pick<Ground, 'kafka' | 'admin'>;

export const placeText = ({ topic, partition, offset }: Placed): string => `${topic}/${partition}/${offset}`;

/**
 * All records of an id that are still in these topics. Looks where a record keyed by its id stands, and reads everything
 * only when nothing is there: takes as long as reading a partition of each topic, or all of them.
 * @throws Fault of class `dependency`
 */
export async function findRecords(ground: Reading, topics: readonly string[], id: string): Promise<Seen[]> {
  const partitions = await ground.admin.partitions(topics);
  const key = Buffer.from(id);
  const byKey = [...partitions].map(([topic, count]) => ({ topic, partition: partitionOf(key, count) }));
  const matches = (seen: Seen): boolean => seen.id === id;
  const there = await read(ground, byKey, matches);
  if (there.length > 0) return there;
  const elsewhere = [...partitions].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })).filter(
      ({ partition }) => partition !== partitionOf(key, count),
    ),
  );
  return read(ground, elsewhere, matches);
}

/** Records at given places, without those that are no longer in the log. @throws Fault of class `dependency` */
export async function recordsAt(ground: Reading, places: readonly Placed[]): Promise<Seen[]> {
  const wanted = new Set(places.map(placeText));
  return read(ground, places, ({ place }) => wanted.has(placeText(place)));
}

/** `offset`: that record alone; without it the whole partition. */
async function read(
  { kafka, admin }: Reading,
  wanted: readonly { topic: string; partition: number; offset?: number }[],
  matches: (seen: Seen) => boolean,
): Promise<Seen[]> {
  const existing = await admin.partitions([...new Set(wanted.map(({ topic }) => topic))]);
  const ranges: OffsetRange[] = [];
  for (const [topic, of] of Map.groupBy(wanted, (each) => each.topic)) {
    if (!existing.has(topic)) continue;
    const bounds = await admin.bounds(topic);
    for (const { partition, offset } of of) {
      const { low, high } = bounds[partition] ?? { low: 0, high: 0 };
      const from = Math.max(low, offset ?? low);
      const to = Math.min(high, offset === undefined ? high : offset + 1);
      if (from < to) ranges.push({ topic, partition, from, to });
    }
  }
  const found: Seen[] = [];
  if (ranges.length === 0) return found;
  ranges.sort((a, b) => a.from - b.from);
  await readRanges(kafka, ranges, (topic, partition, message) => {
    const seen = seenOf(topic, partition, message);
    if (matches(seen)) found.push(seen);
  });
  return found;
}

/** A record of another system has its key as id, and its place as version. */
function seenOf(topic: string, partition: number, { offset, key, headers, timestamp }: KafkaRecord): Seen {
  const place = { topic, partition, offset: Number(offset) };
  const header = headers?.[HEADER];
  if (Buffer.isBuffer(header)) {
    try {
      const { id, version, revision, extractedAt, from } = unpackHeader(header, key);
      const origin = from && { topic: from.topic, partition: from.partition, offset: from.offset };
      return { place, id, version, revision, from: origin ?? null, at: extractedAt };
    } catch {
      // Not a header of ours, so it is told by its key like any other system's record.
    }
  }
  const id = key?.toString('utf8') ?? '';
  return { place, id, version: BigInt(offset), revision: 0, from: null, at: Number(timestamp) };
}
