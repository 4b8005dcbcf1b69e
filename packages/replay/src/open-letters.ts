/** How many dead letters there are, and for how long the oldest waits: for the metrics. As fast with a million as with ten. */
import type { Queries } from './db/database.ts';
import type { LetterCount } from './metrics.ts';

export interface OpenLetters {
  flow: string;
  station: string;
  /** The last failure of the one that waits longest, ms since the epoch. */
  oldest: number;
}

/** From the sums by cause and one look into an index a station. */
export const openByStation = (queries: Queries): Promise<OpenLetters[]> =>
  queries.query<OpenLetters>(`
    select flow, station, min(at)::float8 as oldest
    from (
      select flow, station, state from letter_group
      where state in ('open', 'corrected')
      group by flow, station, state having sum(letters) > 0
    ) waiting
    cross join lateral (
      select extract(epoch from last_at) * 1000 as at from dead_letter letter
      where (letter.flow, letter.station, letter.state) = (waiting.flow, waiting.station, waiting.state)
      order by last_at, id limit 1
    ) oldest
    group by flow, station`);

/** From the sums by cause alone; what has been there and is not any more counts 0. */
export const lettersByCode = (queries: Queries): Promise<LetterCount[]> =>
  queries.query<LetterCount>(
    'select flow, station, code, state, sum(letters)::bigint as letters from letter_group group by 1, 2, 3, 4',
  );

/** Replays that are not over, by flow and state. */
export const openReplays = (queries: Queries): Promise<{ flow: string; state: string; replays: number }[]> =>
  queries.query(
    `select flow, state, count(*) as replays from replay
     where not settled and state in ('waiting', 'running', 'cancelling') group by 1, 2`,
  );
