/** Records of a station's input that are selected to be judged once more, with what now stands of them. */
import { type Flow, openWhere, type StationSpec, type Where } from '@quadrille/flow';
import {
  Fault,
  type FormerOutput,
  HEADER,
  InputRecord,
  type OffsetRange,
  packFormer,
  partitionOf,
} from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import type { Placed, RecordSelection } from '../api/index.ts';
import type { Queries } from '../db/database.ts';
import { standingOutputs } from '../lineage/outputs.ts';
import type { Ground } from '../model.ts';
import type { Draft } from './draft.ts';
import { TopicValues } from './open-values.ts';
import { refusalOf } from './plan-letters.ts';

/** Records are read, and their former outputs looked up, so many at a time. */
const AT_ONCE = 20_000;

type Judging = Exclude<StationSpec, { kind: 'extractor' }>;

/**
 * Plans the records that the station has judged; those that it has not are judged without a replay. In the order of
 * partitions and offsets. @throws Fault REQUEST_INVALID, OFFSETS_GONE, SQL_INVALID; of class `dependency`
 */
export async function planRecords(
  ground: Ground,
  flow: Flow,
  spec: StationSpec,
  selection: RecordSelection,
  draft: Draft,
): Promise<void> {
  if (spec.kind === 'extractor')
    throw new Fault('REQUEST_INVALID', `${spec.name} is an extractor, whose input is no topic`, {
      help: 'replay its dead letters, or extract again with `quadrille up --again`',
    });
  const values = await TopicValues.of(ground, flow, spec.from);
  const where = selection.where === undefined ? undefined : await openWhere(values.fields, selection.where);
  try {
    const ranges = await rangesOf(ground, spec.from, selection);
    for (const window of windowsOf(ranges)) {
      const room = (selection.limit ?? Number.POSITIVE_INFINITY) - draft.items.length;
      if (room <= 0) return;
      const chosen = await choose(ground, flow, spec, window, selection, values, where, draft);
      await add(ground, flow, spec, chosen.slice(0, room), draft);
    }
  } finally {
    where?.close();
  }
}

/** Offsets that are meant, by partition. */
async function rangesOf({ admin }: Ground, topic: string, selection: RecordSelection): Promise<OffsetRange[]> {
  const bounds = await admin.bounds(topic);
  const { partition, offsets, key, since } = selection;
  const gone = (which: string): Fault => {
    const held = bounds.map(({ low, high }, n) => `[${n}] ${low === high ? 'nothing' : `${low}–${high - 1}`}`);
    return new Fault('OFFSETS_GONE', `${which}; it holds ${held.join(', ')}`, { place: topic });
  };
  if (partition !== undefined && bounds[partition] === undefined) throw gone(`there is no partition ${partition}`);
  const from = since === undefined ? undefined : await admin.offsetsAt(topic, Date.parse(since));
  const ofKey = key === undefined ? undefined : partitionOf(Buffer.from(key), bounds.length);
  const ranges: OffsetRange[] = [];
  for (const [n, { low, high }] of bounds.entries()) {
    if ((partition ?? n) !== n || (ofKey ?? n) !== n) continue;
    if (offsets !== undefined) {
      const beyond = offsets.from >= high || (partition !== undefined && offsets.to >= high);
      if (offsets.from < low || (partition !== undefined && beyond))
        throw gone(`${offsets.from}–${offsets.to} of partition ${n} are not all there`);
      if (beyond) continue;
    }
    const first = Math.max(low, offsets?.from ?? 0, from?.[n] ?? 0);
    const end = Math.min(high, (offsets?.to ?? Number.MAX_SAFE_INTEGER - 1) + 1);
    if (first < end) ranges.push({ topic, partition: n, from: first, to: end });
  }
  if (offsets !== undefined && ranges.length === 0 && since === undefined)
    throw gone(`${offsets.from}–${offsets.to} stand in no partition`);
  return ranges;
}

/** Cut so that what is read at a time has a bound. */
function* windowsOf(ranges: readonly OffsetRange[]): Generator<OffsetRange[]> {
  let window: OffsetRange[] = [];
  let size = 0;
  for (const range of ranges) {
    for (let from = range.from; from < range.to; ) {
      const to = Math.min(range.to, from + AT_ONCE - size);
      window.push({ ...range, from, to });
      size += to - from;
      from = to;
      if (size < AT_ONCE) continue;
      yield window;
      window = [];
      size = 0;
    }
  }
  if (window.length > 0) yield window;
}

/** Records of a window that meet all conditions. */
async function choose(
  ground: Ground,
  flow: Flow,
  spec: Judging,
  window: readonly OffsetRange[],
  { key, since, until, where: condition }: RecordSelection,
  values: TopicValues,
  where: Where | undefined,
  draft: Draft,
): Promise<InputRecord[]> {
  const judged = await judgedIn(ground.database, flow.name, spec, window);
  const [least, beyond] = [Date.parse(since ?? ''), Date.parse(until ?? '')];
  const wanted = key === undefined ? undefined : Buffer.from(key);
  const found: InputRecord[] = [];
  await readRanges(ground.kafka, window, (topic, partition, message) => {
    const offset = Number(message.offset);
    const timestamp = Number(message.timestamp);
    if (wanted !== undefined && message.key?.equals(wanted) !== true) return;
    if (timestamp < least || timestamp >= beyond || !judged(partition, offset)) return;
    const header = message.headers?.[HEADER];
    const packed = Buffer.isBuffer(header) ? header : undefined;
    const bytes = message.value;
    found.push(new InputRecord(topic, partition, offset, timestamp, message.key, bytes, packed, message.headers));
  });
  found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  const decoded: { record: InputRecord; value: Record<string, unknown> | undefined }[] = [];
  for (const record of found) {
    const read = record.bytes === null ? { value: undefined } : await values.decode(record.bytes);
    if ('value' in read) decoded.push({ record, value: read.value });
    // Of those a condition can say nothing.
    else if (condition === undefined) draft.refuse(null, placeOf(record), read.fault);
  }
  if (where === undefined) return decoded.map(({ record }) => record);
  const asked = decoded.filter(({ value }) => value !== undefined);
  const met = await where.matches(asked.map(({ value }) => value!));
  return asked.filter((_, i) => met[i]).map(({ record }) => record);
}

/** Which offsets the station's live parts have judged. */
async function judgedIn(
  queries: Queries,
  flow: string,
  { name, from }: Judging,
  window: readonly OffsetRange[],
): Promise<(partition: number, offset: number) => boolean> {
  const rows = await queries.query<{ partition: number; from_offset: number; to_offset: number }>(
    `select p.partition, p.from_offset, p.to_offset from ledger_part p
     join unnest($4::integer[], $5::bigint[], $6::bigint[]) as w(partition, first, past)
       on p.partition = w.partition and p.from_offset < w.past and p.to_offset > w.first
     where p.live and p.kind = 'work' and p.flow = $1 and p.station = $2 and p.topic = $3
     order by p.from_offset`,
    [
      flow,
      name,
      from,
      window.map(({ partition }) => partition),
      window.map(({ from }) => from),
      window.map(({ to }) => to),
    ],
  );
  const byPartition = Map.groupBy(rows, ({ partition }) => partition);
  return (partition, offset) => {
    const intervals = byPartition.get(partition) ?? [];
    let low = 0;
    let high = intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (intervals[middle]!.from_offset <= offset) low = middle + 1;
      else high = middle;
    }
    const last = intervals[low - 1];
    return last !== undefined && offset < last.to_offset;
  };
}

const placeOf = ({ topic, partition, offset }: Placed): Placed => ({ topic, partition, offset });

/** Chosen records as items, without those that are being replayed. */
async function add(
  ground: Ground,
  flow: Flow,
  spec: Judging,
  records: readonly InputRecord[],
  draft: Draft,
): Promise<void> {
  if (records.length === 0) return;
  const places = records.map(placeOf);
  const compares = draft.kind === 'rerun';
  const letters = compares ? await lettersOf(ground.database, flow.name, spec.name, places) : undefined;
  const busy = compares ? await openAmong(ground.database, flow.name, spec.name, places) : undefined;
  const sendable = records.filter((record) => {
    const letter = letters?.get(keyOf(record));
    const refusal = busy?.has(keyOf(record)) ? refusalOf('replaying') : letter && refusalOf(letter.state);
    if (refusal !== undefined) draft.refuse(letter?.id ?? null, placeOf(record), refusal);
    return refusal === undefined;
  });
  const standing =
    compares && spec.kind !== 'loader'
      ? await standingOutputs(ground, flow.name, spec.name, sendable.map(placeOf))
      : undefined;
  sendable.forEach((record, i) => {
    const letter = letters?.get(keyOf(record));
    const { outputs, gone } = standing?.[i] ?? { outputs: [] as FormerOutput[], gone: false };
    draft.formerOutputs += outputs.length;
    if (gone) draft.orphans++;
    draft.items.push({
      deadLetter: letter?.id ?? null,
      recordId: record.id === '' ? null : record.id.replaceAll('\0', '\uFFFD'),
      from: placeOf(record),
      letter: null,
      correction: null,
      above: Math.max(revisionOf(record), letter?.revision ?? 0),
      partition: draft.partitionFor(record, record.key),
      former: outputs.length === 0 ? null : (JSON.parse(packFormer(outputs).toString()) as unknown[]),
    });
  });
}

const keyOf = ({ partition, offset }: Pick<Placed, 'partition' | 'offset'>): string => `${partition}/${offset}`;

/** Of a record whose header is broken, none is known. */
function revisionOf(record: InputRecord): number {
  try {
    return record.revision;
  } catch {
    return 0;
  }
}

interface LetterOf {
  id: string;
  state: string;
  revision: number;
}

/** Dead letters of these records at this station that are not settled, by partition and offset. */
async function lettersOf(
  queries: Queries,
  flow: string,
  station: string,
  places: readonly Placed[],
): Promise<Map<string, LetterOf>> {
  const rows = await queries.query<LetterOf & { partition: number; offset: number }>(
    `select d.id, d.state, d.revision, w.partition, w.record_offset as offset
     from unnest($3::integer[], $4::bigint[]) as w(partition, record_offset)
     join dead_letter d on d.source_topic = $5 and d.source_partition = w.partition and d.source_offset = w.record_offset
     where d.flow = $1 and d.station = $2 and d.state in ('open', 'corrected', 'replaying')`,
    [flow, station, ...columnsOf(places), places[0]!.topic],
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
}

/** Which of these records a replay or re-run of this station has not done with, by partition and offset. */
export async function openAmong(
  queries: Queries,
  flow: string,
  station: string,
  places: readonly Placed[],
): Promise<Set<string>> {
  if (places.length === 0) return new Set();
  const rows = await queries.query<{ partition: number; offset: number }>(
    `select w.partition, w.record_offset as offset
     from unnest($3::integer[], $4::bigint[]) as w(partition, record_offset)
     join replay_item i on i.from_topic = $5 and i.from_partition = w.partition and i.from_offset = w.record_offset
     join replay r on r.id = i.replay
     where i.state in ('waiting', 'sent') and r.flow = $1 and r.station = $2 and r.kind in ('replay', 'rerun')`,
    [flow, station, ...columnsOf(places), places[0]!.topic],
  );
  return new Set(rows.map(keyOf));
}

const columnsOf = (places: readonly Placed[]): [number[], number[]] => [
  places.map(({ partition }) => partition),
  places.map(({ offset }) => offset),
];
