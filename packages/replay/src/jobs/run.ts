/** The leader's duty to run replays: in the order they were asked for, one at a time to each topic, several topics at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { enduring } from '../away.ts';
import type { Decisions, Duty, Ground } from '../model.ts';
import { Job } from './job.ts';
import { readBack } from './read-back.ts';
import type { ReplayRow } from './rows.ts';
import { withdraw } from './sent.ts';
import { isOver } from './state.ts';
import { settleSent } from './verdicts.ts';

const LOOK_MS = 200;

/**
 * @param ready whether everything that was decided is known, and `recover` is done: nothing is sent before.
 */
export function runReplays(ground: Ground, decisions: Decisions, ready: () => boolean): Duty {
  return async (signal) => {
    const ending = new AbortController();
    const over = AbortSignal.any([signal, ending.signal]);
    const lanes = new Map<string, Promise<void>>();
    const failed: unknown[] = [];
    try {
      while (!over.aborted && failed.length === 0) {
        if (ready()) {
          for (const row of await unsettled(ground)) {
            const lane = laneOf(row);
            if (lanes.has(lane)) continue;
            const duty = enduring(`replay ${row.id}`, (end) => new Job(ground, decisions, row.id).run(end), ground.log);
            const running = duty(over)
              .catch((error) => void failed.push(error))
              .finally(() => lanes.delete(lane));
            lanes.set(lane, running);
          }
        }
        await sleep(LOOK_MS, undefined, { signal: over }).catch(() => {});
      }
    } finally {
      ending.abort();
      await Promise.all(lanes.values());
    }
    if (failed.length > 0) throw failed[0];
  };
}

/** Dry runs do not wait for what is sent for good; what is only to be looked up again waits for nothing of either. */
const laneOf = (row: ReplayRow): string =>
  isOver(row) ? 'over' : `${row.kind === 'preview' ? 'preview ' : ''}${row.destination}`;

/** Decisions of all flows stand in one topic; those of flows that this service does not know wait. */
const unsettled = ({ database, flows }: Ground): Promise<ReplayRow[]> =>
  database.query<ReplayRow>('select * from replay where not settled and flow = any($1) order by created_at, number', [
    [...flows.keys()],
  ]);

/**
 * Once decisions are taken in: finds what was sent of all replays that are not settled, and which verdicts there are. To be
 * awaited before `runReplays` is ready. @throws Fault of class `dependency`
 */
export function recover(ground: Ground): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const begun = (await unsettled(ground)).filter(({ begin_at }) => begin_at !== null);
    for (const [destination, rows] of Map.groupBy(begun, ({ destination }) => destination)) {
      if (signal.aborted) return;
      await readBack(ground, destination, rows);
      for (const row of rows) {
        if (isOver(row)) await ground.database.transaction((tx) => withdraw(tx, row.id));
        await settleSent(ground.database, row.flow, row.station, row.id);
      }
      await ground.database.query(
        `update replay r set settled = true
         where r.id = any($1) and r.state in ('cancelled', 'stopped', 'done') and not exists (
           select from replay_item i where i.replay = r.id and i.state in ('waiting', 'sent') and r.kind <> 'copy')`,
        [rows.map(({ id }) => id)],
      );
    }
  };
}
