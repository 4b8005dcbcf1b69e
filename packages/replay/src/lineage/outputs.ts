/** What a station has made of a record: the outputs that its live part claims, found by where they say they come from. */
import {
  type Claim,
  type FormerOutput,
  HEADER,
  type OffsetRange,
  originOffset,
  type PlacedPart,
  PREVIEW_TOPIC,
  unpackHeader,
} from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import type { Placed } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { livePartsAt, verdictIn } from './parts.ts';

export interface Output {
  topic: string;
  partition: number;
  offset: number;
  key: Buffer | null;
  id: string;
  version: bigint;
  revision: number;
  /** A tombstone. */
  deleted: boolean;
  /** ms since the epoch: the record's own. */
  timestamp: number;
}

export interface OutputsOf {
  /** By topic, partition and offset. */
  outputs: Output[];
  /** Some of what the part claims is no longer in the log, so there may have been more. */
  gone: boolean;
}

type Reading = Pick<Ground, 'database' | 'kafka' | 'admin'>;

const placeKey = (topic: string, partition: number, offset: number): string => `${topic}/${partition}/${offset}`;

/**
 * The outputs of records of a station's input, or of its replay topic, in the order of the records; none where no live
 * part covers one. Reads what the parts claim, each once. @throws Fault of class `dependency`
 */
export async function outputsOf(
  ground: Reading,
  flow: string,
  station: string,
  records: readonly Placed[],
): Promise<OutputsOf[]> {
  const covering = await livePartsAt(ground.database, flow, station, records);
  // What was rejected has made nothing.
  const parts = covering.map((part, i) =>
    verdictIn(flow, station, part, records[i]!.offset).verdict === 'reject' ? undefined : part,
  );
  const found = records.map((): OutputsOf => ({ outputs: [], gone: false }));
  const wanted = new Map<string, OutputsOf>();
  const offsets = new Set<number>();
  records.forEach(({ topic, partition, offset }, i) => {
    if (parts[i] === undefined) return;
    const key = placeKey(topic, partition, offset);
    // The same record asked for twice has one answer.
    const same = wanted.get(key);
    if (same !== undefined) found[i] = same;
    else wanted.set(key, found[i]!);
    offsets.add(offset);
  });
  const { ranges, torn } = await readable(ground, parts);
  records.forEach((_, i) => {
    if (parts[i] !== undefined && torn.has(parts[i])) found[i]!.gone = true;
  });
  if (ranges.length === 0) return found;
  await readRanges(ground.kafka, ranges, (topic, partition, { offset, key, value, headers, timestamp }) => {
    const header = headers?.[HEADER];
    if (!Buffer.isBuffer(header) || !offsets.has(originOffset(header))) return;
    const { id, version, revision, from } = unpackHeader(header, key);
    const of = from && wanted.get(placeKey(from.topic, from.partition, from.offset));
    of?.outputs.push({
      topic,
      partition,
      offset: Number(offset),
      key,
      id,
      version,
      revision,
      deleted: value === null,
      timestamp: Number(timestamp),
    });
  });
  for (const { outputs } of wanted.values())
    outputs.sort(
      (a, b) =>
        (a.topic < b.topic ? -1 : Number(a.topic > b.topic)) || a.partition - b.partition || a.offset - b.offset,
    );
  return found;
}

/** What of the parts' claims is still in the log, in rising order; and the parts that have lost some. */
async function readable(
  { admin }: Reading,
  parts: readonly (PlacedPart | undefined)[],
): Promise<{ ranges: OffsetRange[]; torn: Set<PlacedPart> }> {
  const claims: (Claim & { by: PlacedPart })[] = [];
  for (const by of new Set(parts)) {
    if (by === undefined) continue;
    for (const claim of by.part.claims) if (claim.topic !== PREVIEW_TOPIC) claims.push({ ...claim, by });
  }
  const topics = [...new Set(claims.map(({ topic }) => topic))];
  const existing = await admin.partitions(topics);
  const bounds = new Map(
    await Promise.all(
      topics.filter((topic) => existing.has(topic)).map(async (topic) => [topic, await admin.bounds(topic)] as const),
    ),
  );
  const torn = new Set<PlacedPart>();
  const ranges: OffsetRange[] = [];
  for (const { topic, partition, offset, count, by } of claims) {
    const { low, high } = bounds.get(topic)?.[partition] ?? { low: 0, high: 0 };
    const from = Math.max(offset, low);
    const to = Math.min(offset + count, high);
    if (from !== offset || to !== offset + count) torn.add(by);
    if (from < to) ranges.push({ topic, partition, from, to });
  }
  ranges.sort((a, b) => a.from - b.from);
  return { ranges, torn };
}

/**
 * What now stands of each record of a station's input: the outputs of the newest attempt that was passed or dropped, be
 * it the record itself, a replay of its dead letter, a re-run of it, or a replay of the dead letter of a re-run;
 * tombstones are left out.
 * @returns in the order of the records. `gone`: what was made then can no longer be read in full.
 */
export async function standingOutputs(
  ground: Reading,
  flow: string,
  station: string,
  records: readonly Placed[],
): Promise<{ outputs: FormerOutput[]; gone: boolean }[]> {
  const made = await outputsBefore(ground, flow, station, records);
  return made.map(({ outputs, gone }) => ({
    outputs: outputs.map(({ topic, partition, key, id }) => ({ topic, partition, key, id })),
    gone,
  }));
}

/** As `standingOutputs`, as it was before the replay of a number: `before[i]` of `records[i]`. */
export async function outputsBefore(
  ground: Reading,
  flow: string,
  station: string,
  records: readonly Placed[],
  before?: readonly number[],
): Promise<OutputsOf[]> {
  if (records.length === 0) return [];
  const attempts = await ground.database.query<Placed & { n: number }>(NEWEST_ATTEMPTS, [
    flow,
    station,
    records.map(({ topic }) => topic),
    records.map(({ partition }) => partition),
    records.map(({ offset }) => offset),
    before ?? records.map(() => Number.MAX_SAFE_INTEGER),
  ]);
  const newest = [...records];
  for (const { n, ...place } of attempts) newest[n - 1] = place;
  const made = await outputsOf(ground, flow, station, newest);
  return made.map(({ outputs, gone }) => ({ outputs: outputs.filter(({ deleted }) => !deleted), gone }));
}

/** Where the newest judged attempt at each record was sent; nothing for those that were never sent again. */
const NEWEST_ATTEMPTS = `
with recursive attempt(n, topic, partition, record_offset, number, before, judged) as (
  select w.n::integer, w.topic, w.partition, w.record_offset, 0::bigint, w.before, false
  from unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[]) with ordinality
    as w(topic, partition, record_offset, before, n)
  union
  select a.n, r.destination, i.partition, i.sent_offset, r.number, a.before, i.state in ('passed', 'dropped')
  from attempt a
  cross join lateral (
    select replay, seq from replay_item
    where from_topic = a.topic and from_partition = a.partition and from_offset = a.record_offset
    union
    select l.replay, l.seq from dead_letter d join replay_item l on l.dead_letter = d.id
    where d.flow = $1 and d.station = $2 and d.source_topic = a.topic and d.source_partition = a.partition
      and d.source_offset = a.record_offset
  ) s
  join replay_item i on i.replay = s.replay and i.seq = s.seq and i.sent_offset is not null
  join replay r on r.id = i.replay and r.flow = $1 and r.station = $2 and r.kind in ('replay', 'rerun')
)
select distinct on (n) n, topic, partition, record_offset as offset
from attempt where judged and number < before order by n, number desc`;
