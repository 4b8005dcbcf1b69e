/** Forgets dead letters that have been settled for long: rows of the database, nothing in Kafka. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Duty, Ground } from '../model.ts';

const LOOK_MS = 3_600_000;
const STEP = 5_000;

/**
 * Looks every hour for those resolved or discarded more than `days` ago. A database that is made anew from Kafka holds them
 * again until the next look. @param days undefined: keeps all.
 */
export const retention =
  (ground: Pick<Ground, 'database' | 'log'>, days: number | undefined): Duty =>
  async (signal) => {
    while (!signal.aborted) {
      const gone = days === undefined ? 0 : await forget(ground, days, signal);
      if (gone > 0) ground.log.info({ deadLetters: gone, days }, 'settled dead letters forgotten');
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  };

/** @returns how many. @throws Fault DATABASE_UNAVAILABLE */
export async function forget(
  { database }: Pick<Ground, 'database'>,
  days: number,
  signal?: AbortSignal,
): Promise<number> {
  let gone = 0;
  for (;;) {
    const step = await database.transaction(async (tx) => {
      const rows = await tx.query<{ id: string }>(
        `delete from dead_letter where id in (
           select id from dead_letter
           where state in ('resolved', 'discarded') and settled_at < now() - make_interval(secs => $1::float8 * 86400)
           order by settled_at limit $2 for update skip locked
         ) returning id`,
        [days, STEP],
      );
      const ids = rows.map(({ id }) => id);
      // A record that comes again is a dead letter anew.
      await tx.query('delete from letter_record where dead_letter = any($1)', [ids]);
      await tx.query('delete from correction where dead_letter = any($1)', [ids]);
      return ids.length;
    });
    gone += step;
    if (step < STEP || signal?.aborted === true) break;
  }
  await database.query('delete from letter_hour where hour < now() - make_interval(secs => $1::float8 * 86400)', [
    days,
  ]);
  return gone;
}
