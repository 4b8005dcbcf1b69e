/** What the stations further down have made of a record's outputs. */
import type { Flow, StationSpec } from '@quadrille/flow';
import type { PlacedPart, RecordVerdict } from '@quadrille/record';
import type { Downstream, Placed } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { type Output, outputsOf } from './outputs.ts';
import { livePartsAt, verdictIn } from './parts.ts';

export interface Followed {
  /** Along the flow, by output. */
  downstream: Downstream[];
  /** Nothing of it will change any more, unless an operator acts. */
  final: boolean;
}

/** Outputs that were read before, by station and record: they stay the same as long as the part is live. */
export type KnownOutputs = Map<string, readonly Output[]>;

type Reader = Exclude<StationSpec, { kind: 'extractor' }>;

/** The stations of a flow whose input a topic is. */
export const readersOf = (flow: Flow, topic: string): Reader[] =>
  [...flow.stations.values()].filter((spec) => spec.kind !== 'extractor').filter(({ from }) => from === topic);

interface Visit {
  place: Placed;
  /** Which of the answers it belongs to. */
  of: number;
}

/**
 * Follows outputs down to the loaders, for many records at once: `outputs[i]` are those of one record, `answer[i]` is what
 * became of them. @param known is read and added to. @throws Fault of class `dependency`
 */
export async function downstreamOf(
  ground: Pick<Ground, 'database' | 'kafka' | 'admin'>,
  flow: Flow,
  outputs: readonly (readonly Placed[])[],
  known: KnownOutputs = new Map(),
): Promise<Followed[]> {
  const followed = outputs.map((): Followed => ({ downstream: [], final: true }));
  let visits: Visit[] = outputs.flatMap((places, of) =>
    places.map(({ topic, partition, offset }) => ({ place: { topic, partition, offset }, of })),
  );
  while (visits.length > 0) {
    const byReader = new Map<Reader, Visit[]>();
    for (const [topic, at] of Map.groupBy(visits, ({ place }) => place.topic))
      for (const reader of readersOf(flow, topic)) byReader.set(reader, at);
    visits = [];
    for (const [reader, at] of byReader) visits.push(...(await visitStation(reader, at)));
  }
  return followed;

  /** Notes the station's verdicts. @returns the outputs of what it has passed. */
  async function visitStation(reader: Reader, visits: readonly Visit[]): Promise<Visit[]> {
    const station = reader.name;
    const places = visits.map(({ place }) => place);
    const parts = await livePartsAt(ground.database, flow.name, station, places);
    const verdicts = visits.map(({ place }, i) => verdictIn(flow.name, station, parts[i], place.offset));
    const letters = await lettersAt(ground, verdicts);
    const passed: Visit[] = [];
    visits.forEach((visit, i) => {
      const { downstream, final } = entryOf(reader, visit.place, verdicts[i]!, parts[i], letters);
      followed[visit.of]!.downstream.push(downstream);
      if (!final) followed[visit.of]!.final = false;
      if (reader.kind !== 'loader' && verdicts[i]!.verdict === 'pass') passed.push(visit);
    });
    const made = await knownOutputs(
      ground,
      flow.name,
      station,
      passed.map(({ place }) => place),
      known,
    );
    return made.flatMap((each, i) =>
      each.map(({ topic, partition, offset }) => ({ place: { topic, partition, offset }, of: passed[i]!.of })),
    );
  }
}

/** As `outputsOf`, without reading again what is known. */
export async function knownOutputs(
  ground: Pick<Ground, 'database' | 'kafka' | 'admin'>,
  flow: string,
  station: string,
  places: readonly Placed[],
  known: KnownOutputs,
): Promise<(readonly Output[])[]> {
  const keyOf = ({ topic, partition, offset }: Placed): string => `${flow}.${station} ${topic}/${partition}/${offset}`;
  const unknown = places.filter((place) => !known.has(keyOf(place)));
  if (unknown.length > 0) {
    const read = await outputsOf(ground, flow, station, unknown);
    unknown.forEach((place, i) => void known.set(keyOf(place), read[i]!.outputs));
  }
  return places.map((place) => known.get(keyOf(place)) ?? []);
}

const letterKey = ({ topic, partition, offset }: Placed): string => `${topic}/${partition}/${offset}`;

/** Dead letters by the place of their record; without those that are not linked yet. */
export async function lettersAt(
  { database }: Pick<Ground, 'database'>,
  verdicts: readonly RecordVerdict[],
): Promise<(place: Placed) => string | undefined> {
  const places = verdicts.flatMap((verdict) =>
    verdict.verdict === 'reject' && verdict.deadLetter !== null ? [verdict.deadLetter] : [],
  );
  if (places.length === 0) return () => undefined;
  const rows = await database.query<Placed & { dead_letter: string }>(
    `select l.topic, l.partition, l.record_offset as offset, l.dead_letter
     from unnest($1::text[], $2::integer[], $3::bigint[]) as w(topic, partition, record_offset)
     join letter_record l using (topic, partition, record_offset)
     where l.dead_letter is not null`,
    [places.map(({ topic }) => topic), places.map(({ partition }) => partition), places.map(({ offset }) => offset)],
  );
  const byPlace = new Map(rows.map((row) => [letterKey(row), row.dead_letter]));
  return (place) => byPlace.get(letterKey(place));
}

function entryOf(
  { name, kind }: Reader,
  at: Placed,
  verdict: RecordVerdict,
  part: PlacedPart | undefined,
  letters: (place: Placed) => string | undefined,
): { downstream: Downstream; final: boolean } {
  const entry = { station: name, code: null, outcome: null, deadLetter: null, at };
  switch (verdict.verdict) {
    case 'pass':
      return {
        downstream: { ...entry, verdict: 'pass', outcome: kind === 'loader' ? verdict.outcome : null },
        final: true,
      };
    case 'drop':
      return { downstream: { ...entry, verdict: 'drop', code: verdict.code }, final: true };
    case 'reject': {
      const deadLetter = verdict.deadLetter === null ? null : (letters(verdict.deadLetter) ?? null);
      // It is linked a moment after the part has become live.
      const final = verdict.deadLetter === null || deadLetter !== null;
      return { downstream: { ...entry, verdict: 'reject', code: verdict.code, deadLetter }, final };
    }
    case 'none':
      // Where a part covers it without a verdict, an operator has accepted that it is gone: none will come.
      return { downstream: { ...entry, verdict: 'waiting' }, final: part !== undefined };
  }
}
