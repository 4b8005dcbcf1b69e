/** What a run that has come to its end tells a person. */
import type { Reconciliation } from '@quadrille/record';
import { edgeTable, stationTable, verdictLines } from '../print/reconciliation.ts';
import { tableLines } from '../print/table.ts';
import { count, seconds } from '../print/values.ts';
import type { Report } from './report.ts';

/** @param isRepeated whether there had been runs before this one. */
export function summaryLines(report: Report, after: Reconciliation, isRepeated: boolean): string[] {
  const { run, memory, moments } = report;
  const received = Object.values(run.stations).reduce((sum, station) => sum + station.received, 0);
  const lines: string[] = [];
  if (isRepeated && received === 0)
    lines.push('Nothing new: every source had been read to its end, and every record judged.', '');
  lines.push(...section(isRepeated ? 'Stations, over all runs' : 'Stations', stationTable(report.stations)));
  if (isRepeated && received > 0) lines.push(...section('Stations, this run', stationTable(run.stations)));
  lines.push(...section('Edges', edgeTable(after.edges)));
  if (report.deadLetterGroups.length > 0) {
    const columns = [
      { name: 'CODE', of: (group: Report['deadLetterGroups'][number]) => group.code },
      { name: 'FIELD', of: (group: Report['deadLetterGroups'][number]) => group.field },
      { name: 'STATION', of: (group: Report['deadLetterGroups'][number]) => group.station },
      { name: 'COUNT', of: (group: Report['deadLetterGroups'][number]) => group.count },
    ];
    lines.push(
      ...section(
        `Dead letters: ${count(report.deadLetters.open)} open, see \`quadrille dlq groups\``,
        tableLines(columns, report.deadLetterGroups),
      ),
    );
  }
  if (received > 0) lines.push(...section('Processes', processTable(report)));
  if (moments.firstLoaded !== null && moments.lastExtracted !== null) {
    const streamed = moments.firstLoaded < moments.lastExtracted;
    lines.push(
      `First rows loaded at ${moments.firstLoaded}, ${streamed ? 'while the last were still to be extracted' : 'after the last had been extracted'}, at ${moments.lastExtracted}.`,
    );
  }
  const peak = Math.max(0, ...Object.values(memory));
  lines.push(
    `${count(received)} records judged in ${seconds(report.seconds * 1000)}${peak > 0 ? `, no station above ${count(peak)} MB` : ''}.`,
  );
  lines.push(...verdictLines(after));
  return lines;
}

const section = (title: string, lines: readonly string[]): string[] => [title, ...lines.map((line) => `  ${line}`), ''];

function processTable({ run, memory, stations }: Report): string[] {
  const names = [...new Set([...Object.keys(stations), ...Object.keys(memory)])];
  return tableLines(
    [
      { name: 'PROCESS', of: (name: string) => name },
      { name: 'RECORDS/S', of: (name: string) => run.recordsPerSecond[name] ?? '-' },
      { name: 'PEAK-MB', of: (name: string) => memory[name] ?? '-' },
      { name: 'RESTARTS', of: (name: string) => run.restarts[name] ?? 0 },
    ],
    names,
  );
}
