/** Tables for people: columns padded, `<none>` for what is empty, numbers to the right. */
import { count, printable } from './values.ts';

export interface Column<Row> {
  /** Upper case. */
  name: string;
  /** A number is grouped and stands right; null, undefined and '' become `<none>`. */
  of(row: Row): string | number | boolean | null | undefined;
  /** Only in `-o wide`. */
  wide?: true;
}

export const NONE = '<none>';

/** Lines without line ends, heading first. Trailing blanks are cut. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], wide = false): string[] {
  const shown = columns.filter((column) => wide || column.wide !== true);
  const cells = rows.map((row) => shown.map((column) => column.of(row)));
  const texts = cells.map((line) => line.map(cell));
  const right = shown.map(
    (_, at) =>
      cells.length > 0 &&
      cells.every((line) => typeof line[at] === 'number' || isNone(line[at]) || line[at] === '-') &&
      cells.some((line) => typeof line[at] === 'number'),
  );
  const widths = shown.map((column, at) => Math.max(column.name.length, ...texts.map((line) => line[at]!.length)));
  const pad = (value: string, at: number): string =>
    right[at] ? value.padStart(widths[at]!) : value.padEnd(widths[at]!);
  return [shown.map(({ name }) => name), ...texts].map((line) => line.map(pad).join('  ').trimEnd());
}

const isNone = (value: unknown): boolean => value === null || value === undefined || value === '';

function cell(value: string | number | boolean | null | undefined): string {
  if (isNone(value)) return NONE;
  if (typeof value === 'number') return Number.isInteger(value) ? count(value) : String(value);
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : printable(value as string);
}

/** Cut to a width, with … where something is missing. */
export const fit = (line: string, width: number): string =>
  line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
