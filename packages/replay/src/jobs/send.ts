/** Builds replayed records: the original's bytes or their correction, its place, its headers, and who sends it. */
import { DLQ, type Envelope, FAULT, Fault, FORMER_HEADER, HEADER, packHeader, unpackHeader } from '@quadrille/record';
import { type Outbox, readRanges } from '@quadrille/station';
import type { Database } from '../db/database.ts';
import type { Ground } from '../model.ts';
import { BATCH } from './pace.ts';
import type { ItemRow, ReplayRow } from './rows.ts';

/** Header with the number of the item: what was sent is found again by it. */
export const ITEM_HEADER = 'quadrille.item';
/** The only header of ours on a copy to a whole topic: `<replay id>/<number of the item>`. */
export const COPY_HEADER = 'quadrille.copy';

/** As stations send. */
export type Outgoing = Outbox extends Map<string, Map<number, (infer T)[]>> ? T : never;

/** What is sent again, as it stands in its topic. */
interface Original {
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly (readonly [name: string, value: Buffer])[];
  /** ms since the epoch. */
  timestamp: number;
}

/** An item with its record; or why it cannot be sent. */
export type Loaded = { item: ItemRow } & ({ record: Outgoing } | { fault: Fault });

/** Bytes that are held at a time. */
const BYTES = 4 * 1024 * 1024;

/**
 * The next items that wait, in order, with their records.
 * @returns undefined while their dead letters have not been taken in yet. @throws Fault of class `dependency`
 */
export async function load(ground: Ground, replay: ReplayRow, from: number): Promise<Loaded[] | undefined> {
  const { database, outlet } = ground;
  const found = await waitingItems(database, replay.id, from);
  const originals =
    found[0]?.letter_topic === null ? await inputRecords(ground, found) : await letters(database, found);
  const loaded: Loaded[] = [];
  for (const item of found) {
    const original = originals.get(item.seq);
    if (original === undefined) break;
    if (original instanceof Fault) {
      loaded.push({ item, fault: original });
      continue;
    }
    const record = recordOf(replay, item, original);
    const bytes = record.value?.length ?? 0;
    if (outlet.fits(replay.destination, record)) loaded.push({ item, record });
    else loaded.push({ item, fault: new Fault('RECORD_TOO_LARGE', `${bytes} bytes for topic ${replay.destination}`) });
  }
  return loaded.length === 0 && found.length > 0 ? undefined : loaded;
}

/** Re-runs of one input partition at a time: they are read in its order. */
async function waitingItems(database: Database, replay: string, from: number): Promise<ItemRow[]> {
  const rows = await database.query<ItemRow>(
    `select * from replay_item where replay = $1 and state = 'waiting' and seq >= $2 order by seq limit ${BATCH}`,
    [replay, from],
  );
  const other = rows.findIndex(
    ({ letter_topic, from_partition }) => letter_topic === null && from_partition !== rows[0]!.from_partition,
  );
  return other < 0 ? rows : rows.slice(0, other);
}

/** Records of dead-letter topics, as many as may be held. Those that were not taken in yet are left out. */
async function letters(database: Database, items: readonly ItemRow[]): Promise<Map<number, Original | Fault>> {
  const rows = await database.query<{
    seq: number;
    key: Buffer | null;
    value: Buffer | null;
    headers: [string, string][];
    record_timestamp: number;
  }>(
    `select l.seq, r.key, r.headers, r.record_timestamp, case when l.correction is null then r.value else c.value end as value
     from (
       select w.*, sum(coalesce(length(r.value), 0)) over (order by w.seq) - coalesce(length(r.value), 0) as before
       from unnest($1::integer[], $2::text[], $3::integer[], $4::bigint[], $5::text[], $6::integer[])
         as w(seq, topic, partition, record_offset, dead_letter, correction)
       join letter_record r using (topic, partition, record_offset)
     ) l
     join letter_record r using (topic, partition, record_offset)
     left join correction c on c.dead_letter = l.dead_letter and c.number = l.correction
     where l.before < ${BYTES} and (l.correction is null or c.number is not null)`,
    [
      items.map(({ seq }) => seq),
      items.map(({ letter_topic }) => letter_topic),
      items.map(({ letter_partition }) => letter_partition),
      items.map(({ letter_offset }) => letter_offset),
      items.map(({ dead_letter }) => dead_letter),
      items.map(({ correction }) => correction),
    ],
  );
  return new Map(
    rows.map(({ seq, key, value, headers, record_timestamp: timestamp }) => [
      seq,
      { key, value, headers: headers.map(([name, text]) => [name, Buffer.from(text, 'base64')] as const), timestamp },
    ]),
  );
}

/** Offsets between two wanted ones that are read rather than sought over. */
const GAP = 500;

/** Records of a station's input, as many as may be held. */
async function inputRecords(ground: Ground, items: readonly ItemRow[]): Promise<Map<number, Original | Fault>> {
  const { from_topic: topic, from_partition: partition } = items[0]!;
  const { low, high } = (await ground.admin.bounds(topic))[partition] ?? { low: 0, high: 0 };
  const found = new Map<number, Original | Fault>();
  const seqs = new Map<number, number>();
  const ranges: { topic: string; partition: number; from: number; to: number }[] = [];
  for (const { seq, from_offset: offset } of items) {
    if (offset < low || offset >= high) {
      found.set(seq, new Fault('OFFSETS_GONE', '', { place: `${topic}[${partition}]@${offset}` }));
      continue;
    }
    seqs.set(offset, seq);
    const last = ranges.at(-1);
    if (last !== undefined && offset - last.to < GAP) last.to = Math.max(last.to, offset + 1);
    else ranges.push({ topic, partition, from: offset, to: offset + 1 });
  }
  if (ranges.length === 0) return found;
  let bytes = 0;
  let full = false;
  await readRanges(ground.kafka, ranges, (_, __, message) => {
    const seq = seqs.get(Number(message.offset));
    if (seq === undefined) return;
    seqs.delete(Number(message.offset));
    // What comes after is loaded the next time.
    if (full) return;
    bytes += message.value?.length ?? 0;
    full = bytes >= BYTES;
    const headers = Object.entries(message.headers ?? {}).flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values]).flatMap((value) =>
        value == null ? [] : [[name, Buffer.from(value)] as const],
      ),
    );
    found.set(seq, { key: message.key, value: message.value, headers, timestamp: Number(message.timestamp) });
  });
  // Compacted away since they were planned.
  for (const [offset, seq] of seqs)
    found.set(seq, new Fault('OFFSETS_GONE', '', { place: `${topic}[${partition}]@${offset}` }));
  return found;
}

/** The record as it is sent. */
export function recordOf(replay: ReplayRow, item: ItemRow, { key, value, headers, timestamp }: Original): Outgoing {
  const isRerun = item.letter_topic === null;
  const own: Record<string, Buffer | Buffer[]> = {};
  for (const [name, each] of headers) {
    if (replay.kind === 'copy' ? isOurs(name) : isReplaced(name, isRerun)) continue;
    const before = own[name];
    own[name] = before === undefined ? each : Array.isArray(before) ? [...before, each] : [before, each];
  }
  if (replay.kind === 'copy') own[COPY_HEADER] = Buffer.from(`${replay.id}/${item.seq}`);
  else {
    const from = { topic: item.from_topic, partition: item.from_partition, offset: item.from_offset };
    const envelope: Envelope = {
      ...identityOf(headers, key, item.from_offset, timestamp),
      revision: item.revision,
      from: { ...from, index: 0 },
      replay: replay.id,
      ...(replay.kind === 'preview' ? { preview: true } : {}),
    };
    own[HEADER] = packHeader(envelope, key?.toString('utf8') === envelope.id);
    own[ITEM_HEADER] = Buffer.from(String(item.seq));
    if (item.former !== null) own[FORMER_HEADER] = Buffer.from(JSON.stringify(item.former));
    // Should it be rejected, its dead letter tells the record's own place, not the replay's.
    if (isRerun) for (const [name, part] of Object.entries(from)) own[`${DLQ}${name}`] = Buffer.from(String(part));
  }
  return { key, value, headers: own, partition: item.partition, timestamp: String(timestamp) };
}

const isOurs = (name: string): boolean => name === HEADER || name.startsWith(`${HEADER}.`) || name.startsWith(DLQ);

/** A dead letter's headers travel on; what a re-run's record has of them is not its own. */
const isReplaced = (name: string, isRerun: boolean): boolean =>
  name === HEADER ||
  name === ITEM_HEADER ||
  (isRerun && (name === FORMER_HEADER || name.startsWith(DLQ) || name.startsWith(FAULT)));

/** As stations see it: a record of another system, or with a broken header, has its key as id and its place as version. */
function identityOf(
  headers: Original['headers'],
  key: Buffer | null,
  offset: number,
  timestamp: number,
): Pick<Envelope, 'id' | 'version' | 'extractedAt'> {
  const header = headers.find(([name]) => name === HEADER)?.[1];
  if (header !== undefined) {
    try {
      const { id, version, extractedAt } = unpackHeader(header, key);
      return { id, version, extractedAt };
    } catch {
      // The header itself may be what was wrong with the record.
    }
  }
  return { id: key === null ? '' : key.toString('utf8'), version: BigInt(offset), extractedAt: timestamp };
}
