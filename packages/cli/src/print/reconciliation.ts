/** A reconciliation for people: stations, edges, what does not add up. */
import type { Edge, Reconciliation, StationTotals } from '@quadrille/record';
import { type Column, tableLines } from './table.ts';
import { count } from './values.ts';

type Named = { name: string } & Omit<StationTotals, 'first' | 'last' | 'kind'> & { kind: string };

const STATIONS: readonly Column<Named>[] = [
  { name: 'STATION', of: (row) => row.name },
  { name: 'KIND', of: (row) => row.kind },
  { name: 'RECEIVED', of: (row) => row.received },
  { name: 'PASSED', of: (row) => row.passed ?? '-' },
  { name: 'DROPPED', of: (row) => row.dropped ?? '-' },
  { name: 'REJECTED', of: (row) => row.rejected },
  { name: 'WRITTEN', of: (row) => row.written ?? '-' },
  { name: 'UNCHANGED', of: (row) => row.unchanged ?? '-' },
  { name: 'SUPERSEDED', of: (row) => row.superseded ?? '-' },
  { name: 'CONFLICTS', of: (row) => row.conflicts ?? '-' },
  { name: 'IN-FLIGHT', of: (row) => row.inFlight },
];

const EDGES: readonly Column<Edge>[] = [
  { name: 'TOPIC', of: (edge) => edge.topic },
  { name: 'STATION', of: (edge) => edge.station },
  { name: 'CLAIMED', of: (edge) => edge.claimed },
  { name: 'DUPLICATE', of: (edge) => edge.duplicate },
  { name: 'STRAY', of: (edge) => edge.stray },
  { name: 'FOREIGN', of: (edge) => edge.foreign },
  { name: 'PROVISIONAL', of: (edge) => edge.provisional },
  { name: 'UNREADABLE', of: (edge) => edge.unreadable },
  { name: 'VERDICTS', of: (edge) => edge.verdicts },
  { name: 'IN-FLIGHT', of: (edge) => edge.inFlight },
  { name: 'COMPACTED', of: (edge) => edge.compacted },
  { name: 'EXPIRED', of: (edge) => edge.expired },
  { name: 'BEFORE-START', of: (edge) => edge.beforeStart },
];
/** These are zero as a rule, and shown only where one is not. */
const RARE = new Set([
  'STRAY',
  'FOREIGN',
  'PROVISIONAL',
  'UNREADABLE',
  'COMPACTED',
  'EXPIRED',
  'BEFORE-START',
  'SUPERSEDED',
  'CONFLICTS',
]);

const stationLines = (stations: Readonly<Record<string, Omit<Named, 'name'>>>): string[] =>
  lines(
    STATIONS,
    Object.entries(stations).map(([name, totals]) => ({ name, ...totals }) as Named),
  );

export const stationTable = (stations: Readonly<Record<string, object>>): string[] =>
  stationLines(stations as Record<string, Omit<Named, 'name'>>);
export const edgeTable = (edges: readonly Edge[]): string[] => lines(EDGES, edges);

const REPLAYS: readonly Column<Named>[] = [
  { name: 'STATION', of: (row) => row.name },
  { name: 'REPLAYED', of: ({ replays }) => replays.received },
  { name: 'DRY-RUN', of: ({ replays }) => replays.previewed },
  { name: 'PASSED', of: ({ replays }) => replays.passed ?? '-' },
  { name: 'DROPPED', of: ({ replays }) => replays.dropped },
  { name: 'REJECTED', of: ({ replays }) => replays.rejected },
  { name: 'IN-FLIGHT', of: ({ replays }) => replays.inFlight },
];

/** What stations were sent again; empty where nothing was. */
export function replayTable(stations: Readonly<Record<string, object>>): string[] {
  const rows = Object.entries(stations)
    .map(([name, totals]) => ({ name, ...totals }) as Named)
    .filter(({ replays }) => replays.received + replays.inFlight > 0);
  return rows.length === 0 ? [] : tableLines(REPLAYS, rows);
}

/** `dead letters: 3 open, 676 resolved`, without those that there are none of but the open ones. */
export const letterLine = (counts: Readonly<Record<string, number>>): string =>
  `dead letters: ${Object.entries(counts)
    .filter(([state, n]) => n > 0 || state === 'open')
    .map(([state, n]) => `${count(n)} ${state}`)
    .join(', ')}`;

function lines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const telling = ({ name, of }: Column<Row>): boolean =>
    !RARE.has(name) || rows.some((row) => ![0, '-'].includes(of(row) as number | string));
  return tableLines(columns.filter(telling), rows);
}

/** `balanced: …`, or what is not. */
export function verdictLines({
  balanced,
  unaccounted,
  conflicts,
  drained,
  findings,
  strays,
}: Reconciliation): string[] {
  const found: string[] = [];
  if (balanced)
    found.push(`balanced: every edge and station adds up, 0 unaccounted${drained ? '' : ', not all of it judged yet'}`);
  else found.push(`NOT BALANCED: ${count(unaccounted)} records unaccounted`);
  for (const { text } of findings.slice(0, 20)) found.push(`  ${text}`);
  if (findings.length > 20) found.push(`  … ${count(findings.length - 20)} more findings, see -o json`);
  if (conflicts > 0)
    found.push(
      `${count(conflicts)} conflicts: rows of one version with different content, which the target cannot decide`,
    );
  if (strays.length > 0)
    found.push(
      `strays stand in ${strays
        .slice(0, 5)
        .map(({ topic, partition, from }) => `${topic}[${partition}]@${from}`)
        .join(', ')}: something downstream may have used them`,
    );
  return found;
}
