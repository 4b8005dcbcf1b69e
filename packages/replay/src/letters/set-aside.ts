/** Discards dead letters that nobody needs, with the reason; restores them. */
import { Fault } from '@quadrille/record';
import type { Selection, SetAsideRequest, SetAsideResult } from '../api/index.ts';
import type { Queries } from '../db/database.ts';
import type { Caller, Decisions, Ground } from '../model.ts';
import type { SetAsideBody } from './apply.ts';
import { selectIds } from './where-ids.ts';

/** Whether those in this state would change: replaying ones are refused, the others are there already. */
const CHANGING = {
  discard: ['open', 'corrected', 'resolved'],
  restore: ['discarded'],
};

/**
 * Up to 1,000 at a time, each such step whole or not at all; without `execute` only counted.
 * @throws Fault SELECTION_UNBOUNDED when all that are there are to be changed and `all` is not true; SELECTION_EMPTY; SQL_INVALID;
 * of class `dependency`: steps before it are done.
 */
export async function setAside(
  ground: Pick<Ground, 'database' | 'registry'>,
  decisions: Decisions,
  caller: Caller,
  kind: 'discard' | 'restore',
  request: SetAsideRequest,
): Promise<SetAsideResult> {
  const { selection, reason, execute = false, all = false } = request;
  if (execute && !all && !isBounded(selection)) throw new Fault('SELECTION_UNBOUNDED', '');
  const result: SetAsideResult = { changed: 0, refused: 0 };
  let seen = 0;
  for await (const ids of selectIds(ground, inStates(selection, kind))) {
    seen += ids.length;
    await step(ids);
  }
  if (seen === 0) throw new Fault('SELECTION_EMPTY', '');
  return result;

  async function step(ids: string[]): Promise<void> {
    if (!execute) return void count(await standing(ground.database, ids, ''));
    await ground.database.transaction(async (tx) => {
      const rows = await standing(tx, ids, 'for update');
      const at = Date.now();
      const state: SetAsideBody['state'] = kind === 'discard' ? 'discarded' : 'restored';
      await decisions.decide(
        tx,
        rows
          .filter((row) => CHANGING[kind].includes(row.state))
          .map(({ id }) => {
            const body: SetAsideBody = { letter: id, state };
            return { kind, id, at, by: caller.name, reason, body: JSON.stringify(body), bytes: null };
          }),
      );
      count(rows);
    });
  }

  function count(rows: readonly { state: string }[]): void {
    for (const { state } of rows) {
      if (CHANGING[kind].includes(state)) result.changed++;
      else if (state === 'replaying') result.refused++;
    }
  }
}

/** Of those not named one by one only such as may be meant: what is resolved is discarded only when that is said. */
function inStates(selection: Selection, kind: 'discard' | 'restore'): Selection {
  const { states, ids, prefix, record } = selection;
  if ((states ?? ids ?? prefix ?? record) !== undefined) return selection;
  return { ...selection, states: kind === 'discard' ? ['open', 'corrected', 'replaying'] : ['discarded'] };
}

/** `limit` alone is no condition: which ones it leaves is chance. */
const isBounded = ({ limit: _, ...conditions }: Selection): boolean =>
  Object.values(conditions).some((value) => value !== undefined);

const standing = (queries: Queries, ids: readonly string[], lock: string): Promise<{ id: string; state: string }[]> =>
  queries.query(`select id, state from dead_letter where id = any($1) order by id ${lock}`, [ids]);
