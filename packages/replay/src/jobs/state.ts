/** Changes of a replay's state, each a decision that says all that is known. */
import type { ReplayState } from '../api/index.ts';
import type { Tx } from '../db/database.ts';
import type { Decisions } from '../model.ts';
import { type BeginAt, OVER, type ReplayRow, type StateBody } from './rows.ts';

export interface StateChange {
  by: string;
  reason: string;
  fault?: { code: string; message: string };
  begin?: BeginAt;
}

/** The replay's row, locked until the transaction ends; undefined where there is none. */
export const lockReplay = async (tx: Tx, id: string): Promise<ReplayRow | undefined> =>
  (await tx.query<ReplayRow>('select * from replay where id = $1 for update', [id]))[0];

/** Decides that a replay, whose row the transaction has locked, is in another state from now on. */
export async function decideState(
  tx: Tx,
  decisions: Decisions,
  row: ReplayRow,
  state: ReplayState,
  { by, reason, fault, begin }: StateChange,
): Promise<void> {
  const at = Date.now();
  const known = row.fault_code === null ? null : { code: row.fault_code, message: row.fault_message ?? '' };
  const body: StateBody = {
    replay: row.id,
    state,
    at: new Date(at).toISOString(),
    fault: fault ?? known,
    begin: begin ?? row.begin_at,
  };
  await decisions.decide(tx, [{ kind: 'state', id: row.id, at, by, reason, body: JSON.stringify(body), bytes: null }]);
}

export const isOver = ({ state }: Pick<ReplayRow, 'state'>): boolean => OVER.includes(state);
