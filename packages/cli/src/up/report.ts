/** The report of a run: what `--report` writes. */
import type { Reconciliation, StationTotals } from '@quadrille/record';
import type { LetterCounts } from '@quadrille/replay/api';
import type { Fleet } from './fleet.ts';
import { halvesOf } from './memory.ts';
import type { Cause, SetAside } from './set-aside.ts';

export interface StationFigures {
  kind: string;
  received: number;
  passed?: number;
  dropped?: number;
  written?: number;
  unchanged?: number;
  superseded?: number;
  conflicts?: number;
  rejected: number;
  inFlight: number;
}

export interface Report {
  balanced: boolean;
  unaccounted: number;
  /** From the first to the last moment of this run, stack and stations started and stopped. */
  seconds: number;
  /** Over all runs: the ledger's own figures, which stand in step with the edges. */
  stations: Record<string, StationFigures>;
  edges: Record<string, string | number>[];
  deadLetters: LetterCounts;
  /** What follows is beyond what other tools may rest on. */
  drained: boolean;
  conflicts: number;
  failed: string[];
  /** What this run alone has done. */
  run: {
    stations: Record<string, StationFigures>;
    recordsPerSecond: Record<string, number>;
    restarts: Record<string, number>;
  };
  moments: { firstLoaded: string | null; lastExtracted: string | null };
  /** Of those that are neither resolved nor discarded. */
  deadLetterGroups: Cause[];
  /** Peak resident megabytes (10^6 bytes) by process; empty where the system does not tell. */
  memory: Record<string, number>;
  /** Mean resident megabytes in the first and the second half of the run, by process; of those that ran for some seconds. */
  memoryHalves: Record<string, readonly [number, number]>;
  ends: Reconciliation['ends'];
  findings: Reconciliation['findings'];
}

export interface RunFacts {
  startedAt: number;
  before: Reconciliation | undefined;
  after: Reconciliation;
  fleet: Fleet;
  aside: SetAside;
}

export function reportOf({ startedAt, before, after, fleet, aside }: RunFacts): Report {
  const stations = mapValues(after.stations, figures);
  const own = mapValues(after.stations, (totals, name) => minus(figures(totals), before?.stations[name]));
  const { firstLoaded, lastExtracted } = moments(after, fleet, startedAt);
  return {
    balanced: after.balanced,
    unaccounted: after.unaccounted,
    seconds: Math.round((Date.now() - startedAt) / 100) / 10,
    stations,
    edges: after.edges.map((edge) => ({ ...edge })),
    deadLetters: aside.counts,
    drained: after.drained,
    conflicts: after.conflicts,
    failed: fleet.failed.map(({ name }) => name),
    run: {
      stations: own,
      recordsPerSecond: mapValues(own, ({ received }, name) =>
        rate(received, spanOf(name, after.stations[name]!, fleet, startedAt)),
      ),
      restarts: Object.fromEntries(
        fleet.processes.filter(({ restarts }) => restarts > 0).map(({ name, restarts }) => [name, restarts]),
      ),
    },
    moments: { firstLoaded: iso(firstLoaded), lastExtracted: iso(lastExtracted) },
    deadLetterGroups: aside.causes,
    memory: Object.fromEntries(
      fleet.processes.flatMap(({ name, peakBytes }) => (peakBytes === undefined ? [] : [[name, megabytes(peakBytes)]])),
    ),
    memoryHalves: Object.fromEntries(
      fleet.processes.flatMap(({ name, residentBytes }) => {
        const halves = halvesOf(residentBytes);
        return halves === undefined ? [] : [[name, [megabytes(halves[0]), megabytes(halves[1])] as const]];
      }),
    ),
    ends: after.ends,
    findings: after.findings,
  };
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

/**
 * From when to when a station worked in this run: by the ledger where the whole chain is of this run, else as its
 * processes were heard; null for what did not work.
 */
function spanOf(
  name: string,
  { first, last }: StationTotals,
  fleet: Fleet,
  startedAt: number,
): { from: number; to: number } | null {
  if (last === null || last < startedAt) return null;
  const heard = fleet.processes
    .filter(({ spec, firstAt }) => spec.name === name && firstAt > 0)
    .map(({ firstAt }) => firstAt);
  const from = first !== null && first >= startedAt ? first : Math.min(last, ...heard);
  return { from, to: last };
}

/** Records a second; a single round, which takes no time by the ledger, counts as one second. */
const rate = (received: number, span: { from: number; to: number } | null): number =>
  span === null ? 0 : span.to - span.from < 1 ? received : Math.round((received * 1000) / (span.to - span.from));

/** When the first rows stood in a target, and when the last were extracted; null for what did not happen in this run. */
export function moments(
  after: Reconciliation,
  fleet: Fleet,
  startedAt: number,
): { firstLoaded: number | null; lastExtracted: number | null } {
  const spans = (kind: string) =>
    Object.entries(after.stations).flatMap(([name, totals]) =>
      totals.kind === kind ? (spanOf(name, totals, fleet, startedAt) ?? []) : [],
    );
  const firsts = spans('loader').map(({ from }) => from);
  const lasts = spans('extractor').map(({ to }) => to);
  return {
    firstLoaded: firsts.length === 0 ? null : Math.min(...firsts),
    lastExtracted: lasts.length === 0 ? null : Math.max(...lasts),
  };
}

/** A run to the end sends no replays: their figures are no part of it. */
function figures({ first: _, last: __, replays: ___, ...rest }: StationTotals): StationFigures {
  if (rest.kind !== 'loader') return rest;
  const { dropped: ____, ...loader } = rest;
  return loader;
}

function minus(now: StationFigures, before: StationTotals | undefined): StationFigures {
  if (before === undefined) return now;
  const result = { ...now } as Record<string, unknown>;
  for (const [name, value] of Object.entries(now)) {
    if (typeof value === 'number' && name !== 'inFlight')
      result[name] = value - ((before as unknown as Record<string, number>)[name] ?? 0);
  }
  return result as unknown as StationFigures;
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

const mapValues = <A, B>(record: Record<string, A>, of: (value: A, name: string) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value, name)]));
