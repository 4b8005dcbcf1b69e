/**
 * Applies what is decided of dead letters: at once by whoever decides, and by the leader who makes the database anew.
 * A decision may then come before its dead letter is known; it waits in `pending_decision`.
 */
import type { Decision } from '@quadrille/station';
import type { Tx } from '../db/database.ts';
import { settleLetters } from '../jobs/letter-states.ts';
import type { Apply } from '../model.ts';

export interface CorrectionBody {
  letter: string;
  /** From 1. */
  number: number;
  /** Of the dead letter that it was made from. */
  edition: number;
}

export interface SetAsideBody {
  letter: string;
  /** After it. */
  state: 'discarded' | 'restored';
}

const correction: Apply = async (tx, decision) => {
  const { letter, number } = JSON.parse(decision.body) as CorrectionBody;
  await tx.query(
    `insert into correction (dead_letter, number, by_whom, at, reason, value) values ($1, $2, $3, $4, $5, $6)
     on conflict do nothing`,
    [letter, number, decision.by, momentOf(decision), decision.reason, decision.bytes],
  );
  await settleLetters(tx, [letter]);
};

const discard: Apply = async (tx, decision) => {
  const { letter } = JSON.parse(decision.body) as SetAsideBody;
  const rows = await tx.query(
    `update dead_letter set state = 'discarded', edition = edition + 1, set_aside_reason = $2, settled_by = $3, settled_at = $4
     where id = $1 and state <> 'discarded' returning id`,
    [letter, decision.reason, decision.by, momentOf(decision)],
  );
  if (rows.length === 0) await keepUntilKnown(tx, letter, decision);
};

/** It is again what it was: resolved, or open, or corrected where a correction waits. */
const restore: Apply = async (tx, decision) => {
  const { letter } = JSON.parse(decision.body) as SetAsideBody;
  const rows = await tx.query(
    `update dead_letter set
       state = case when resolved_verdict is null then 'open' else 'resolved' end, edition = edition + 1,
       set_aside_reason = null, settled_by = case when resolved_verdict is null then null else $2 end,
       settled_at = case when resolved_verdict is null then null else $3::timestamptz end
     where id = $1 and state = 'discarded' returning id`,
    [letter, decision.by, momentOf(decision)],
  );
  if (rows.length === 0) await keepUntilKnown(tx, letter, decision);
  else await settleLetters(tx, [letter]);
};

/** By kind of decision. */
export const letterApplies: Record<string, Apply> = { correction, discard, restore };

/** A correction stands in a table of its own whether its dead letter is known or not. */
async function keepUntilKnown(tx: Tx, letter: string, decision: Decision): Promise<void> {
  const { kind, id, by, reason, body, bytes } = decision;
  await tx.query(
    `insert into pending_decision (dead_letter, kind, id, at, by_whom, reason, body, bytes)
     select $1, $2, $3, $4, $5, $6, $7, $8 where not exists (select from dead_letter where id = $1)
     on conflict (kind, id) do update set at = excluded.at, by_whom = excluded.by_whom, reason = excluded.reason`,
    [letter, kind, id, momentOf(decision), by, reason, body, bytes],
  );
}

/** What was decided of these dead letters before they were known. Call in the transaction that made them. */
export async function applyPending(tx: Tx, letterIds: readonly string[]): Promise<void> {
  if (letterIds.length === 0) return;
  const early = await tx.query<{ dead_letter: string }>(
    `select distinct dead_letter from correction where dead_letter = any($1) and revision is null`,
    [letterIds],
  );
  await settleLetters(
    tx,
    early.map(({ dead_letter }) => dead_letter),
  );
  const waiting = await tx.query<{
    kind: string;
    id: string;
    at: Date;
    by_whom: string;
    reason: string;
    body: string;
    bytes: Buffer | null;
  }>(
    `with taken as (delete from pending_decision where dead_letter = any($1) returning *)
     select kind, id, at, by_whom, reason, body, bytes from taken order by at, seq`,
    [letterIds],
  );
  for (const { kind, id, at, by_whom, reason, body, bytes } of waiting)
    await letterApplies[kind]?.(tx, { kind, id, at: at.getTime(), by: by_whom, reason, body, bytes });
}

const momentOf = ({ at }: Decision): string => new Date(at).toISOString();
