/** What was sent, and what will not be, written down with the items. */
import type { Fault } from '@quadrille/record';
import type { Tx } from '../db/database.ts';
import { lettersIn } from './apply.ts';
import { settleLetters } from './letter-states.ts';

export interface SentItem {
  seq: number;
  /** In the replay's destination. */
  partition: number;
  offset: number;
}

/** Items that wait are sent from now on; others stay as they are, so that doing it again changes nothing. */
export async function markSent(tx: Tx, replay: string, sent: readonly SentItem[]): Promise<void> {
  const corrected = await tx.query<{ dead_letter: string; correction: number; revision: number }>(
    `update replay_item i set state = 'sent', sent_offset = w.sent_offset, partition = w.partition
     from unnest($2::integer[], $3::integer[], $4::bigint[]) as w(seq, partition, sent_offset), replay r
     where i.replay = $1 and i.seq = w.seq and i.state = 'waiting' and r.id = i.replay
     returning case when r.kind = 'replay' then i.dead_letter end as dead_letter, i.correction, i.revision`,
    [replay, sent.map(({ seq }) => seq), sent.map(({ partition }) => partition), sent.map(({ offset }) => offset)],
  );
  const used = corrected.filter(({ dead_letter, correction }) => dead_letter !== null && correction !== null);
  if (used.length === 0) return;
  await tx.query(
    `update correction c set revision = w.revision
     from unnest($1::text[], $2::integer[], $3::bigint[]) as w(dead_letter, number, revision)
     where c.dead_letter = w.dead_letter and c.number = w.number`,
    [
      used.map(({ dead_letter }) => dead_letter),
      used.map(({ correction }) => correction),
      used.map(({ revision }) => revision),
    ],
  );
  await settleLetters(
    tx,
    used.map(({ dead_letter }) => dead_letter),
  );
}

/** What still waits will not be sent: its dead letters are as before. */
export async function withdraw(tx: Tx, replay: string): Promise<void> {
  const letters = await lettersIn(tx, replay, 'waiting');
  await tx.query("update replay_item set state = 'withdrawn' where replay = $1 and state = 'waiting'", [replay]);
  await settleLetters(tx, letters);
}

/** One record cannot be sent at all. */
export async function withdrawOne(tx: Tx, replay: string, seq: number, fault: Fault): Promise<void> {
  const [item] = await tx.query<{ dead_letter: string | null }>(
    `update replay_item set state = 'withdrawn', code = $3, message = $4
     where replay = $1 and seq = $2 and state = 'waiting' returning dead_letter`,
    [replay, seq, fault.code, fault.message],
  );
  if (item?.dead_letter != null) await settleLetters(tx, [item.dead_letter]);
}
