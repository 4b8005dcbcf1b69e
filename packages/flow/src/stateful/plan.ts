/** What a station's state is made with: its declaration held against the schemas, as functions of a record. */
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import { defaultOf } from '../rules/fields.ts';
import { type Aggregate, aggregateOf, aggregateProblem } from './aggregates.ts';
import { revive } from './entry.ts';
import type { DedupeSpec, StatefulSpec, WindowSpec } from './spec.ts';

type Value = Record<string, unknown>;

export interface StatefulProblem {
  /** Where in the entry. */
  path: readonly (string | number)[];
  what: string;
  help: string;
  /** A field that is not there: names that it may have meant. */
  known?: readonly string[];
}

const TIMES = ['timestamp-millis', 'timestamp-micros', 'local-timestamp-millis', 'local-timestamp-micros'];
const KEYS = ['boolean', 'int', 'long', 'string', 'enum', 'uuid', 'date', 'decimal', ...TIMES];

/** Every problem of a declaration. @param input fields of the station's input, @param output of its first topic. */
export function statefulProblems(
  { dedupe, window }: StatefulSpec,
  input: readonly Field[],
  output: readonly Field[],
): StatefulProblem[] {
  const problems: StatefulProblem[] = [];
  const need = (path: StatefulProblem['path'], fields: readonly Field[], name: string, of: string) => {
    const field = fields.find((each) => each.name === name);
    if (field === undefined)
      problems.push({
        path,
        what: `the ${of} has no field \`${name}\``,
        help: '',
        known: fields.map((each) => each.name),
      });
    return field;
  };
  const say = (path: StatefulProblem['path'], what: string, help: string): unknown =>
    problems.push({ path, what, help });
  const needKind = (
    path: StatefulProblem['path'],
    fields: readonly Field[],
    name: string,
    of: string,
    kinds: string[],
  ) => {
    const field = need(path, fields, name, of);
    if (field !== undefined && !kinds.includes(field.kind))
      say(path, `\`${name}\` is ${field.kind}`, `wanted is one of ${kinds.join(', ')}`);
    return field;
  };
  if (dedupe !== undefined) {
    for (const name of dedupe.by ?? []) needKind(['dedupe', 'by'], input, name, 'input', KEYS);
    if (dedupe.time !== undefined) needKind(['dedupe', 'time'], input, dedupe.time, 'input', TIMES);
  }
  if (window === undefined) return problems;
  if (window.time !== undefined) needKind(['window', 'time'], input, window.time, 'input', TIMES);
  for (const name of window.by) {
    const from = needKind(['window', 'by'], input, name, 'input', KEYS);
    const into = need(['window', 'by'], output, name, 'output');
    if (from && into && (from.kind !== into.kind || from.bigint !== into.bigint))
      say(
        ['window', 'by'],
        `\`${name}\` is ${from.kind} in the input and ${into.kind} in the output`,
        'give it one type',
      );
    else if (from?.nullable === true && into?.nullable === false)
      say(
        ['window', 'by'],
        `\`${name}\` of the output may not be null`,
        'allow null in the schema, as the input has it',
      );
  }
  for (const side of ['start', 'end'] as const)
    if (window[side] !== undefined) needKind(['window', side], output, window[side], 'output', TIMES);
  for (const { field, aggregate, of } of window.take) {
    const into = need(['window', 'take', field], output, field, 'output');
    const from = of === undefined ? undefined : need(['window', 'take', field], input, of, 'input');
    if (into === undefined || (of !== undefined && from === undefined)) continue;
    const problem = aggregateProblem(aggregate, from, into);
    if (problem !== undefined) say(['window', 'take', field], problem, 'change the schema, or what is taken');
  }
  const made = new Set([...window.by, ...window.take.map(({ field }) => field), window.start, window.end]);
  for (const field of output)
    if (!made.has(field.name) && !field.nullable && field.default === undefined)
      say(['window', 'take'], `nothing gives the output its field \`${field.name}\``, 'take it, or let it be null');
  return problems;
}

/** Who and when, of one record. */
export interface Keyed {
  keyOf(value: Value, id: string): string;
  /** ms since the epoch. @throws Fault FIELD_MISSING, EVENT_TIME_AHEAD */
  timeOf(value: Value, timestamp: number): number;
}

export interface DedupePlan extends Keyed {
  spec: DedupeSpec;
}

export interface WindowPlan extends Keyed {
  spec: WindowSpec;
  aggregates: readonly { field: string; of: string | undefined; aggregate: Aggregate }[];
  /** What stands in fields of the output that nothing gives. */
  base: Value;
  /** Fields of the output that say which window it is. */
  frame(start: number): Value;
  /** The fields that made the key. */
  groupOf(key: string): Value;
  /** Who the output is: the values of its key, then the window's first moment. */
  idOf(group: Value, start: number): string;
}

export interface StatefulPlan {
  dedupe: DedupePlan | undefined;
  window: WindowPlan | undefined;
}

/** What of a declaration decides what is kept, as text; the rest may change while windows are open. */
export const keptOf = ({ dedupe, window }: StatefulPlan): string =>
  JSON.stringify([
    dedupe && [dedupe.spec.by ?? null, dedupe.spec.time ?? null],
    window && [window.spec.by, window.spec.time ?? null, window.spec.everyMs, window.spec.take],
  ]);

/** Of a declaration without problems. */
export function planStateful(
  { dedupe, window }: StatefulSpec,
  input: readonly Field[],
  output: readonly Field[],
): StatefulPlan {
  return {
    dedupe: dedupe && { spec: dedupe, ...keyed(dedupe, input) },
    window: window && {
      spec: window,
      ...keyed(window, input),
      aggregates: window.take.map(({ field, aggregate, of }) => ({
        field,
        of,
        aggregate: aggregateOf(aggregate, fieldIn(input, of), fieldIn(output, field) as Field),
      })),
      base: Object.fromEntries(output.map((field) => [field.name, defaultOf(field)])),
      groupOf: (key) => {
        const values = JSON.parse(key, revive) as unknown[];
        return Object.fromEntries(window.by.map((name, i) => [name, values[i]]));
      },
      idOf: (group, start) =>
        [...window.by.map((name) => partOf(group[name])), new Date(start).toISOString().replace('.000Z', 'Z')].join(
          '/',
        ),
      frame: (start) => ({
        ...(window.start !== undefined && { [window.start]: momentFor(fieldIn(output, window.start), start) }),
        ...(window.end !== undefined && {
          [window.end]: momentFor(fieldIn(output, window.end), start + window.everyMs),
        }),
      }),
    },
  };
}

const fieldIn = (fields: readonly Field[], name: string | undefined): Field | undefined =>
  fields.find((field) => field.name === name);

function keyed({ by, time, aheadMs }: DedupeSpec | WindowSpec, input: readonly Field[]): Keyed {
  const micros = fieldIn(input, time)?.kind.endsWith('micros') === true;
  return {
    keyOf: (value, id) => (by === undefined ? id : JSON.stringify(by.map((name) => textOf(value[name] ?? null)))),
    timeOf: (value, timestamp) => {
      if (time === undefined) return timestamp;
      const at = value[time];
      if (typeof at !== 'number' && typeof at !== 'bigint')
        throw new Fault('FIELD_MISSING', `\`${time}\`, the event time`, { field: time });
      if (!Number.isFinite(Number(at)))
        throw new Fault('FIELD_INVALID', `\`${time}\`, the event time`, { field: time });
      const ms = micros ? Math.floor(Number(at) / 1_000) : Number(at);
      if (ms > timestamp + aheadMs) throw new Fault('EVENT_TIME_AHEAD', `\`${time}\``, { field: time });
      return ms;
    },
  };
}

/** A slash in a value is none between values. */
const partOf = (value: unknown): string => String(value).replaceAll('%', '%25').replaceAll('/', '%2F');

const textOf = (value: unknown): unknown => (typeof value === 'bigint' ? { n: String(value) } : value);

function momentFor(field: Field | undefined, ms: number): number | bigint {
  const moment = field?.kind.endsWith('micros') === true ? ms * 1_000 : ms;
  return field?.bigint === true ? BigInt(moment) : moment;
}
