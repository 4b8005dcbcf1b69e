/**
 * The state of dead letters that were sent again, made anew of what is known: their newest attempt, what was sent of them
 * and with which verdict, their corrections. So it comes to the same in whatever order these have been taken in.
 */
import type { Tx } from '../db/database.ts';

/**
 * Brings state, waiting correction and resolution of these dead letters up to date; `edition` grows where anything changes.
 * Discarded ones stay as they are. Idempotent; call within the transaction that has changed items or corrections.
 */
export async function settleLetters(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.query(SETTLE, [[...new Set(ids)].sort()]);
}

/** The items of withdrawn, dry and copied records are no attempts; an attempt that failed again is a newer dead letter. */
const SETTLE = `
with attempt as (
  select distinct on (i.dead_letter) i.dead_letter, i.replay, i.state, i.code, i.judged_at, i.downstream, r.by_whom
  from replay_item i
  join replay r on r.id = i.replay
  join dead_letter d on d.id = i.dead_letter
  where i.dead_letter = any($1) and r.kind in ('replay', 'rerun') and i.state <> 'withdrawn' and i.revision > d.revision
  order by i.dead_letter, i.revision desc
), corrected as (
  select dead_letter, max(number) filter (where revision is null) as number,
    max(number) filter (where revision is not null) as sent
  from correction where dead_letter = any($1) group by 1
), known as (
  select d.id, a.replay, a.by_whom, a.downstream, a.judged_at,
    case when c.number > coalesce(c.sent, 0) then c.number end as correction,
    case
      when a.state in ('passed', 'dropped') then 'resolved'
      when a.state is not null then 'replaying'
      when d.state = 'resolved' then 'resolved'
      when c.number > coalesce(c.sent, 0) then 'corrected'
      else 'open'
    end as state,
    case a.state when 'passed' then 'pass' when 'dropped' then 'drop' end as verdict,
    case a.state when 'dropped' then a.code end as code
  from dead_letter d
  left join attempt a on a.dead_letter = d.id
  left join corrected c on c.dead_letter = d.id
  where d.id = any($1) and d.state <> 'discarded'
)
update dead_letter d set
  state = k.state,
  correction = k.correction,
  edition = d.edition + 1,
  replay = coalesce(k.replay, d.replay),
  resolved_verdict = case when k.state = 'resolved' then coalesce(k.verdict, d.resolved_verdict) end,
  resolved_code = case when k.state = 'resolved' then case when k.verdict is null then d.resolved_code else k.code end end,
  set_aside_reason = null,
  settled_by = case when k.state = 'resolved' then coalesce(k.by_whom, d.settled_by) end,
  settled_at = case when k.state = 'resolved' then coalesce(k.judged_at, d.settled_at) end,
  downstream = case when k.state = 'resolved' then coalesce(k.downstream, d.downstream) else '[]' end
from known k
where k.id = d.id
  and (d.state, d.correction, d.resolved_verdict) is distinct from (k.state, k.correction,
    case when k.state = 'resolved' then coalesce(k.verdict, d.resolved_verdict) end)`;
