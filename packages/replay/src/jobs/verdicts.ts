/**
 * Verdicts on replayed records, from the ledger's live parts into the items and their dead letters. A part may become live
 * before it is known that the record was sent: `settleSent` then finds what `replayVerdicts` could not.
 */
import { PREVIEWED, type RecordVerdict, replayTopic } from '@quadrille/record';
import type { Downstream, Placed } from '../api/index.ts';
import type { Database, Tx } from '../db/database.ts';
import { livePartsAt, verdictIn } from '../lineage/parts.ts';
import type { OnLive } from '../model.ts';
import { settleLetters } from './letter-states.ts';
import type { ReplayKind } from './rows.ts';

interface SentItem {
  replay: string;
  seq: number;
  kind: ReplayKind;
  topic: string;
  partition: number;
  offset: number;
  dead_letter: string | null;
}

/** An item with what the ledger says of it. */
interface Judged {
  item: SentItem;
  station: string;
  /** When the part was written, ms since the epoch. */
  at: number;
  /** Loaders alone tell outcomes. */
  isLoader: boolean;
  verdict: Exclude<RecordVerdict, { verdict: 'none' }>;
}

const SENT = `select i.replay, i.seq, r.kind, r.destination as topic, i.partition, i.sent_offset as offset, i.dead_letter
  from replay_item i join replay r on r.id = i.replay
  where i.state = 'sent' and i.code is null and r.kind <> 'copy'`;

/** Takes part in the transaction that makes parts live. */
export const replayVerdicts: OnLive = async (tx, parts) => {
  const judged: Judged[] = [];
  for (const { flow, station, at, ref, part } of parts) {
    if (part.topic !== replayTopic(flow, station)) continue;
    const items = await tx.query<SentItem>(
      `${SENT} and r.destination = $1 and i.partition = $2 and i.sent_offset >= $3 and i.sent_offset < $4
       order by i.replay, i.seq for update of i`,
      [part.topic, part.partition, part.from, part.to],
    );
    for (const item of items) {
      const verdict = verdictIn(flow, station, { ref, at, part }, item.offset);
      if (verdict.verdict !== 'none') judged.push({ item, station, at, isLoader: part.outcomes !== null, verdict });
    }
  }
  await note(tx, judged);
};

const AT_ONCE = 2_000;

/** The same for sent records of a replay whose parts are live already. @returns how many were judged now. */
export async function settleSent(database: Database, flow: string, station: string, replay: string): Promise<number> {
  let settled = 0;
  for (let after = -1; ; ) {
    const last = await database.transaction(async (tx) => {
      // As whoever makes parts live does first: that one has dead letters locked when it comes to the items.
      await tx.query('select from chain where (flow, station, topic) = ($1, $2, $3) order by partition for update', [
        flow,
        station,
        replayTopic(flow, station),
      ]);
      const items = await tx.query<SentItem>(
        `${SENT} and i.replay = $1 and i.seq > $2 order by i.seq limit ${AT_ONCE} for update of i`,
        [replay, after],
      );
      const parts = await livePartsAt(tx, flow, station, items);
      const judged = items.flatMap((item, i): Judged[] => {
        const verdict = verdictIn(flow, station, parts[i], item.offset);
        if (verdict.verdict === 'none') return [];
        const { at, part } = parts[i]!;
        return [{ item, station, at, isLoader: part.outcomes !== null, verdict }];
      });
      await note(tx, judged);
      settled += judged.length;
      return items.length < AT_ONCE ? undefined : items.at(-1)!.seq;
    });
    if (last === undefined) return settled;
    after = last;
  }
}

const STATES = { pass: 'passed', drop: 'dropped', reject: 'rejected' } as const;

async function note(tx: Tx, judged: readonly Judged[]): Promise<void> {
  if (judged.length === 0) return;
  const letters = await rejectedAs(tx, judged);
  const rows = judged.map(({ item, station, at, isLoader, verdict }) => {
    const { replay, seq } = item;
    const base = { replay, seq, at: new Date(at).toISOString(), message: null, field: null, dead_letter: null };
    // What a dry run would have led to stands in its preview, which is read once all are judged.
    if (verdict.verdict === 'drop' && verdict.code === PREVIEWED)
      return { ...base, at: null, state: 'sent', code: PREVIEWED, downstream: null, followed: true };
    const code = verdict.verdict === 'pass' ? null : verdict.code;
    const letter = verdict.verdict === 'reject' ? letters(verdict.deadLetter) : undefined;
    const written: Downstream[] | null =
      verdict.verdict === 'pass' && isLoader
        ? [
            {
              station,
              verdict: 'pass',
              code: null,
              outcome: verdict.outcome,
              deadLetter: null,
              at: { topic: item.topic, partition: item.partition, offset: item.offset },
            },
          ]
        : null;
    const followed = verdict.verdict !== 'pass' || written !== null;
    return { ...base, ...letter, state: STATES[verdict.verdict], code, downstream: written, followed };
  });
  await tx.query(
    `update replay_item i set state = w.state, code = w.code, judged_at = w.at,
       message = w.message, field = w.field, dead_letter = coalesce(i.dead_letter, w.dead_letter),
       downstream = w.downstream, followed = w.followed
     from jsonb_to_recordset($1::jsonb) as w(replay text, seq integer, state text, code text, at timestamptz,
       message text, field text, dead_letter text, downstream jsonb, followed boolean)
     where i.replay = w.replay and i.seq = w.seq`,
    [JSON.stringify(rows)],
  );
  await settleLetters(
    tx,
    judged.flatMap(({ item: { kind, dead_letter } }) => (kind === 'preview' ? [] : (dead_letter ?? []))),
  );
}

type LetterText = { message: string; field: string | null; dead_letter: string | null };

/** What the dead letters of rejected ones say. */
async function rejectedAs(
  tx: Tx,
  judged: readonly Judged[],
): Promise<(place: Placed | null) => LetterText | undefined> {
  const places = judged.flatMap(({ verdict }) =>
    verdict.verdict === 'reject' && verdict.deadLetter !== null ? [verdict.deadLetter] : [],
  );
  if (places.length === 0) return () => undefined;
  const rows = await tx.query<LetterText & Placed>(
    `select l.topic, l.partition, l.record_offset as offset, l.message, l.field, l.dead_letter
     from letter_record l
     join unnest($1::text[], $2::integer[], $3::bigint[]) as w(topic, partition, record_offset)
       using (topic, partition, record_offset)`,
    [places.map(({ topic }) => topic), places.map(({ partition }) => partition), places.map(({ offset }) => offset)],
  );
  const keyOf = ({ topic, partition, offset }: Placed): string => `${topic}/${partition}/${offset}`;
  const byPlace = new Map(
    rows.map((row) => [keyOf(row), { message: row.message, field: row.field, dead_letter: row.dead_letter }]),
  );
  return (place) => (place === null ? undefined : byPlace.get(keyOf(place)));
}
