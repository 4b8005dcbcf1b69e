/** Reads a .sql rule file: YAML in the leading comment lines, then one SELECT. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Fault, Faults } from '@quadrille/record';
import { isMap, isSeq, LineCounter, parseDocument } from 'yaml';
import type { RuleExample } from '../rule.ts';

type Row = Record<string, unknown>;

/** As of a rule in TypeScript; a query that joins lookups also gets their rows. */
export interface SqlExample extends RuleExample<Row, Row> {
  /** Rows of each lookup, by its name. */
  lookups?: Record<string, Row[]>;
}

export interface SqlFile {
  /** Absolute. */
  file: string;
  name: string;
  doc: string;
  examples: SqlExample[];
  /** Line of each example in the file, from 1. */
  exampleLines: number[];
  /** The whole file: positions in it are positions in the file. */
  text: string;
  /** `file:line:column` of a position counted in UTF-8 bytes, as DuckDB counts. */
  placeOf(position: number): string;
}

const KEYS = new Set(['rule', 'doc', 'examples']);

/** @throws Faults SQL_INVALID with the lines of what is wrong in the header. */
export async function readSqlFile(file: string): Promise<SqlFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new Faults([
      new Fault('SQL_INVALID', 'file cannot be read', {
        place: file,
        cause,
        help: 'check the path in the flow file; it is relative to the flow file',
      }),
    ]);
  }
  return parseSqlFile(file, text);
}

/** @throws Faults as readSqlFile. */
export function parseSqlFile(file: string, text: string): SqlFile {
  const lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (!line.startsWith('--')) break;
    lines.push(line.replace(/^-- ?/, ''));
  }
  const counter = new LineCounter();
  const document = parseDocument(lines.join('\n'), { lineCounter: counter });
  const faults = document.errors.map((error) => {
    const at = error.linePos?.[0];
    return new Fault(
      'SQL_INVALID',
      `header is not valid YAML: ${(error.message.split('\n')[0] as string).replace(/ at line .*$/, '')}`,
      {
        place: at === undefined ? file : `${file}:${at.line}:${at.col + 3}`,
      },
    );
  });
  if (faults.length > 0) throw new Faults(faults);

  const header = (isMap(document.contents) ? document.toJS() : {}) as Row;
  const wrong = (detail: string): number => faults.push(new Fault('SQL_INVALID', detail, { place: `${file}:1:1` }));
  for (const key of Object.keys(header))
    if (!KEYS.has(key)) wrong(`header has an unknown key \`${key}\`; it takes rule, doc and examples`);
  if (typeof header.doc !== 'string' || header.doc === '')
    wrong('header lacks `-- doc: …`, one line on what the rule is for');
  const name = header.rule ?? basename(file, '.sql');
  if (typeof name !== 'string') wrong('`rule` must be a name');
  const examples = header.examples ?? [];
  const nodes = isMap(document.contents) ? document.contents.get('examples', true) : undefined;
  const exampleLines = isSeq(nodes)
    ? nodes.items.map(
        (item) => counter.linePos((item as { range?: [number, number, number] | null }).range?.[0] ?? 0).line,
      )
    : [];
  if (!Array.isArray(examples)) wrong('`examples` must be a list');
  else for (const [index, example] of examples.entries()) checkExample(example, index, wrong);
  if (faults.length > 0) throw new Faults(faults);

  return {
    file,
    name: name as string,
    doc: header.doc as string,
    examples: examples as SqlExample[],
    exampleLines,
    text,
    placeOf: (position) => placeIn(file, text, position),
  };
}

/** What every example needs, whatever the rule is written in. */
export function checkExample(example: unknown, index: number, wrong: (detail: string) => unknown): void {
  const which = `example ${index + 1}`;
  if (!isRow(example)) {
    wrong(`${which} must hold \`given\` and \`expect\``);
    return;
  }
  if (!isRow(example.given)) wrong(`${which}: \`given\` must hold the fields of one record`);
  const expected = example.expect;
  const rows = Array.isArray(expected) ? expected : [expected];
  if (!rows.every(isRow))
    wrong(`${which}: \`expect\` must hold fields, a list of outputs, { drop: CODE } or { reject: CODE }`);
}

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

function placeIn(file: string, text: string, position: number): string {
  const before = Buffer.from(text, 'utf8').subarray(0, position).toString('utf8');
  const line = before.split('\n').length;
  return `${file}:${line}:${before.length - before.lastIndexOf('\n')}`;
}
