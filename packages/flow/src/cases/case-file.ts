/** Reads case files: whole-flow cases in YAML, in the folder `cases` beside the flow file. */
import { glob, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { Fault } from '@quadrille/record';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Flow } from '../flow.ts';
import { type FlowDocument, type Path, parseFlow } from '../flow-file-document.ts';
import { violations } from '../json-schema-problem.ts';
import { caseSchema } from './case-schema.ts';

/** Fields of a record, and under `$id`, `$version`, `$revision`, `$deleted`, `$topic` who it is and where it goes. */
export type CaseRecord = Record<string, unknown>;

export type ExpectedVerdict =
  | string
  | { pass: CaseRecord | CaseRecord[] }
  | { drop: string }
  | { reject: string; field?: string };

export interface Expected {
  verdicts: readonly ExpectedVerdict[] | undefined;
  rows: readonly CaseRecord[] | undefined;
}

export interface FlowCase {
  name: string;
  /** Of the file and of the case. */
  lookups: ReadonlyMap<string, readonly CaseRecord[]>;
  given: ReadonlyMap<string, readonly CaseRecord[]>;
  expect: ReadonlyMap<string, Expected>;
  /** `file:line:column` of a part of the case, or of the nearest one above that there is. */
  place(path: Path): string;
  /** Where the verdict on a record is written. */
  placeOfVerdict(station: string, at: number): string;
  placeOfRow(station: string, at: number): string;
}

export interface CaseFile {
  /** Absolute. */
  file: string;
  cases: readonly FlowCase[];
  /** CASE_INVALID, with line and column; then there are no cases. */
  faults: readonly Fault[];
}

interface CaseJson {
  name: string;
  lookups?: Record<string, CaseRecord[]>;
  given: Record<string, CaseRecord[]>;
  expect: Record<string, ExpectedVerdict[] | { verdicts?: ExpectedVerdict[]; rows?: CaseRecord[] }>;
}

/** The case files of a flow, sorted: `cases/*.yaml` beside its flow file. */
export async function findCases(flow: Flow): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob('cases/**/*.{yaml,yml}', { cwd: flow.folder })) found.push(join(flow.folder, path));
  return found.sort();
}

let validate: ValidateFunction | undefined;

/** Reads a case file; what is wrong with it is in `faults`. */
export async function readCases(file: string): Promise<CaseFile> {
  const shown = relative('', resolve(file));
  const document = parseFlow(await readFile(file, 'utf8'), shown, 'CASE_INVALID');
  const syntax = document.errors.map(({ fault }) => fault);
  if (syntax.length > 0) return { file, cases: [], faults: syntax };
  validate ??= new Ajv2020({ allErrors: true, verbose: true, strict: false }).compile(caseSchema());
  const wrong = violations(validate, document.json ?? null, 'the name of a station, or of a topic').map(
    ({ path, of, what, help }) =>
      new Fault('CASE_INVALID', what, { place: document.place(path, of), ...(help !== undefined && { help }) }),
  );
  if (wrong.length > 0) return { file, cases: [], faults: wrong };
  const { lookups = {}, cases } = document.json as unknown as {
    lookups?: Record<string, CaseRecord[]>;
    cases: CaseJson[];
  };
  return { file, cases: cases.map((json, at) => caseOf(json, lookups, ['cases', at], document)), faults: [] };
}

function caseOf(json: CaseJson, shared: Record<string, CaseRecord[]>, path: Path, document: FlowDocument): FlowCase {
  const lookups = new Map(Object.entries(shared));
  for (const [topic, rows] of Object.entries(json.lookups ?? {}))
    lookups.set(topic, [...(lookups.get(topic) ?? []), ...rows]);
  const place = (rest: Path): string => document.place([...path, ...rest], 'key');
  const listed = (station: string): Path => (Array.isArray(json.expect[station]) ? [] : ['verdicts']);
  return {
    name: json.name,
    lookups,
    given: new Map(Object.entries(json.given)),
    expect: new Map(
      Object.entries(json.expect).map(([station, expected]) => [
        station,
        Array.isArray(expected)
          ? { verdicts: expected, rows: undefined }
          : { verdicts: expected.verdicts, rows: expected.rows },
      ]),
    ),
    place,
    placeOfVerdict: (station, at) => place(['expect', station, ...listed(station), at]),
    placeOfRow: (station, at) => place(['expect', station, 'rows', at]),
  };
}
