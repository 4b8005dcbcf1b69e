/** Takes the picture that the ledger's fold works on: entries, positions, watermarks; and reads what no part claims. */

import { type Flow, outputTopicsOf, sourceTypes } from '@quadrille/flow';
import {
  type CommittedOffset,
  compareRefs,
  DLQ,
  deadLetterTopics,
  type FlowShape,
  foldLedger,
  HEADER,
  inputTopic,
  LEDGER_TOPIC,
  type LedgerFold,
  type OffsetRange,
  type PlacedEntry,
  type PlacedPart,
  placeOf,
  type RecordOrigin,
  replayGroup,
  replayTopic,
  stationGroup,
  unpackHeader,
  type Watermark,
} from '@quadrille/record';
import type { KafkaAdmin } from './kafka/admin.ts';
import { isTopicUnknown } from './kafka/faults.ts';
import { readTopic } from './kafka/follower.ts';
import { readRanges } from './kafka/ranges.ts';
import type { Kafka, KafkaMessage } from './kafka/types.ts';
import { ledgerCodec } from './own-topics.ts';

/**
 * Entries of the ledger, in order of each partition: all of them, or those of one group.
 * @param group `<flow>.<station>`, the key of its entries. Those of others are passed over unread: the ledger holds the
 *   entries of all flows, for ever, and a station that starts must not need memory for them.
 */
export async function readLedger(kafka: Kafka, admin: KafkaAdmin, group?: string): Promise<PlacedEntry[]> {
  const entries: PlacedEntry[] = [];
  const only = group === undefined ? undefined : Buffer.from(group);
  await readTopic(kafka, admin, [LEDGER_TOPIC], (topic, partition, messages) => {
    for (const { offset, key, value } of messages) {
      if (only !== undefined && !(key !== null && only.equals(key))) continue;
      entries.push({
        partition,
        offset: Number(offset),
        entry: ledgerCodec.decode(value, placeOf(topic, partition, Number(offset))),
      });
    }
  });
  return entries;
}

/** All parts that a station has written, by place; from their topics one can tell its input from its replays. */
export async function readParts(kafka: Kafka, admin: KafkaAdmin, flow: string, station: string): Promise<PlacedPart[]> {
  const entries = await readLedger(kafka, admin, stationGroup(flow, station));
  return entries
    .flatMap(({ partition, offset, entry }) =>
      entry.parts.map((part, index) => ({ ref: { partition, offset, part: index }, at: entry.at, part })),
    )
    .sort((a, b) => compareRefs(a.ref, b.ref));
}

export const shapeOf = (flow: Flow): FlowShape => ({
  flow: flow.name,
  stations: [...flow.stations.values()].map((station) => ({
    name: station.name,
    kind: station.kind,
    from: station.kind === 'extractor' ? undefined : station.from,
    to: outputTopicsOf(station),
    start: station.start,
    skips: station.kind === 'extractor' && sourceTypes[station.source.type]?.traits?.rewindable === false,
  })),
});

/**
 * Reconciles a flow now. Exact while it runs: the picture is taken in the order that foldLedger asks for.
 * @param audit also reads what is claimed, and holds it against the claims: finds records that the broker lost and whose
 *   offsets it gave anew. Takes as long as reading all topics.
 * @throws when Kafka does not answer.
 */
export async function takePicture(kafka: Kafka, admin: KafkaAdmin, flow: Flow, audit = false): Promise<LedgerFold> {
  const shape = shapeOf(flow);
  const existing = new Set(await admin.listTopics());
  const committed: CommittedOffset[] = [];
  // Other flows' stations may write to our topics: their groups count too.
  const before = await readLedger(kafka, admin);
  const ledgerEnds = new Map<number, number>();
  for (const { partition, offset } of before) ledgerEnds.set(partition, offset + 1);
  const groups = new Map<string, Set<string>>();
  const note = (group: string, topic: string): void => {
    if (existing.has(topic)) groups.set(group, (groups.get(group) ?? new Set()).add(topic));
  };
  const noteStation = (flow: string, station: string, topic: string): void =>
    note(topic === replayTopic(flow, station) ? replayGroup(flow, station) : stationGroup(flow, station), topic);
  for (const { entry } of before) for (const part of entry.parts) noteStation(entry.flow, entry.station, part.topic);
  for (const station of shape.stations) {
    noteStation(shape.flow, station.name, inputTopic(shape.flow, station));
    noteStation(shape.flow, station.name, replayTopic(shape.flow, station.name));
  }
  for (const [group, topics] of groups) {
    for (const topic of topics) {
      // Of another flow that is being removed at this moment.
      const goneWith = (error: unknown): never[] => {
        if (group.startsWith(`${shape.flow}.`) || !isTopicUnknown(error)) throw error;
        return [];
      };
      for (const { partition, offset, metadata } of await admin.committed(group, topic).catch(goneWith)) {
        if (offset !== undefined) committed.push({ group, topic, partition, offset, metadata });
      }
    }
  }
  const entries = await readLedger(kafka, admin);
  const topics = topicsOf(shape).filter((topic) => existing.has(topic));
  const watermarks: Watermark[] = [];
  for (const topic of topics) {
    for (const [partition, { low, high }] of (await admin.bounds(topic)).entries())
      watermarks.push({ topic, partition, low, high });
  }
  const sparse = new Set<string>();
  for (const topic of topics) {
    if ((await admin.setting(topic, 'cleanup.policy'))?.includes('compact')) sparse.add(topic);
  }
  const fold = foldLedger({ shape, entries, ledgerEnds, committed, watermarks, sparse });
  await readInto(
    fold,
    kafka,
    audit
      ? watermarks.map(({ topic, partition, low, high }) => ({ topic, partition, from: low, to: high }))
      : fold.unclaimed,
  );
  return fold;
}

/** Topics from the end of the flow to its beginning, so that every record's origin stands below its topic's watermark. */
function topicsOf(shape: FlowShape): string[] {
  const stations = [...shape.stations];
  const topics = new Set<string>();
  for (const station of stations) for (const topic of deadLetterTopics(station)) topics.add(topic);
  const depth = new Map<string, number>();
  const depthOf = (topic: string, seen: readonly string[] = []): number => {
    if (seen.includes(topic)) return 0;
    const known = depth.get(topic);
    if (known !== undefined) return known;
    const makers = stations.filter((station) => station.to.includes(topic));
    const deep = Math.max(0, ...makers.map((m) => (m.from === undefined ? 0 : 1 + depthOf(m.from, [...seen, topic]))));
    depth.set(topic, deep);
    return deep;
  };
  const data = new Set(
    stations.flatMap((station) => [...station.to, ...(station.from === undefined ? [] : [station.from])]),
  );
  for (const topic of [...data].sort((a, b) => depthOf(b) - depthOf(a))) topics.add(topic);
  for (const station of stations) topics.add(replayTopic(shape.flow, station.name));
  return [...topics];
}

async function readInto(fold: LedgerFold, kafka: Kafka, ranges: readonly OffsetRange[]): Promise<void> {
  const filled = ranges.filter(({ from, to }) => from < to);
  if (filled.length === 0) return;
  await readRanges(kafka, filled, (topic, partition, message) => {
    fold.read(topic, partition, Number(message.offset), originOf(message));
  });
}

/** Where a record says it comes from; null when it carries no headers of ours. */
function originOf({ headers, key }: KafkaMessage): RecordOrigin | null {
  const topic = headers?.[`${DLQ}topic`]?.toString();
  if (topic !== undefined) {
    const group = headers?.[`${DLQ}group`]?.toString();
    const origin = {
      topic,
      partition: Number(headers?.[`${DLQ}partition`]),
      offset: Number(headers?.[`${DLQ}offset`]),
    };
    return group === undefined ? origin : { ...origin, group };
  }
  const header = headers?.[HEADER];
  if (!Buffer.isBuffer(header)) return null;
  try {
    return unpackHeader(header, key).from ?? null;
  } catch {
    return null;
  }
}
