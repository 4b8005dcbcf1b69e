/**
 * Takes a station out of a flow for good. Its groups are deleted, so that nobody waits for them; in their place the ledger
 * keeps where they stood, so that everything the station has done goes on counting: its outputs stay claimed.
 */
import {
  CONTROL_TOPIC,
  findPart,
  LEDGER_TOPIC,
  type LedgerPart,
  type LedgerRef,
  parseMark,
  positionsTopic,
  replayGroup,
  replayTopic,
  resume,
  stateTopic,
  stationGroup,
  workless,
} from '@quadrille/record';
import type { KafkaAdmin } from './kafka/admin.ts';
import { Outlet } from './kafka/producer.ts';
import type { Kafka } from './kafka/types.ts';
import { LEDGER_PARTITIONS } from './own-topics.ts';
import { readParts } from './picture.ts';
import { writeLedger } from './settle-options.ts';

/** Where a station stands on one partition of an input. */
export interface Standing {
  topic: string;
  partition: number;
  /** The group's position; of an extractor in its positions topic. */
  commit: number;
  /** The first input offset that nobody has judged; of an extractor the number of its raw items. */
  from: number;
  /** The live part that ends there. */
  prev: LedgerRef | null;
  /** Records that wait behind it; 0 in a positions topic. */
  waiting: number;
}

export interface Holdings {
  flow: string;
  station: string;
  /** The station's own group, and that of its replays. */
  groups: readonly [string, string];
  /** Members of both groups. */
  members: number;
  /** By topic and partition, replays included. */
  standings: Standing[];
  /** Topics that are the station's alone, replays and an extractor's positions; how many records were ever in them. */
  topics: { topic: string; records: number }[];
  /** Records that it has ever rejected: only where there are any can dead letters be open. */
  rejected: number;
}

/**
 * What a station has in Kafka, whether the flow file still names it or not.
 * @param input the topic it reads, where that is known.
 * @returns undefined when it has nothing. @throws when Kafka does not answer.
 */
export async function holdingsOf(
  kafka: Kafka,
  admin: KafkaAdmin,
  flow: string,
  station: string,
  input?: string,
): Promise<Holdings | undefined> {
  const groups = [stationGroup(flow, station), replayGroup(flow, station)] as const;
  const replays = replayTopic(flow, station);
  const positions = positionsTopic(flow, station);
  const parts = await readParts(kafka, admin, flow, station);
  const existing = new Set(await admin.listTopics());
  const inputs = new Set([...parts.map(({ part }) => part.topic), replays, ...(input === undefined ? [] : [input])]);
  const standings: Standing[] = [];
  for (const topic of inputs) {
    const own = parts.filter(({ part }) => part.topic === topic);
    const ends = existing.has(topic) ? await admin.bounds(topic) : [];
    const committed = existing.has(topic) ? await admin.committed(groups[topic === replays ? 1 : 0], topic) : [];
    const partitions = new Set([...committed, ...own.map(({ part }) => part)].map(({ partition }) => partition));
    for (const partition of partitions) {
      const { offset, metadata } = committed.find((each) => each.partition === partition) ?? {};
      const here = own.filter(({ part }) => part.partition === partition);
      // A position that is gone, or was moved by another tool, is found again as the fold does it.
      const found = resume({ parts: here, committed: offset, mark: parseMark(metadata), low: undefined });
      if (found.kind === 'begin') continue;
      const { from, prev } = found;
      const last = prev === null ? undefined : findPart(here, prev);
      const commit = found.kind === 'lost' ? (last?.part.commit ?? from) : found.offset;
      const { low, high } = ends[partition] ?? { low: 0, high: 0 };
      const waiting = topic === positions ? 0 : Math.max(0, high - Math.max(low, from));
      standings.push({ topic, partition, commit, from, prev, waiting });
    }
  }
  const topics = [replays, positions, stateTopic(flow, station)].filter((topic) => existing.has(topic));
  if (standings.length === 0 && topics.length === 0) return undefined;
  const described = await Promise.all(groups.map((group) => admin.describeGroup(group)));
  return {
    flow,
    station,
    groups,
    members: described.reduce((sum, { members }) => sum + members.length, 0),
    standings: standings.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition)),
    topics: await Promise.all(topics.map(async (topic) => ({ topic, records: await everIn(admin, topic) }))),
    rejected: parts.reduce((sum, { part }) => sum + part.reject, 0),
  };
}

const everIn = async (admin: KafkaAdmin, topic: string): Promise<number> =>
  (await admin.bounds(topic)).reduce((sum, { high }) => sum + high, 0);

/**
 * Writes down where the station stood, then deletes its groups, its pause order and the topics asked for. Interrupted, it
 * can be done again: while a group is there, it alone says what counts. The ledger's codec must have its id.
 * @param by who does it; stands in the ledger.
 * @param deleteTopics of `holdings.topics`. Once one that held records is gone, the name cannot be used again.
 * @throws Fault STATION_RUNNING when an instance has joined meanwhile; BROKER_UNAVAILABLE
 */
export async function retire(
  kafka: Kafka,
  admin: KafkaAdmin,
  { flow, station, groups, standings }: Holdings,
  by: string,
  deleteTopics: readonly string[],
): Promise<void> {
  const outlet = new Outlet(kafka);
  try {
    if (standings.length > 0) {
      const entry = { flow, station, instance: `removed by ${by}`, at: Date.now(), parts: standings.map(retiredPart) };
      const partitions = (await admin.partitions([LEDGER_TOPIC])).get(LEDGER_TOPIC) ?? LEDGER_PARTITIONS;
      await writeLedger(outlet, entry, groups[0], partitions);
    }
    await admin.deleteGroups(groups);
    const key = Buffer.from(`${flow}/${station}/line`);
    const noOrder = { key, value: null, headers: {}, partition: 0, timestamp: String(Date.now()) };
    await outlet.sendPatiently(new Map([[CONTROL_TOPIC, new Map([[0, [noOrder]]])]]));
    await admin.deleteTopics(deleteTopics);
  } finally {
    await outlet.close();
  }
}

const retiredPart = ({ topic, partition, commit, from, prev }: Standing): LedgerPart =>
  workless({ kind: 'retired', topic, partition, from, to: from, commit, prev });
