/** The live part of the ledger that covers a place, and the verdict in it. */
import { type PlacedPart, type RecordVerdict, stationGroup, verdictAt } from '@quadrille/record';
import type { Placed } from '../api/index.ts';
import type { Queries } from '../db/database.ts';
import { livePartOf, type PartRow } from '../follow/ledger.ts';

/**
 * The live part of a station over each place, in the order of the places; undefined where nothing live covers it. Places
 * of one part share one object. One query, whatever the number.
 */
export async function livePartsAt(
  queries: Queries,
  flow: string,
  station: string,
  places: readonly Placed[],
): Promise<(PlacedPart | undefined)[]> {
  const found: (PlacedPart | undefined)[] = new Array(places.length).fill(undefined);
  if (places.length === 0) return found;
  const rows = await queries.query<PartRow & { wanted: number[] }>(
    `select c.wanted, l.*
     from (
       select k.ledger_partition, k.ledger_offset, k.part, array_agg(w.n::integer) as wanted
       from unnest($3::text[], $4::integer[], $5::bigint[]) with ordinality as w(topic, partition, record_offset, n)
       cross join lateral (
         select p.ledger_partition, p.ledger_offset, p.part, p.to_offset
         from ledger_part p
         where p.live and p.flow = $1 and p.station = $2 and p.topic = w.topic and p.partition = w.partition
           and p.from_offset <= w.record_offset and p.from_offset < p.to_offset
         order by p.from_offset desc
         limit 1
       ) k
       where k.to_offset > w.record_offset
       group by 1, 2, 3
     ) c
     join ledger_part l using (ledger_partition, ledger_offset, part)`,
    [
      flow,
      station,
      places.map(({ topic }) => topic),
      places.map(({ partition }) => partition),
      places.map(({ offset }) => offset),
    ],
  );
  for (const row of rows) {
    const placed = livePartOf(row);
    for (const n of row.wanted) found[n - 1] = placed;
  }
  return found;
}

/** The verdict on the record at `offset` in the part that covers it; `waiting` without one. */
export const verdictIn = (flow: string, station: string, at: PlacedPart | undefined, offset: number): RecordVerdict =>
  at === undefined
    ? { verdict: 'none', why: 'waiting' }
    : verdictAt(
        {
          group: stationGroup(flow, station),
          topic: at.part.topic,
          partition: at.part.partition,
          judged: [at],
          start: at.part.from,
          end: at.part.to,
        },
        offset,
      );
