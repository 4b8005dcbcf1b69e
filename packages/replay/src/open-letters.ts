/** How many dead letters wait, by station, and for how long: for the metrics. */
import type { Queries } from './db/database.ts';

export interface OpenLetters {
  flow: string;
  station: string;
  letters: number;
  /** The last failure of the one that waits longest, ms since the epoch. */
  oldest: number;
}

/** From the sums by cause and one look into an index a station: as fast with a million dead letters as with ten. */
export const openByStation = (queries: Queries): Promise<OpenLetters[]> =>
  queries.query<OpenLetters>(`
    select flow, station, sum(letters)::bigint as letters, min(at)::float8 as oldest
    from (
      select flow, station, state, sum(letters) as letters from letter_group
      where state in ('open', 'corrected')
      group by flow, station, state having sum(letters) > 0
    ) waiting
    cross join lateral (
      select extract(epoch from last_at) * 1000 as at from dead_letter letter
      where (letter.flow, letter.station, letter.state) = (waiting.flow, waiting.station, waiting.state)
      order by last_at, id limit 1
    ) oldest
    group by flow, station`);
