/** Runs the examples that stand in a rule's own file. */
import { isDeepStrictEqual } from 'node:util';
import { Drop, Fault, Routed, type RuleResult } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { ReadyRule, RuleExample } from '../rule.ts';
import { defaultOf, fromWritten } from './fields.ts';
import type { OutputFields } from './sql-plan.ts';

type Row = Record<string, unknown>;
type Output = Row | Routed<Row>;

export interface ExampleOutcome {
  /** Absolute. */
  file: string;
  rule: string;
  /** Its name, or `example 2`. */
  example: string;
  /** EXAMPLE_FAILED with the difference; undefined: it holds. */
  fault: Fault | undefined;
}

/** The record an example starts from: what it gives, the rest filled by type. */
export function givenRecord(example: { given: Row }, fields: readonly Field[]): Row {
  const record: Row = {};
  for (const field of fields) record[field.name] = defaultOf(field);
  for (const [name, value] of Object.entries(structuredClone(example.given))) {
    const field = fields.find((one) => one.name === name);
    record[name] = field === undefined ? value : fromWritten(value, field);
  }
  return record;
}

export interface ExampleFields {
  /** Those that are filled. */
  input: readonly Field[];
  /** All that values may be written for. */
  fields: readonly Field[];
  /** Of what is sent to a topic. */
  topics: OutputFields;
}

/** Applies the rule to an example and compares. */
export async function runExample(
  ready: ReadyRule,
  example: RuleExample<Row, Row>,
  { input, fields, topics }: ExampleFields,
): Promise<string | undefined> {
  for (const name of Object.keys(example.given))
    if (!fields.some((field) => field.name === name)) return `\`given\` has a field \`${name}\` that no schema has`;
  const record = givenRecord(example, input);
  const [result] = await ready.apply([record]);
  return difference(example.expect, result as RuleResult<Output>, fields, topics);
}

/** What does not hold, for a person; undefined when all does. */
function difference(
  expect: RuleExample<Row, Row>['expect'],
  result: RuleResult<Output>,
  fields: readonly Field[],
  topics: OutputFields,
): string | undefined {
  const want = wantedVerdict(expect, fields);
  if (want !== undefined) {
    if (result instanceof Drop && want.verdict === 'drop' && want.code === result.code) return undefined;
    if (result instanceof Fault && want.verdict === 'reject' && want.code === result.code) {
      return want.field === undefined || want.field === result.field
        ? undefined
        : `rejected for field ${shown(result.field)}, expected ${shown(want.field)}`;
    }
    return `${resultShown(result)}, expected ${want.verdict} ${want.code}`;
  }
  if (result instanceof Drop || result instanceof Fault)
    return `${resultShown(result)}, expected ${Array.isArray(expect) ? `${expect.length} records` : 'a record'}`;
  const got = ([result].flat() as Output[]).map(placed);
  const wanted = ([expect].flat() as Output[]).map(placed);
  if (got.length !== wanted.length) return `${got.length} records, expected ${wanted.length}`;
  const lines = wanted.flatMap((want, at) =>
    outputDifference(want, got[at] as Placed, topics.get(want.topic ?? '') ?? fields).map((line) =>
      wanted.length === 1 ? line : `record ${at}: ${line}`,
    ),
  );
  return lines.length === 0 ? undefined : lines.join('\n');
}

interface Placed {
  /** undefined: it goes on to the next rule. */
  topic: string | undefined;
  record: Row;
}

/** SQL files are YAML: what their examples send to a topic names it among the fields. */
function placed(output: Output): Placed {
  if (output instanceof Routed) return output;
  const { $topic: topic, ...record } = output;
  return { topic: topic as string | undefined, record };
}

function outputDifference(want: Placed, got: Placed, fields: readonly Field[]): string[] {
  const sent = ({ topic }: Placed): string => (topic === undefined ? 'goes on' : `goes to ${topic}`);
  return [
    ...(want.topic === got.topic ? [] : [`it ${sent(got)}, expected that it ${sent(want)}`]),
    ...rowDifference(want.record, got.record, fields),
  ];
}

function wantedVerdict(
  expect: unknown,
  fields: readonly Field[],
): { verdict: 'drop' | 'reject'; code: string; field?: string } | undefined {
  if (Array.isArray(expect)) return undefined;
  const { drop, reject, field } = expect as { drop?: unknown; reject?: unknown; field?: string };
  // A schema may have a field of that name; then a text in it is a value.
  if (typeof drop === 'string' && !fields.some(({ name }) => name === 'drop')) return { verdict: 'drop', code: drop };
  if (typeof reject !== 'string' || fields.some(({ name }) => name === 'reject')) return undefined;
  return field === undefined ? { verdict: 'reject', code: reject } : { verdict: 'reject', code: reject, field };
}

/** Every named field that is not as wanted, a line each. @param wanted instants may be ISO 8601 text. */
export function rowDifference(wanted: Row, got: Row, fields: readonly Field[]): string[] {
  const lines: string[] = [];
  for (const [name, written] of Object.entries(wanted)) {
    const field = fields.find((one) => one.name === name);
    const value = field === undefined ? written : fromWritten(written, field);
    if (same(got[name], value)) continue;
    lines.push(`${name} is ${shown(got[name], field)}, expected ${shown(value, field)}`);
  }
  return lines;
}

const same = (a: unknown, b: unknown): boolean => a === b || (a === undefined && b === null) || isDeepStrictEqual(a, b);

function resultShown(result: RuleResult<Output>): string {
  if (result instanceof Drop) return `dropped with ${result.code}`;
  if (result instanceof Fault) return `rejected with ${result.code} (${result.message})`;
  return Array.isArray(result) ? `${result.length} records` : 'a record';
}

function shown(value: unknown, field?: Field): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'number' && field?.kind.includes('timestamp-millis') === true && Math.abs(value) <= 8.64e15)
    return `${value} (${new Date(value).toISOString()})`;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`;
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}` : part)) ?? String(value);
}
