/** Which columns a CSV file has, and which of them are wanted. */
import { Fault } from '@quadrille/record';
import type { CsvRows } from './csv-rows.ts';

export interface Columns {
  /** Columns of a row. */
  width: number;
  /** What is delivered, and from which column of the row. */
  names: readonly string[];
  indexes: readonly number[];
}

interface Asked {
  rows: CsvRows;
  /** A header row is expected, and was found: it is the row `rows` stands on. */
  expected: boolean;
  found: boolean;
  given: readonly string[] | undefined;
  /** Fields to be delivered; every column when empty. Columns beyond them are passed over. */
  wanted: readonly string[];
  delimiter: string;
}

const NAMED: Record<string, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars' };

/** @throws Fault SOURCE_HEADER saying which columns are missing and which were found. */
export function readColumns(name: string, { rows, expected, found, given, wanted, delimiter }: Asked): Columns {
  const place = expected ? `${name}:1` : name;
  const refuse = (detail: string, help?: string): never => {
    throw new Fault('SOURCE_HEADER', detail, help === undefined ? { place } : { place, help });
  };
  if (expected && !found) refuse('the file is empty');
  if (expected && rows.problem !== undefined) {
    const start = rows.raw().subarray(0, 2).toString('hex');
    const help = start === 'fffe' || start === 'feff' ? 'the file is in UTF-16; convert it to UTF-8' : undefined;
    refuse(rows.problem === 'TEXT_INVALID' ? 'it is not valid UTF-8' : 'it cannot be parsed', help);
  }
  const header = expected ? rows.fields.slice(0, rows.count) : undefined;
  if (header !== undefined && given !== undefined && header.length !== given.length) {
    refuse(
      `the file has ${header.length} columns, \`columns\` names ${given.length}`,
      delimiterHint(header, delimiter),
    );
  }
  const columns = given ?? header ?? [];
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) refuse(`column ${JSON.stringify(twice)} stands there twice`);
  const names = wanted.length === 0 ? columns : wanted;
  const missing = names.filter((field) => !columns.includes(field));
  if (missing.length > 0) {
    refuse(
      `missing ${list(missing)}; found ${list(columns)}`,
      header === undefined ? undefined : delimiterHint(header, delimiter),
    );
  }
  return { width: columns.length, names, indexes: names.map((field) => columns.indexOf(field)) };
}

/** One column that holds another usual delimiter: most likely that is the one. */
function delimiterHint(header: readonly string[], delimiter: string): string | undefined {
  const only = header.length === 1 ? (header[0] as string) : '';
  const other = Object.keys(NAMED).find((candidate) => candidate !== delimiter && only.includes(candidate));
  if (other === undefined) return undefined;
  return `the columns seem to be separated by ${NAMED[other]}: set \`delimiter: ${JSON.stringify(other)}\` in the flow file`;
}

const list = (names: readonly string[]): string =>
  names.length <= 30
    ? names.map((name) => JSON.stringify(name.slice(0, 200))).join(', ')
    : `${list(names.slice(0, 30))} and ${names.length - 30} more`;
