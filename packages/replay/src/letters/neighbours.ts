/** Records of the same key around a dead letter's own place in its topic. */
import { Fault, HEADER, unpackHeader } from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import type { DeadLetterDetail } from '../api/index.ts';
import { livePartsAt, verdictIn } from '../lineage/parts.ts';
import type { Ground } from '../model.ts';
import { isRaw } from './decode.ts';
import type { ValueRow } from './values.ts';

export type Neighbour = DeadLetterDetail['before'][number];

/** Records that are read on both sides together. */
const AROUND = 5_000;
/** Shown on each side. */
const SHOWN = 5;

const NONE = { before: [], after: [] };

/**
 * Up to five on each side, in order of their offsets, among the 5,000 records around it. None for items of an extractor
 * and for records without a key, and while Kafka cannot be read: what else is known is still to be seen.
 */
export async function neighboursOf(
  { database, kafka, admin }: Pick<Ground, 'database' | 'kafka' | 'admin'>,
  row: ValueRow,
): Promise<{ before: Neighbour[]; after: Neighbour[] }> {
  const { key, source_topic: topic, source_partition: partition, source_offset: offset } = row;
  if (key === null || isRaw(row)) return NONE;
  const found: Omit<Neighbour, 'verdict'>[] = [];
  try {
    // Asked first: Kafka's client tries for seconds to find a topic that is gone.
    if (!(await admin.partitions([topic])).has(topic)) return NONE;
    const bounds = (await admin.bounds(topic))[partition];
    if (bounds === undefined) return NONE;
    const from = Math.max(bounds.low, offset - AROUND / 2);
    const to = Math.min(bounds.high, offset + AROUND / 2);
    if (from >= to) return NONE;
    await readRanges(kafka, [{ topic, partition, from, to }], (_topic, _partition, record) => {
      if (record.key === null || !record.key.equals(key) || Number(record.offset) === offset) return;
      const at = { topic, partition, offset: Number(record.offset) };
      const time = new Date(Number(record.timestamp)).toISOString();
      found.push({ at, time, ...whoIs(record.headers?.[HEADER], record.key) });
    });
  } catch (error) {
    if (isUnreachable(error)) return NONE;
    throw error;
  }
  const before = found.filter(({ at }) => at.offset < offset).slice(-SHOWN);
  const after = found.filter(({ at }) => at.offset > offset).slice(0, SHOWN);
  const { flow, station } = row;
  const judged = async (some: typeof found): Promise<Neighbour[]> => {
    const parts = await livePartsAt(
      database,
      flow,
      station,
      some.map(({ at }) => at),
    );
    return some.map((each, i) => {
      const { verdict } = verdictIn(flow, station, parts[i], each.at.offset);
      return { ...each, verdict: verdict === 'none' ? 'waiting' : verdict };
    });
  };
  return { before: await judged(before), after: await judged(after) };
}

/** The topic may be gone, too. */
const isUnreachable = (error: unknown): boolean =>
  error instanceof Fault ? error.class === 'dependency' : error instanceof Error && /^KafkaJS/.test(error.name);

function whoIs(header: unknown, key: Buffer): Pick<Neighbour, 'recordId' | 'version' | 'revision'> {
  try {
    if (Buffer.isBuffer(header)) {
      const { id, version, revision } = unpackHeader(header, key);
      return { recordId: id, version: String(version), revision };
    }
  } catch {
    // Not a header of ours: the key tells who it is.
  }
  return { recordId: key.toString('utf8'), version: null, revision: null };
}
