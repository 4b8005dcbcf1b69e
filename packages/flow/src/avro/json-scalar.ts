/** Values that hold no others, as JSON and back; the table of json.ts says how each looks. */
import { textReader } from './coerce.ts';
import { formatDay, parseDay } from './day.ts';
import { decimalToText, textToUnscaled } from './decimal.ts';
import type { Field, FieldKind } from './field.ts';

/** A type that holds no other, in both directions. */
export interface Scalar {
  wanted: string;
  is(value: unknown): boolean;
  toJson(value: unknown): unknown;
  /** undefined: not of the type. */
  fromJson(json: unknown): unknown;
}
/** As in the schema; `kind` is the logical type where there is one. */
export interface ScalarOptions extends Partial<Pick<Field, 'symbols' | 'precision' | 'scale' | 'size'>> {
  type: string;
  kind: FieldKind;
  bigint: boolean;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';
const same = <T>(value: T): T => value;
const textual = (wanted: string, fits: (text: string) => boolean): Scalar => ({
  wanted,
  is: isText,
  toJson: same,
  fromJson: (json) => (isText(json) && fits(json) ? json : undefined),
});

const SPECIAL = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);
const REAL: Scalar = {
  wanted: 'a number',
  is: isNumber,
  toJson: (value) =>
    Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : `${value}`,
  fromJson: (json) => (typeof json === 'number' ? json : isText(json) ? SPECIAL.get(json) : undefined),
};

const WHOLE = ({ type, bigint }: ScalarOptions): Scalar => ({
  wanted:
    type === 'int'
      ? 'a whole number of 32 bits'
      : bigint
        ? 'a whole number of 64 bits, as text'
        : 'a whole number up to 2^53-1',
  is: isNumber,
  toJson: (value) => (typeof value === 'bigint' ? String(value) : value),
  fromJson: (json) => {
    if (bigint) {
      if (isText(json) && /^[+-]?\d{1,20}$/.test(json)) return fitting(BigInt(json.replace(/^\+/, '')));
      return Number.isSafeInteger(json) ? BigInt(json as number) : undefined;
    }
    if (!Number.isSafeInteger(json) || (type === 'int' && json !== ((json as number) | 0))) return undefined;
    return (json as number) + 0;
  },
});
const fitting = (value: bigint): bigint | undefined => (BigInt.asIntN(64, value) === value ? value : undefined);

/** A time or an instant: text where ISO 8601 has one, and the number it is. */
const moment = (options: ScalarOptions): Scalar => {
  const number = WHOLE(options);
  const read = textReader(options.kind, options.bigint);
  return {
    wanted: `${options.kind} in ISO 8601${options.kind.startsWith('timestamp') ? ' with its zone' : ''}, or ${number.wanted}`,
    is: isNumber,
    toJson: (value) => {
      const text = momentText(options.kind, BigInt(value as number));
      // Only what is read back as the same.
      return text !== undefined && read(text) === value ? text : number.toJson(value);
    },
    fromJson: (json) =>
      isText(json) ? (read(json) ?? (options.bigint ? number.fromJson(json) : undefined)) : number.fromJson(json),
  };
};

const DAY_SECONDS = 86_400n;

function momentText(kind: FieldKind, value: bigint): string | undefined {
  const places = kind.endsWith('micros') ? 6 : 3;
  const perDay = DAY_SECONDS * 10n ** BigInt(places);
  const inDay = ((value % perDay) + perDay) % perDay;
  const seconds = Number(inDay / 10n ** BigInt(places));
  const two = (part: number): string => String(part).padStart(2, '0');
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const time = `${clock}.${String(inDay % 10n ** BigInt(places)).padStart(places, '0')}`;
  if (kind.startsWith('time-')) return time;
  const day = Number((value - inDay) / perDay);
  // What JavaScript's calendar holds.
  if (Math.abs(day) > 100_000_000) return undefined;
  return `${formatDay(day)}T${time}${kind.startsWith('local-') ? '' : 'Z'}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const bytes = ({ size }: ScalarOptions): Scalar => ({
  wanted: size === undefined ? 'bytes in base64' : `${size} bytes in base64`,
  is: (value) => value instanceof Uint8Array,
  toJson: (value) => Buffer.from(value as Uint8Array).toString('base64'),
  fromJson: (json) => {
    if (!isText(json)) return undefined;
    const buffer = Buffer.from(json, 'base64');
    return buffer.toString('base64') === json && buffer.length === (size ?? buffer.length) ? buffer : undefined;
  },
});

const decimal = ({ precision = 0, scale = 0, size }: ScalarOptions): Scalar => ({
  wanted: `a decimal of precision ${precision} and scale ${scale}, as text`,
  is: isText,
  toJson: same,
  fromJson: (json) => {
    const unscaled = isText(json) ? textToUnscaled(json, precision, scale, size) : undefined;
    return unscaled && decimalToText(unscaled, scale);
  },
});

export const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes']);

const SCALARS: Readonly<Record<string, (options: ScalarOptions) => Scalar>> = {
  null: () => ({
    wanted: 'null',
    is: (v) => v === null,
    toJson: same,
    fromJson: (json) => (json === null ? null : undefined),
  }),
  boolean: () => ({
    wanted: 'true or false',
    is: (v) => typeof v === 'boolean',
    toJson: same,
    fromJson: (json) => (typeof json === 'boolean' ? json : undefined),
  }),
  int: WHOLE,
  long: WHOLE,
  float: () => ({
    ...REAL,
    wanted: 'a number that a float holds',
    // The nearest float, as the wire has it; only what is beyond all of them is refused.
    fromJson: (json) => {
      const number = REAL.fromJson(json) as number | undefined;
      if (number === undefined || !Number.isFinite(number)) return number;
      return Number.isFinite(Math.fround(number)) ? Math.fround(number) : undefined;
    },
  }),
  double: () => REAL,
  string: () => textual('a text', (text) => text.isWellFormed()),
  enum: ({ symbols = [] }) => textual(`one of ${symbols.join(', ')}`, (text) => symbols.includes(text)),
  uuid: () => textual('a UUID', (text) => UUID.test(text)),
  date: () => textual('a date YYYY-MM-DD', (text) => parseDay(text) !== undefined),
  bytes,
  fixed: bytes,
  decimal,
  'time-millis': moment,
  'time-micros': moment,
  'timestamp-millis': moment,
  'timestamp-micros': moment,
  'local-timestamp-millis': moment,
  'local-timestamp-micros': moment,
};

/** Logical types that are not known here stand as what they are made of. */
export const scalarOf = (options: ScalarOptions): Scalar =>
  (SCALARS[options.kind] ?? SCALARS[options.type] ?? WHOLE)(options);
