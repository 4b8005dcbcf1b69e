/** Dead letters by cause. */
import type { DeadLetterGroup, LetterState, Selection } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { conditionsOf, Parameters } from './conditions.ts';
import { selectIds } from './where-ids.ts';

type Reading = Pick<Ground, 'database' | 'registry'>;

/** One cause in one state. */
interface CauseRow {
  flow: string;
  station: string;
  topic: string;
  fingerprint: string;
  code: string;
  class: string;
  field: string;
  state: LetterState;
  letters: number;
  attempts: number;
  first_at: Date;
  last_at: Date;
  message: string;
}

/** Conditions that the sums by cause can answer; others are looked up in the dead letters themselves. */
const BY_CAUSE = new Set(['flow', 'station', 'topic', 'group', 'code', 'states']);

/** The largest first. @throws Fault SQL_INVALID */
export async function groups(ground: Reading, selection: Selection): Promise<DeadLetterGroup[]> {
  const named = Object.entries(selection).filter(([, value]) => value !== undefined);
  const rows = named.every(([name]) => BY_CAUSE.has(name))
    ? await fromSums(ground, selection)
    : await fromLetters(ground, selection);
  const trends = rows.length === 0 ? new Map<string, number[]>() : await trendsOf(ground);
  const found = new Map<string, DeadLetterGroup>();
  // The newest first, so that its message is the group's.
  for (const row of rows.sort((a, b) => b.last_at.getTime() - a.last_at.getTime())) {
    const { flow, station, topic, fingerprint, code, field } = row;
    const key = JSON.stringify([flow, station, topic, fingerprint, code, row.class, field]);
    let group = found.get(key);
    if (group === undefined) {
      group = {
        fingerprint,
        flow,
        station,
        topic,
        code,
        class: row.class,
        field: field === '' ? null : field,
        count: 0,
        states: {},
        attempts: 0,
        trend: trends.get(causeOf(row)) ?? new Array<number>(HOURS).fill(0),
        first: row.first_at.toISOString(),
        last: row.last_at.toISOString(),
        message: row.message,
      };
      found.set(key, group);
    }
    group.count += row.letters;
    group.states[row.state] = (group.states[row.state] ?? 0) + row.letters;
    group.attempts = Math.max(group.attempts, row.attempts);
    if (row.first_at.toISOString() < group.first) group.first = row.first_at.toISOString();
  }
  return [...found.values()].sort((a, b) => b.count - a.count || b.last.localeCompare(a.last));
}

/** Sums are kept; of each the newest, the first and the most often tried are one look into an index. */
function fromSums({ database }: Reading, selection: Selection): Promise<CauseRow[]> {
  const parameters = new Parameters();
  const { flow, station, topic, group, code, states } = selection;
  const given = { flow, station, topic, group, code };
  const conditions = conditionsOf(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Selection,
    parameters,
  );
  const inStates = states === undefined ? 'true' : `d.state = any(${parameters.add(states)})`;
  // Code, class and field go with the fingerprint.
  const ofCause = `(l.flow, l.station, l.topic, l.fingerprint, l.state) = (d.flow, d.station, d.topic, d.fingerprint, d.state)`;
  return database.transaction(async (tx) => {
    // All five columns go together, which the planner does not know: it takes a cause for a handful of rows and would sort
    // a hundred thousand of them, where the index has them in order.
    await tx.query('set local enable_sort = off');
    await tx.query('set local enable_bitmapscan = off');
    return tx.query<CauseRow>(
      `select d.flow, d.station, d.topic, d.fingerprint, d.code, d.class, d.field, d.state, d.letters,
       n.last_at, n.message, f.first_at, a.attempts
     from letter_group d
     cross join lateral (
       select l.last_at, l.message from dead_letter l where ${ofCause} order by l.last_at desc limit 1
     ) n
     cross join lateral (
       select l.first_at from dead_letter l where ${ofCause} order by l.first_at limit 1
     ) f
     cross join lateral (
       select l.attempts from dead_letter l where ${ofCause} order by l.attempts desc limit 1
     ) a
     where d.letters > 0 and ${conditions} and ${inStates}`,
      parameters.values,
    );
  });
}

async function fromLetters(ground: Reading, selection: Selection): Promise<CauseRow[]> {
  const parameters = new Parameters();
  let conditions: string;
  if (selection.where === undefined && selection.limit === undefined) conditions = conditionsOf(selection, parameters);
  else {
    const ids: string[] = [];
    for await (const some of selectIds(ground, selection)) ids.push(...some);
    conditions = `d.id = any(${parameters.add(ids)})`;
  }
  return ground.database.query<CauseRow>(
    `select d.flow, d.station, d.topic, d.fingerprint, d.code, d.class, coalesce(d.field, '') as field, d.state,
       count(*) as letters, max(d.attempts) as attempts, min(d.first_at) as first_at, max(d.last_at) as last_at,
       (array_agg(d.message order by d.last_at desc))[1] as message
     from dead_letter d where ${conditions} group by 1, 2, 3, 4, 5, 6, 7, 8`,
    parameters.values,
  );
}

const HOURS = 24;

const causeOf = ({ flow, station, fingerprint }: { flow: string; station: string; fingerprint: string }): string =>
  JSON.stringify([flow, station, fingerprint]);

/** Failures an hour by cause, the oldest of 24 hours first; the last one is the hour that runs. */
async function trendsOf({ database }: Reading): Promise<Map<string, number[]>> {
  const rows = await database.query<{
    flow: string;
    station: string;
    fingerprint: string;
    ago: number;
    failures: number;
  }>(
    `select flow, station, fingerprint, failures,
       (extract(epoch from date_trunc('hour', now()) - hour) / 3600)::integer as ago
     from letter_hour where hour > date_trunc('hour', now()) - interval '${HOURS} hours' and hour <= now()`,
  );
  const trends = new Map<string, number[]>();
  for (const { ago, failures, ...cause } of rows) {
    const key = causeOf(cause);
    const trend = trends.get(key) ?? new Array<number>(HOURS).fill(0);
    trend[HOURS - 1 - ago] = failures;
    trends.set(key, trend);
  }
  return trends;
}
