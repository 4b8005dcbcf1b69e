/** What operators have decided about the records of an id: corrections, discards, replays; as steps of its way. */
import type { Placed, TraceStep } from '../api/index.ts';
import type { Queries } from '../db/database.ts';

/** A step in which nothing is known but what is given. */
export const stepOf = (known: Pick<TraceStep, 'kind' | 'recordId'> & Partial<TraceStep>): TraceStep => ({
  at: null,
  place: null,
  from: null,
  version: null,
  revision: null,
  station: null,
  verdict: null,
  code: null,
  outcome: null,
  deadLetter: null,
  replay: null,
  by: null,
  reason: null,
  ...known,
});

export interface Decided {
  steps: TraceStep[];
  /** Records that were sent to a station again. */
  sent: Sent[];
}

export interface Sent {
  station: string;
  destination: string;
  partition: number;
  offset: number;
  recordId: string;
  /** As text; null where only the input topic tells it. */
  version: string | null;
  revision: number;
  replay: string;
  from: { topic: string; partition: number; offset: number };
  /** It carries former outputs, so that it may have led to tombstones of other ids. */
  former: boolean;
}

interface LetterRow {
  id: string;
  station: string;
  record_id: string | null;
  version: string | null;
  state: string;
  source_topic: string;
  source_partition: number;
  source_offset: number;
  set_aside_reason: string | null;
  settled_by: string | null;
  settled_at: Date | null;
}

interface ItemRow {
  replay: string;
  kind: string;
  number: number;
  station: string;
  destination: string;
  created_at: Date;
  by_whom: string;
  reason: string;
  record_id: string | null;
  dead_letter: string | null;
  version: string | null;
  from_topic: string;
  from_partition: number;
  from_offset: number;
  partition: number;
  sent_offset: number | null;
  revision: number;
  former: boolean;
}

/** Of the records with these ids in a flow; dry runs are left out. */
export async function decidedOf(queries: Queries, flow: string, ids: readonly string[]): Promise<Decided> {
  // As they stand in the database, whose text has no NUL.
  const told = ids.map((id) => id.replaceAll('\0', '\uFFFD'));
  const letters = await queries.query<LetterRow>(
    `select id, station, record_id, version::text, state, source_topic, source_partition, source_offset,
       set_aside_reason, settled_by, settled_at
     from dead_letter where flow = $1 and record_id = any($2)`,
    [flow, told],
  );
  const byId = new Map(letters.map((letter) => [letter.id, letter]));
  const corrections = await queries.query<{
    dead_letter: string;
    by_whom: string;
    at: Date;
    reason: string;
    revision: number | null;
  }>('select dead_letter, by_whom, at, reason, revision from correction where dead_letter = any($1)', [
    [...byId.keys()],
  ]);
  const items = await queries.query<ItemRow>(
    `select r.id as replay, r.kind, r.number, r.station, r.destination, r.created_at, r.by_whom, r.reason, i.record_id,
       i.dead_letter, d.version::text, i.from_topic, i.from_partition, i.from_offset, i.partition, i.sent_offset,
       i.revision, i.former is not null as former
     from replay_item i join replay r on r.id = i.replay left join dead_letter d on d.id = i.dead_letter
     where r.flow = $1 and r.kind <> 'preview' and (i.record_id = any($2) or i.dead_letter = any($3))`,
    [flow, told, [...byId.keys()]],
  );
  const steps: TraceStep[] = [];
  for (const letter of letters) {
    if (letter.state !== 'discarded') continue;
    steps.push(
      stepOf({
        kind: 'discard',
        ...ofLetter(letter),
        at: letter.settled_at?.toISOString() ?? null,
        by: letter.settled_by,
        reason: letter.set_aside_reason,
      }),
    );
  }
  for (const { dead_letter, by_whom, at, reason, revision } of corrections)
    steps.push(
      stepOf({
        kind: 'correction',
        ...ofLetter(byId.get(dead_letter)!),
        at: at.toISOString(),
        by: by_whom,
        reason,
        revision,
      }),
    );
  const sent: Sent[] = [];
  for (const item of items) {
    const from = { topic: item.from_topic, partition: item.from_partition, offset: item.from_offset };
    const recordId = item.record_id ?? '';
    const at =
      item.sent_offset === null
        ? null
        : { topic: item.destination, partition: item.partition, offset: item.sent_offset };
    steps.push(
      stepOf({
        kind: 'replay',
        recordId,
        at: item.created_at.toISOString(),
        place: at,
        from,
        version: item.version,
        revision: item.revision,
        station: item.station,
        deadLetter: item.dead_letter,
        replay: item.replay,
        by: item.by_whom,
        reason: item.reason,
      }),
    );
    // What was sent to a whole topic is told by that topic, if it is one of the flow.
    if (at === null || item.kind === 'copy') continue;
    const { station, destination, version, revision, replay, former } = item;
    sent.push({ station, destination, ...at, recordId, version, revision, replay, from, former });
  }
  return { steps, sent };
}

const ofLetter = (letter: LetterRow) => ({
  recordId: letter.record_id ?? '',
  station: letter.station,
  version: letter.version,
  deadLetter: letter.id,
  from: { topic: letter.source_topic, partition: letter.source_partition, offset: letter.source_offset },
});

/** Ids of the records that were sent to these places again. */
export async function idsSentTo(queries: Queries, flow: string, places: readonly Placed[]): Promise<string[]> {
  if (places.length === 0) return [];
  const rows = await queries.query<{ record_id: string }>(
    `select distinct i.record_id
     from unnest($2::text[], $3::integer[], $4::bigint[]) as w(topic, partition, record_offset)
     join replay_item i on i.partition = w.partition and i.sent_offset = w.record_offset and i.record_id is not null
     join replay r on r.id = i.replay and r.destination = w.topic and r.flow = $1`,
    [
      flow,
      places.map(({ topic }) => topic),
      places.map(({ partition }) => partition),
      places.map(({ offset }) => offset),
    ],
  );
  return rows.map(({ record_id }) => record_id);
}
