/** What the leading instance says of itself, so that the others can say whether what they show is complete. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queries } from './db/database.ts';
import type { Duty, Ground } from './model.ts';

const TELL_MS = 500;
/** A word older than this is of an instance that has ended. */
const VALID_SECONDS = 5;

/** Tells it every half second while leading. */
export const tellCaughtUp =
  ({ database, instance }: Pick<Ground, 'database' | 'instance'>, caughtUp: () => boolean): Duty =>
  async (signal) => {
    while (!signal.aborted) {
      await database.query(
        `insert into leader (instance, caught_up, at) values ($1, $2, now())
         on conflict (alone) do update set instance = excluded.instance, caught_up = excluded.caught_up, at = excluded.at`,
        [instance, caughtUp()],
      );
      await sleep(TELL_MS, undefined, { signal }).catch(() => {});
    }
  };

/** Whether some instance leads and has taken in what stood in the topics when it began. */
export async function isCaughtUp(queries: Queries): Promise<boolean> {
  const [word] = await queries.query<{ caught_up: boolean }>(
    `select caught_up from leader where at > now() - interval '${VALID_SECONDS} seconds'`,
  );
  return word?.caught_up === true;
}
