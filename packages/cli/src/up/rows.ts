/** The figures of running stations as text. */
import type { Paint } from '../print/colour.ts';
import { type Column, fit, tableLines } from '../print/table.ts';
import { count } from '../print/values.ts';

export interface StationRow {
  station: string;
  kind: string;
  state: string;
  received: number;
  passed: number;
  dropped: number;
  rejected: number;
  /** Records a second. */
  rate: number;
  /** undefined: not known yet, or an extractor. */
  lag: number | undefined;
}

const COLUMNS: readonly Column<StationRow>[] = [
  { name: 'STATION', of: (row) => row.station },
  { name: 'KIND', of: (row) => row.kind },
  { name: 'STATE', of: (row) => row.state },
  { name: 'RECEIVED', of: (row) => row.received },
  { name: 'PASSED', of: (row) => row.passed },
  { name: 'DROPPED', of: (row) => row.dropped },
  { name: 'REJECTED', of: (row) => row.rejected },
  { name: 'RECORDS/S', of: (row) => row.rate },
  { name: 'LAG', of: (row) => (row.lag === undefined ? '-' : count(row.lag)) },
];
/** What may be left out on a narrow terminal, first to last. */
const DISPENSABLE = ['KIND', 'PASSED', 'DROPPED', 'LAG', 'REJECTED'];

const COLOURS: Readonly<Record<string, Parameters<Paint>[1]>> = {
  running: 'green',
  exhausted: 'green',
  held: 'yellow',
  restarting: 'yellow',
  paused: 'red',
  stuck: 'red',
  failed: 'red',
};

/** The table, cut to the terminal's size; no line may wrap, or the next drawing would start at the wrong place. */
export function linesOf(rows: readonly StationRow[], size: { columns: number; rows: number }, paint: Paint): string[] {
  let columns = COLUMNS;
  let lines = tableLines(columns, rows);
  for (const name of DISPENSABLE) {
    if (Math.max(...lines.map((line) => line.length)) < size.columns) break;
    columns = columns.filter((column) => column.name !== name);
    lines = tableLines(columns, rows);
  }
  const room = Math.max(2, size.rows - 2);
  const shown = lines.length > room ? [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`] : lines;
  return shown.map((line, at) => {
    const short = fit(line, size.columns - 1);
    if (at === 0) return paint(short, 'bold');
    const state = rows[at - 1]?.state ?? '';
    const colour = COLOURS[state];
    return colour === undefined
      ? short
      : short.replace(
          new RegExp(`(^\\S+\\s+(?:\\S+\\s+)?)${state}\\b`),
          (_, before: string) => before + paint(state, colour),
        );
  });
}

/** One line: `qualify 120,000 (24,000/s, lag 3,100, 12 rejected)  …`. */
export function lineOf(rows: readonly StationRow[]): string {
  const parts = rows.map(({ station, state, received, rate, lag, rejected }) => {
    const notes = [`${count(rate)}/s`];
    if (lag !== undefined && lag > 0) notes.push(`lag ${count(lag)}`);
    if (rejected > 0) notes.push(`${count(rejected)} rejected`);
    if (state !== 'running') notes.push(state);
    return `${station} ${count(received)} (${notes.join(', ')})`;
  });
  return parts.join('  ');
}
