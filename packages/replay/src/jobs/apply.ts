/** Applies what is decided of replays to the database: at once by whoever decides, and by the leader who makes it anew. */
import type { Tx } from '../db/database.ts';
import type { Apply } from '../model.ts';
import { settleLetters } from './letter-states.ts';
import type { ItemsBody, PlannedReplay, StateBody } from './rows.ts';

/** The replay itself, waiting; its items follow in decisions of their own. */
const replay: Apply = async (tx, { body }) => {
  const planned = JSON.parse(body) as PlannedReplay;
  await tx.query(
    `insert into replay (id, number, kind, flow, station, destination, state, records, rate, ramp, stop_at, request,
       reason, by_whom, created_at)
     values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9, $10, $11, $12, $13, $14)
     on conflict do nothing`,
    [
      planned.id,
      planned.number,
      planned.kind,
      planned.flow,
      planned.station,
      planned.destination,
      planned.records,
      planned.rate,
      JSON.stringify(planned.ramp),
      planned.stopAt,
      JSON.stringify(planned.request),
      planned.reason,
      planned.by,
      planned.createdAt,
    ],
  );
};

/** Some of its records; their dead letters are being replayed from now on, unless it is a dry run or a copy. */
const items: Apply = async (tx, { body }) => {
  const { replay: id, items: planned } = JSON.parse(body) as ItemsBody;
  const rows = planned.map(({ seq, deadLetter, recordId, from, letter, correction, revision, partition, former }) => ({
    seq,
    dead_letter: deadLetter,
    record_id: recordId,
    from_topic: from.topic,
    from_partition: from.partition,
    from_offset: from.offset,
    letter_topic: letter?.topic ?? null,
    letter_partition: letter?.partition ?? null,
    letter_offset: letter?.offset ?? null,
    correction,
    revision,
    partition,
    former,
  }));
  await tx.query(
    `insert into replay_item (replay, seq, dead_letter, record_id, from_topic, from_partition, from_offset, letter_topic,
       letter_partition, letter_offset, correction, revision, partition, former, state)
     select $1, seq, dead_letter, record_id, from_topic, from_partition, from_offset, letter_topic, letter_partition,
       letter_offset, correction, revision, partition, former, 'waiting'
     from jsonb_to_recordset($2::jsonb) as i(seq integer, dead_letter text, record_id text, from_topic text,
       from_partition integer, from_offset bigint, letter_topic text, letter_partition integer, letter_offset bigint,
       correction integer, revision bigint, partition integer, former jsonb)
     where exists (select from replay where id = $1)
     on conflict do nothing`,
    [id, JSON.stringify(rows)],
  );
  await settleLetters(tx, lettersOf(planned));
};

/** States only go forward: a decision that comes late changes nothing. */
const state: Apply = async (tx, { body }) => {
  const { replay: id, state, at, fault, begin } = JSON.parse(body) as StateBody;
  await tx.query(
    `update replay set state = $2, begin_at = coalesce($6::jsonb, begin_at), fault_code = $4, fault_message = $5,
       finished_at = case when ${rankOf('$2')} = 3 then $3::timestamptz end
     where id = $1 and ${rankOf('state')} < ${rankOf('$2')}`,
    [id, state, at, fault?.code ?? null, fault?.message ?? null, begin === null ? null : JSON.stringify(begin)],
  );
};

const rankOf = (state: string): string =>
  `case ${state}::text when 'waiting' then 0 when 'running' then 1 when 'cancelling' then 2 else 3 end`;

const lettersOf = (planned: readonly { deadLetter: string | null }[]): string[] =>
  planned.flatMap(({ deadLetter }) => deadLetter ?? []);

/** Dead letters of a replay's items that are `state` now. */
export const lettersIn = async (tx: Tx, replay: string, state: string): Promise<string[]> =>
  (
    await tx.query<{ dead_letter: string }>(
      'select dead_letter from replay_item where replay = $1 and state = $2 and dead_letter is not null',
      [replay, state],
    )
  ).map(({ dead_letter }) => dead_letter);

/** By kind of decision. */
export const jobApplies: Record<string, Apply> = { replay, items, state };
