/** The books of a flow, narrowed to what was asked for, with its dead letters beside them. */
import { type Flow, inputsOf, outputTopicsOf, type StationSpec } from '@quadrille/flow';
import {
  deadLetterTopic,
  Fault,
  PREVIEWED,
  type Reconciliation,
  replayTopic,
  type StationTotals,
  stationGroup,
} from '@quadrille/record';
import { takePicture } from '@quadrille/station';
import type { FlowReconciliation, LetterCounts, ReconcileQuery } from '../api/index.ts';
import type { Queries } from '../db/database.ts';
import type { Ground } from '../model.ts';

/**
 * Stations, edges, ends, findings and dead letters are those of the station and topic asked for. `balanced`,
 * `unaccounted`, `drained` and `conflicts` are always of the whole flow, so that narrowing never hides that something does
 * not add up. With `since` and `until` (inclusive, exclusive) the verdicts of stations are those written down within, as
 * exact as rounds are: a round counts when its entry was written; and dead letters those whose last failure lies within.
 * What stands in topics (edges, ends, in flight) is always of now.
 * @throws Fault NOT_FOUND for a flow, station or topic that is not known; class `dependency`
 */
export async function reconcile(
  ground: Pick<Ground, 'database' | 'kafka' | 'admin' | 'flows'>,
  query: ReconcileQuery,
): Promise<FlowReconciliation> {
  const flow = ground.flows.get(query.flow);
  if (flow === undefined)
    throw new Fault('NOT_FOUND', `flow ${query.flow}`, { help: `known are ${[...ground.flows.keys()].join(', ')}` });
  const wanted = narrowed(flow, query);
  const fold = await takePicture(ground.kafka, ground.admin, flow, query.audit ?? false);
  const whole = fold.reconcile();
  const stations = Object.fromEntries(Object.entries(whole.stations).filter(([name]) => wanted.stations.has(name)));
  const ranged = query.since !== undefined || query.until !== undefined;
  return {
    flow: flow.name,
    at: new Date().toISOString(),
    balanced: whole.balanced,
    unaccounted: whole.unaccounted,
    drained: whole.drained,
    conflicts: whole.conflicts,
    stations: ranged ? await within(ground.database, query, stations) : stations,
    edges: whole.edges.filter(({ topic, station }) => wanted.topics.has(topic) && wanted.stations.has(station)),
    ends: whole.ends.filter(({ topic }) => wanted.topics.has(topic)),
    findings: whole.findings.filter(isWanted(flow, wanted)),
    deadLetters: await countLetters(ground.database, query),
  };
}

interface Wanted {
  stations: ReadonlySet<string>;
  topics: ReadonlySet<string>;
}

const topicsOf = (flow: Flow, spec: StationSpec): string[] => {
  const input = inputsOf(spec)[0];
  const outputs = outputTopicsOf(spec);
  return [
    ...(input === undefined ? [] : [input]),
    ...outputs,
    deadLetterTopic(input ?? outputs[0] ?? ''),
    replayTopic(flow.name, spec.name),
  ];
};

/** A topic may be given as a data topic, which takes its dead letters along, or as one of the others by itself. */
function narrowed(flow: Flow, { station, topic }: ReconcileQuery): Wanted {
  if (station !== undefined && !flow.stations.has(station))
    throw new Fault('NOT_FOUND', `station ${station} in flow ${flow.name}`, {
      help: `its stations are ${[...flow.stations.keys()].join(', ')}`,
    });
  const ofTopic = topic === undefined ? undefined : new Set([topic, deadLetterTopic(topic)]);
  const specs = [...flow.stations.values()]
    .filter(({ name }) => station === undefined || name === station)
    .filter((spec) => ofTopic === undefined || topicsOf(flow, spec).some((each) => ofTopic.has(each)));
  if (specs.length === 0)
    throw new Fault('NOT_FOUND', `topic ${topic} in flow ${flow.name}`, {
      help: `its topics are ${[...flow.topics.keys()].join(', ')}`,
    });
  const topics = new Set(specs.flatMap((spec) => topicsOf(flow, spec)));
  return {
    stations: new Set(specs.map(({ name }) => name)),
    topics: ofTopic === undefined ? topics : topics.intersection(ofTopic),
  };
}

const isWanted =
  (flow: Flow, { stations, topics }: Wanted) =>
  ({ station, topic }: Reconciliation['findings'][number]): boolean =>
    topics.has(topic) && (station === null || [...stations].some((name) => stationGroup(flow.name, name) === station));

interface SumsRow {
  station: string;
  replayed: boolean;
  pass: number;
  dropped: number;
  rejected: number;
  previewed: number;
  written: number;
  unchanged: number;
  superseded: number;
  conflicts: number;
  first: Date;
  last: Date;
}

/** The stations' totals with the verdicts of a time alone. */
async function within(
  queries: Queries,
  { flow, since, until }: ReconcileQuery,
  stations: Readonly<Record<string, StationTotals>>,
): Promise<Record<string, StationTotals>> {
  const rows = await queries.query<SumsRow>(
    `select station, topic = 'replay.' || flow || '.' || station as replayed, sum(pass)::bigint as pass,
       sum(dropped)::bigint as dropped, sum(rejected)::bigint as rejected,
       sum((select coalesce(sum((r ->> 'count')::bigint), 0) from jsonb_array_elements(runs) r where r ->> 'code' = $5))::bigint
         as previewed,
       ${['written', 'unchanged', 'superseded', 'conflicts']
         .map((outcome) => `sum(coalesce((outcomes ->> '${outcome}')::bigint, 0))::bigint as ${outcome}`)
         .join(', ')},
       min(at) as first, max(at) as last
     from ledger_part
     where live and flow = $1 and station = any($2) and ($3::timestamptz is null or at >= $3)
       and ($4::timestamptz is null or at < $4)
     group by 1, 2`,
    [flow, Object.keys(stations), since ?? null, until ?? null, PREVIEWED],
  );
  return Object.fromEntries(
    Object.entries(stations).map(([name, { kind, inFlight, replays }]) => {
      const row = (replayed: boolean) => rows.find((each) => each.station === name && each.replayed === replayed);
      const input = row(false);
      const totals: StationTotals = {
        kind,
        ...totalsOf(kind, input),
        inFlight,
        replays: { ...totalsOf(kind, row(true)), previewed: row(true)?.previewed ?? 0, inFlight: replays.inFlight },
        first: input?.first.getTime() ?? null,
        last: input?.last.getTime() ?? null,
      };
      return [name, totals];
    }),
  );
}

function totalsOf(kind: StationTotals['kind'], row: SumsRow | undefined) {
  const { pass, dropped, rejected, previewed, written, unchanged, superseded, conflicts } = row ?? NOTHING;
  return {
    received: pass + dropped + rejected,
    ...(kind === 'loader' ? { written, unchanged, superseded, conflicts } : { passed: pass }),
    dropped: dropped - previewed,
    rejected,
  };
}

const NOTHING = {
  pass: 0,
  dropped: 0,
  rejected: 0,
  previewed: 0,
  written: 0,
  unchanged: 0,
  superseded: 0,
  conflicts: 0,
};

async function countLetters(
  queries: Queries,
  { flow, station, topic, since, until }: ReconcileQuery,
): Promise<LetterCounts> {
  const counts: LetterCounts = { open: 0, corrected: 0, replaying: 0, resolved: 0, discarded: 0 };
  const conditions = `flow = $1 and ($2::text is null or station = $2) and ($3::text is null or $3 in (topic, 'dlq.' || topic))`;
  const values = [flow, station ?? null, topic ?? null];
  const rows =
    since === undefined && until === undefined
      ? await queries.query<{ state: keyof LetterCounts; n: number }>(
          `select state, sum(letters)::bigint as n from letter_group where ${conditions} group by 1`,
          values,
        )
      : await queries.query<{ state: keyof LetterCounts; n: number }>(
          `select state, count(*) as n from dead_letter where ${conditions}
             and ($4::timestamptz is null or last_at >= $4) and ($5::timestamptz is null or last_at < $5)
           group by 1`,
          [...values, since ?? null, until ?? null],
        );
  for (const { state, n } of rows) counts[state] = n;
  return counts;
}
