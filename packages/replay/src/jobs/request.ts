/** A request for a replay: answered with its plan, or written down as replays for the leader to run. */
import { Fault } from '@quadrille/record';
import type { Decision } from '@quadrille/station';
import type { Replay, ReplayAnswer, ReplayRequest } from '../api/index.ts';
import type { Tx } from '../db/database.ts';
import { untilKnown } from '../decisions/known.ts';
import type { Caller, Decisions, Ground } from '../model.ts';
import type { Draft, DraftItem } from './draft.ts';
import { draftsOf, planOf } from './plan.ts';
import { refusalOf } from './plan-letters.ts';
import { openAmong } from './plan-records.ts';
import { replayOf, shownReplays } from './query.ts';
import type { ItemsBody, PlannedReplay, ReplayRow } from './rows.ts';
import { decideState, isOver, lockReplay } from './state.ts';

/** Share that may fail again unless said. */
const STOP_AT = 0.5;
/** Items of one decision. */
const ITEMS = 500;
/** Decisions sent in one go. */
const DECISIONS = 20;
/** Rows locked in one go. */
const LOCKED = 5_000;

/**
 * With `execute` each station's replay is decided, in one transaction; the leader begins it then.
 * @throws Fault SELECTION_UNBOUNDED, FORMER_OUTPUTS_GONE; what a plan throws; and where nothing at all can be sent the
 *   reason of the first record, e.g. REPLAYING_ALREADY.
 */
export async function requestReplay(
  ground: Ground,
  decisions: Decisions,
  caller: Caller,
  request: ReplayRequest,
): Promise<ReplayAnswer> {
  const execute = request.execute === true;
  if (execute && request.all !== true && isUnbounded(request)) throw new Fault('SELECTION_UNBOUNDED', '');
  const drafts = await draftsOf(ground, request);
  if (!execute) return { plan: planOf(drafts, request), replays: [] };
  const orphans = drafts.reduce((sum, draft) => sum + draft.orphans, 0);
  if (orphans > 0 && request.allowOrphans !== true) throw new Fault('FORMER_OUTPUTS_GONE', `${orphans} records`);
  return { plan: null, replays: await decideDrafts(ground, decisions, caller, request, drafts) };
}

/** What a replay is decided with, beside its records. */
export type Terms = Pick<ReplayRequest, 'rate' | 'ramp' | 'stopAt' | 'reason' | 'execute'>;

/**
 * Decides the replays that drafts have led to; what has become impossible since is refused in its draft.
 * @param terms is kept with each replay as what was asked for.
 * @throws Fault where nothing at all can be sent: the reason of the first record.
 */
export async function decideDrafts(
  ground: Pick<Ground, 'database' | 'admin'>,
  decisions: Decisions,
  caller: Caller,
  terms: Terms,
  drafts: readonly Draft[],
): Promise<Replay[]> {
  return ground.database.transaction(async (tx) => {
    for (const flow of [...new Set(drafts.map(({ flow }) => flow))].sort())
      await tx.query("select pg_advisory_xact_lock(hashtextextended(current_schema() || ' replays ' || $1, 3))", [
        flow,
      ]);
    // Numbers that are taken are all known then, also those of a request that failed after it was decided.
    await untilKnown(ground, tx);
    const ids: string[] = [];
    for (const draft of drafts) {
      await refuseWhatChanged(tx, draft);
      if (draft.items.length > 0) ids.push(await decide(tx, decisions, caller, terms, draft));
    }
    const refused = drafts.find(({ fault }) => fault !== undefined)?.fault;
    if (ids.length === 0) throw refused ?? new Fault('SELECTION_EMPTY', '');
    const rows = await tx.query<ReplayRow>('select * from replay where id = any($1) order by flow, number', [ids]);
    return shownReplays(tx, rows);
  });
}

/** Sends nothing more; what is sent gets its verdict, the rest is as it was before. One that is over stays as it is. @throws Fault NOT_FOUND */
export async function cancel(
  ground: Ground,
  decisions: Decisions,
  caller: Caller,
  id: string,
  reason: string,
): Promise<Replay> {
  await ground.database.transaction(async (tx) => {
    const row = await lockReplay(tx, id);
    if (row !== undefined && !isOver(row) && row.state !== 'cancelling')
      await decideState(tx, decisions, row, 'cancelling', { by: caller.name, reason });
  });
  return replayOf(ground, id);
}

function isUnbounded({ deadLetters, records }: ReplayRequest): boolean {
  const { limit: _, ...conditions } = deadLetters ?? {};
  const { limit: __, flow: ___, station: ____, ...ofRecords } = records ?? {};
  return Object.values({ ...conditions, ...ofRecords }).every((condition) => condition === undefined);
}

/** Locks the dead letters until the end of the transaction, and leaves out what has become impossible since the plan. */
async function refuseWhatChanged(tx: Tx, draft: Draft): Promise<void> {
  if (draft.kind === 'preview' || draft.kind === 'copy') return;
  const kept: DraftItem[] = [];
  for (let at = 0; at < draft.items.length; at += LOCKED) {
    const items = draft.items.slice(at, at + LOCKED);
    const busy = await busyAmong(tx, draft, items);
    const letters = await lockLetters(
      tx,
      items.flatMap(({ deadLetter }) => deadLetter ?? []),
    );
    for (const item of items) {
      const letter = item.deadLetter === null ? undefined : letters.get(item.deadLetter);
      const refusal = busy.has(placeKey(item.from)) ? refusalOf('replaying') : letter && refusalOf(letter.state);
      if (refusal !== undefined) draft.refuse(item.deadLetter, item.letter ?? item.from, refusal);
      else kept.push(letter === undefined ? item : upToDate(item, letter));
    }
  }
  draft.items = kept;
}

const placeKey = ({ topic, partition, offset }: DraftItem['from']): string => `${topic}/${partition}/${offset}`;

async function busyAmong(tx: Tx, draft: Draft, items: readonly DraftItem[]): Promise<Set<string>> {
  const busy = new Set<string>();
  for (const [topic, places] of Map.groupBy(
    items.map(({ from }) => from),
    ({ topic }) => topic,
  ))
    for (const key of await openAmong(tx, draft.flow, draft.station, places)) busy.add(`${topic}/${key}`);
  return busy;
}

interface LockedLetter {
  id: string;
  state: string;
  revision: number;
  correction: number | null;
  letter_partition: number;
  letter_offset: number;
}

async function lockLetters(tx: Tx, ids: readonly string[]): Promise<Map<string, LockedLetter>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.query<LockedLetter>(
    `select id, state, revision, correction, letter_partition, letter_offset from dead_letter
     where id = any($1) order by id for update`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** What is sent is what stands there now. */
function upToDate(item: DraftItem, letter: LockedLetter): DraftItem {
  const above = Math.max(item.above, letter.revision);
  if (item.letter === null) return { ...item, above };
  const place = { topic: item.letter.topic, partition: letter.letter_partition, offset: letter.letter_offset };
  return { ...item, above, letter: place, correction: letter.correction };
}

/** Decides one station's replay. @returns its id */
async function decide(tx: Tx, decisions: Decisions, caller: Caller, terms: Terms, draft: Draft): Promise<string> {
  const [last] = await tx.query<{ number: number }>(
    'select coalesce(max(number), 0) as number from replay where flow = $1',
    [draft.flow],
  );
  const number = last!.number + 1;
  const { reason = '', execute: _, ...asked } = terms;
  const at = Date.now();
  const planned: PlannedReplay = {
    id: `${draft.flow}-${number}`,
    number,
    kind: draft.kind,
    flow: draft.flow,
    station: draft.station,
    destination: draft.destination,
    records: draft.items.length,
    rate: terms.rate ?? null,
    ramp: terms.ramp ?? [],
    stopAt: terms.stopAt ?? STOP_AT,
    request: asked,
    reason,
    by: caller.name,
    createdAt: new Date(at).toISOString(),
  };
  const decision = (kind: string, id: string, body: object): Decision => ({
    kind,
    id,
    at,
    by: caller.name,
    reason,
    body: JSON.stringify(body),
    bytes: null,
  });
  await decisions.decide(tx, [decision('replay', planned.id, planned)]);
  let waiting: Decision[] = [];
  for (let first = 0; first < draft.items.length; first += ITEMS) {
    const items = draft.items.slice(first, first + ITEMS).map(({ above, ...item }, i) => ({
      ...item,
      seq: first + i,
      // Of two replays of one record the later wins; a topic that another flow replays to may have higher ones already.
      revision: Math.max(number, above + 1),
    }));
    const body: ItemsBody = { replay: planned.id, items };
    waiting.push(decision('items', `${planned.id}/${first}`, body));
    if (waiting.length < DECISIONS && first + ITEMS < draft.items.length) continue;
    await decisions.decide(tx, waiting);
    waiting = [];
  }
  return planned.id;
}
