/**
 * Finds what replays have sent, in the topics that they sent it to: after a crash, a change of the leader, a send that was
 * not answered for, and when the database is made anew. Each record tells its replay and its number there.
 */
import { HEADER, type OffsetRange, PREVIEW_TOPIC, unpackHeader } from '@quadrille/record';
import { previewCodec, readRanges } from '@quadrille/station';
import type { Ground } from '../model.ts';
import type { BeginAt, ReplayRow } from './rows.ts';
import { COPY_HEADER, ITEM_HEADER } from './send.ts';
import { markSent, type SentItem } from './sent.ts';

/** Rows of one statement. */
const AT_ONCE = 5_000;

/** Where these topics end now. */
export async function endsOf({ admin }: Pick<Ground, 'admin'>, topics: readonly string[]): Promise<BeginAt> {
  const ends: BeginAt = {};
  for (const topic of topics)
    ends[topic] = (await admin.bounds(topic)).map(({ high }, partition): [number, number] => [partition, high]);
  return ends;
}

/** Marks as sent what stands in the replays' one destination. Reads it once, from where the first of them began. */
export async function readBack(ground: Ground, destination: string, replays: readonly ReplayRow[]): Promise<void> {
  const sent = new Map(replays.map(({ id }) => [id, new Map<number, SentItem>()]));
  await readSince(ground, destination, replays, (partition, { offset, key, headers }) => {
    const found = itemOf(headers, key);
    const items = found && sent.get(found.replay);
    // Of a record that was sent twice the first counts.
    if (found !== undefined && items !== undefined && !items.has(found.seq))
      items.set(found.seq, { seq: found.seq, partition, offset: Number(offset) });
  });
  for (const [id, items] of sent) {
    const all = [...items.values()];
    for (let at = 0; at < all.length; at += AT_ONCE)
      await ground.database.transaction((tx) => markSent(tx, id, all.slice(at, at + AT_ONCE)));
  }
}

interface Read {
  offset: string;
  key: Buffer | null;
  value: Buffer | null;
  headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined>;
}

async function readSince(
  { kafka, admin }: Ground,
  topic: string,
  replays: readonly ReplayRow[],
  onRecord: (partition: number, record: Read) => void,
): Promise<void> {
  const begin = new Map<number, number>();
  for (const { begin_at } of replays)
    for (const [partition, offset] of begin_at?.[topic] ?? [])
      begin.set(partition, Math.min(offset, begin.get(partition) ?? offset));
  // A topic that is gone holds nothing that was sent.
  if (begin.size === 0 || !(await admin.partitions([topic])).has(topic)) return;
  const ranges: OffsetRange[] = [];
  for (const [partition, { low, high }] of (await admin.bounds(topic)).entries()) {
    const from = Math.max(low, begin.get(partition) ?? 0);
    if (from < high) ranges.push({ topic, partition, from, to: high });
  }
  if (ranges.length > 0) await readRanges(kafka, ranges, (_, partition, record) => onRecord(partition, record));
}

function itemOf(headers: Read['headers'], key: Buffer | null): { replay: string; seq: number } | undefined {
  const copy = /^(.+)\/(\d+)$/.exec(headers?.[COPY_HEADER]?.toString() ?? '');
  if (copy !== null) return { replay: copy[1]!, seq: Number(copy[2]) };
  const header = headers?.[HEADER];
  const seq = headers?.[ITEM_HEADER]?.toString();
  if (!Buffer.isBuffer(header) || seq === undefined) return undefined;
  try {
    const { replay } = unpackHeader(header, key);
    return replay === undefined ? undefined : { replay, seq: Number(seq) };
  } catch {
    // Written by somebody else: the replay topic is open to whoever may write to Kafka.
    return undefined;
  }
}

const STATES = { pass: 'passed', drop: 'dropped', reject: 'rejected' } as const;

/**
 * Takes what the station said of a dry run's records into its items, of those that the ledger says are judged. A preview
 * that has expired is gone: its item says `PREVIEWED` only.
 */
export async function takePreviews(ground: Ground, replay: ReplayRow): Promise<void> {
  const { database } = ground;
  const items = await database.query<{ seq: number; partition: number; sent_offset: number }>(
    `select seq, partition, sent_offset from replay_item where replay = $1 and state = 'sent' and code is not null`,
    [replay.id],
  );
  if (items.length === 0) return;
  const seqs = new Map(items.map(({ seq, partition, sent_offset }) => [`${partition}/${sent_offset}`, seq]));
  const rows: object[] = [];
  await readSince(ground, PREVIEW_TOPIC, [replay], (partition, { offset, key, value }) => {
    if (key?.toString() !== replay.id) return;
    const preview = previewCodec.decode(value, `${PREVIEW_TOPIC}[${partition}]@${offset}`);
    const place = `${preview.partition}/${preview.offset}`;
    const seq = seqs.get(place);
    if (preview.replay !== replay.id || preview.flow !== replay.flow || seq === undefined) return;
    seqs.delete(place);
    const at = { topic: replay.destination, partition: preview.partition, offset: preview.offset };
    const { station, code, message, field, outcome } = preview;
    rows.push({
      seq,
      state: STATES[preview.verdict],
      code,
      message: message?.replaceAll('\0', '\uFFFD') ?? null,
      field,
      at: new Date(preview.at).toISOString(),
      downstream: outcome === null ? null : [{ station, verdict: 'pass', code: null, outcome, deadLetter: null, at }],
      outputs: preview.outputs.map(({ topic, key, value }) => ({
        topic,
        key: key?.toString('base64') ?? null,
        value: value?.toString('base64') ?? null,
      })),
    });
  });
  for (const seq of seqs.values())
    rows.push({ seq, state: 'dropped', code: 'PREVIEWED', message: 'what the station said of it has expired' });
  for (let at = 0; at < rows.length; at += AT_ONCE)
    await database.query(TAKE, [replay.id, JSON.stringify(rows.slice(at, at + AT_ONCE))]);
}

const TAKE = `
update replay_item i set state = w.state, code = w.code, message = w.message, field = w.field,
  judged_at = coalesce(w.at, i.judged_at), downstream = w.downstream, outputs = w.outputs, followed = true
from jsonb_to_recordset($2::jsonb) as w(seq integer, state text, code text, message text, field text, at timestamptz,
  downstream jsonb, outputs jsonb)
where i.replay = $1 and i.seq = w.seq`;
