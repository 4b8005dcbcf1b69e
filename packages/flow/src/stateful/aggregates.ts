/** What is told of a window's records: exact sums of whole numbers and decimals, nulls passed over as in SQL. */
import { Fault } from '@quadrille/record';
import type { Field, FieldKind } from '../avro/field.ts';
import type { AggregateName } from './spec.ts';

/** What has been gathered; never changed in place, so that it can be kept. */
export type Gathered = number | string | bigint | null | readonly [sum: number, count: number];

export interface Aggregate {
  /** @throws Fault when a value cannot be taken in */
  add(gathered: Gathered, value: unknown): Gathered;
  /** As the codec of the output field takes it. */
  result(gathered: Gathered): unknown;
  first: Gathered;
}

const WHOLE: readonly FieldKind[] = ['int', 'long'];
const REAL: readonly FieldKind[] = ['float', 'double'];
/** Compared by value as they are. */
const ORDERED: readonly FieldKind[] = [
  ...WHOLE,
  ...REAL,
  'string',
  'date',
  'time-millis',
  'time-micros',
  'timestamp-millis',
  'timestamp-micros',
  'local-timestamp-millis',
  'local-timestamp-micros',
];

/** Why an aggregate of this field cannot stand in that one; undefined when it can. */
export function aggregateProblem(name: AggregateName, of: Field | undefined, into: Field): string | undefined {
  if (name === 'count' || of === undefined)
    return WHOLE.includes(into.kind) ? undefined : `\`${into.name}\` is ${into.kind}, and a count is an int or long`;
  const kinds = kindsOf(name, of);
  if (kinds.length === 0) return `\`${of.name}\` is ${of.kind}, which has no ${name}`;
  const same = kinds.includes(into.kind) && (into.kind !== 'decimal' || (into.scale ?? 0) === (of.scale ?? 0));
  if (!same || (name !== 'sum' && of.kind === into.kind && of.bigint !== into.bigint))
    return `\`${into.name}\` is ${into.kind}, and ${name} of \`${of.name}\` is ${kinds.join(' or ')}${of.kind === 'decimal' ? ` of scale ${of.scale ?? 0}` : ''}`;
  return of.nullable && !into.nullable
    ? `\`${into.name}\` may not be null, as ${name} of \`${of.name}\` is when all values are`
    : undefined;
}

/** What an aggregate may be taken as. */
function kindsOf(name: AggregateName, of: Field): readonly FieldKind[] {
  if (name === 'avg') return isNumber(of) ? ['double'] : [];
  if (of.kind === 'decimal') return ['decimal'];
  if (name === 'sum')
    return WHOLE.includes(of.kind) ? [...WHOLE, ...(of.bigint ? [] : REAL.slice(1))] : isNumber(of) ? ['double'] : [];
  return ORDERED.includes(of.kind) ? [of.kind] : [];
}

const isNumber = ({ kind, bigint }: Field): boolean => (WHOLE.includes(kind) && !bigint) || REAL.includes(kind);

export function aggregateOf(name: AggregateName, of: Field | undefined, into: Field): Aggregate {
  if (name === 'count' || of === undefined) return COUNT(into);
  if (name === 'avg') return AVERAGE;
  if (name === 'sum')
    return into.kind === 'double' ? SUM_REAL : into.kind === 'decimal' ? sumDecimal(into) : sumWhole(into);
  const sign = name === 'min' ? -1 : 1;
  const scale = of.kind === 'decimal' ? (of.scale ?? 0) : undefined;
  return {
    first: null,
    add: (gathered, value) => {
      if (value === null || value === undefined) return gathered;
      if (gathered === null) return value as Gathered;
      const [a, b] = scale === undefined ? [value, gathered] : [scaledOf(value, scale), scaledOf(gathered, scale)];
      return ((a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0) === sign
        ? (value as Gathered)
        : gathered;
    },
    result: (gathered) => gathered,
  };
}

const COUNT = (into: Field): Aggregate => ({
  first: 0,
  add: (gathered) => (gathered as number) + 1,
  result: (gathered) => (into.bigint ? BigInt(gathered as number) : gathered),
});
const AVERAGE: Aggregate = {
  first: null,
  add: (gathered, value) => {
    if (value === null || value === undefined) return gathered;
    const [sum, count] = (gathered ?? [0, 0]) as readonly [number, number];
    return [sum + (value as number), count + 1];
  },
  result: (gathered) => {
    if (gathered === null) return null;
    const [sum, count] = gathered as readonly [number, number];
    return sum / count;
  },
};
const SUM_REAL: Aggregate = {
  first: null,
  add: (gathered, value) =>
    value === null || value === undefined ? gathered : ((gathered ?? 0) as number) + (value as number),
  result: (gathered) => gathered,
};
const sumWhole = (into: Field): Aggregate => ({
  first: null,
  add: (gathered, value) =>
    value === null || value === undefined
      ? gathered
      : within(((gathered ?? 0n) as bigint) + BigInt(value as number), largestOf(into), into),
  result: (gathered) => (gathered === null || into.bigint ? gathered : Number(gathered)),
});

const largestOf = ({ kind, bigint }: Field): bigint =>
  kind === 'int' ? 2n ** 31n - 1n : bigint ? 2n ** 63n - 1n : BigInt(Number.MAX_SAFE_INTEGER);

/** What does not fit is the fault of the record that brings it, not of the one that closes the window. */
function within(sum: bigint, largest: bigint, into: Field): bigint {
  if (sum > largest || sum < -largest)
    throw new Fault('FIELD_INVALID', `with it the sum for \`${into.name}\` is beyond ${largest}`);
  return sum;
}

function sumDecimal(into: Field): Aggregate {
  const scale = into.scale ?? 0;
  const largest = 10n ** BigInt(into.precision ?? 38) - 1n;
  return {
    first: null,
    add: (gathered, value) =>
      value === null || value === undefined
        ? gathered
        : within(((gathered ?? 0n) as bigint) + scaledOf(value, scale), largest, into),
    result: (gathered) => (gathered === null ? null : decimalText(gathered as bigint, scale)),
  };
}

/** `-1.5` at scale 2 is -150n. */
function scaledOf(value: unknown, scale: number): bigint {
  const [, sign, whole, rest = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? [];
  if (whole === undefined) throw new Fault('FIELD_INVALID', 'a decimal is wanted');
  const number = BigInt(whole + rest.padEnd(scale, '0').slice(0, scale));
  return sign === '-' ? -number : number;
}

function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return value < 0n ? `-${text}` : text;
}
