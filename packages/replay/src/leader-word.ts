/** What the leading instance says of itself, so that the others can say whether what they show is complete. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queries } from './db/database.ts';
import type { Duty, Ground } from './model.ts';

const TELL_MS = 500;
/** A word older than this is of an instance that has ended. */
const VALID_SECONDS = 5;

export interface LeaderWord {
  /** What stood in the topics when the leading instance began has been taken in. */
  caughtUp: boolean;
  /** Records not taken in yet, as last counted. */
  behind: number;
}

/** Tells it every half second while leading. */
export const tellWord =
  ({ database, instance }: Pick<Ground, 'database' | 'instance'>, word: () => LeaderWord): Duty =>
  async (signal) => {
    while (!signal.aborted) {
      const { caughtUp, behind } = word();
      await database.query(
        `insert into leader (instance, caught_up, behind, at) values ($1, $2, $3, now())
         on conflict (alone) do update set instance = excluded.instance, caught_up = excluded.caught_up,
           behind = excluded.behind, at = excluded.at`,
        [instance, caughtUp, behind],
      );
      await sleep(TELL_MS, undefined, { signal }).catch(() => {});
    }
  };

/** What the instance that leads now said last; undefined where none does. */
export async function leaderWord(queries: Queries): Promise<LeaderWord | undefined> {
  const [word] = await queries.query<{ caught_up: boolean; behind: number }>(
    `select caught_up, behind from leader where at > now() - interval '${VALID_SECONDS} seconds'`,
  );
  return word && { caughtUp: word.caught_up, behind: word.behind };
}
