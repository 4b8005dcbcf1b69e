/**
 * From text to Avro values: what an extractor does to each row. Compiled once per schema. Strict: a field that is not
 * wholly its type is a fault, nothing is trimmed, cut or rounded.
 */
import { Fault } from '@quadrille/record';
import { dayOf, daysOfMonth, digits, parseDay } from './day.ts';
import { textToUnscaled } from './decimal.ts';
import type { Field } from './field.ts';

/**
 * Makes a record's value from raw fields. Texts are read as the schema's types; values that are not text are taken as
 * they are, the codec checks them. Fields that the schema lacks are left out.
 * @throws Fault FIELD_INVALID, FIELD_MISSING with the field's name; the text itself stands in no message.
 */
export type Coerce = (raw: Record<string, unknown>) => Record<string, unknown>;

/** Reads one text; undefined when it is not of the type. */
type Read = (text: string) => unknown;

interface FieldReader {
  name: string;
  read: Read;
  wanted: string;
  /** What a null text becomes; undefined: a fault. */
  absent: unknown;
}

export interface CoerceOptions {
  /** Texts that mean null; default: the empty text. Of a string field that may not be null, an empty text stays itself. */
  nullTexts?: readonly string[];
}

/** Compiles the coercion for the fields of a schema, see `fieldsOf`. */
export function compileCoerce(fields: readonly Field[], options: CoerceOptions = {}): Coerce {
  const nullTexts = new Set(options.nullTexts ?? ['']);
  const readers = fields.map(
    (field): FieldReader => ({
      name: field.name,
      read: readerOf(field),
      wanted: wantedOf(field),
      absent: field.default !== undefined && !field.nullable ? field.default : field.nullable ? null : undefined,
    }),
  );
  const one = (reader: FieldReader, raw: unknown): unknown => {
    if (typeof raw !== 'string') return raw === undefined || raw === null ? absent(reader) : raw;
    if (nullTexts.has(raw) && !(raw === '' && reader.absent === undefined && reader.wanted === 'string'))
      return absent(reader);
    const value = reader.read(raw);
    if (value === undefined)
      throw new Fault('FIELD_INVALID', `\`${reader.name}\` is not ${article(reader.wanted)}`, { field: reader.name });
    return value;
  };
  // One object literal, so that all records have one shape; the names are data, never code.
  const names = readers.map((reader) => JSON.stringify(reader.name));
  const body = names.map((name, i) => `  ${name}: one(readers[${i}], raw[${name}]),`).join('\n');
  return new Function('one', 'readers', `return function coerce(raw) { return {\n${body}\n}; };`)(
    one,
    readers,
  ) as Coerce;
}

function absent(reader: FieldReader): unknown {
  if (reader.absent === undefined) throw new Fault('FIELD_MISSING', `\`${reader.name}\``, { field: reader.name });
  return reader.absent;
}

const article = (wanted: string): string => (/^[aeiou]/.test(wanted) ? `an ${wanted}` : `a ${wanted}`);

function wantedOf(field: Field): string {
  if (field.kind === 'decimal')
    return `decimal of precision ${field.precision} and scale ${field.scale}, without rounding`;
  if (field.kind === 'enum') return `symbol of ${field.symbols?.join(', ')}`;
  return field.bigint ? `${field.kind} of 64 bits` : field.kind;
}

/** The reader of one field. Arrays, maps, records and unions have none: no text is one. */
function readerOf(field: Field): Read {
  switch (field.kind) {
    case 'string':
      return (text) => text;
    case 'int':
      return readInt;
    case 'long':
      return field.bigint ? readBig : readWhole;
    case 'float':
      return readFloat;
    case 'double':
      return readNumber;
    case 'boolean':
      return (text) => BOOLEANS.get(text);
    case 'enum': {
      const symbols = new Set(field.symbols);
      return (text) => (symbols.has(text) ? text : undefined);
    }
    case 'date':
      return (text) => (parseDay(text) === undefined ? undefined : text);
    case 'decimal':
      return (text) => readDecimal(text, field);
    case 'uuid':
      return (text) => (UUID.test(text) ? text : undefined);
    case 'timestamp-millis':
    case 'local-timestamp-millis':
    case 'timestamp-micros':
    case 'local-timestamp-micros':
      return timestampReader(field);
    case 'time-millis':
      return (text) => readTime(text, 3, text.length, 0);
    case 'time-micros':
      return (text) => readTime(text, 6, text.length, 0);
    case 'bytes':
    case 'fixed':
      return (text) =>
        text.length % 2 === 0 && HEX.test(text) && (field.size ?? text.length / 2) === text.length / 2
          ? Buffer.from(text, 'hex')
          : undefined;
    default:
      return () => undefined;
  }
}

/**
 * Reads ISO 8601 as a time or an instant of a kind, without rounding; undefined when the text is none.
 * @param bigint whether the field's values are bigints.
 */
export function textReader(kind: Field['kind'], bigint: boolean): (text: string) => number | bigint | undefined {
  const read = readerOf({ kind, bigint } as Field);
  return (text) => read(text) as number | bigint | undefined;
}

const BOOLEANS = new Map([
  ['true', true],
  ['false', false],
  ['TRUE', true],
  ['FALSE', false],
  ['1', true],
  ['0', false],
]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const HEX = /^[0-9a-f]*$/i;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function readWhole(text: string): number | undefined {
  const sign = text.charCodeAt(0);
  const from = sign === 45 || sign === 43 ? 1 : 0;
  const value = digits(text, from, text.length);
  if (value < 0 || value > Number.MAX_SAFE_INTEGER) return undefined;
  return sign === 45 && value !== 0 ? -value : value;
}

function readInt(text: string): number | undefined {
  const value = readWhole(text);
  return value !== undefined && value === (value | 0) ? value : undefined;
}

function readBig(text: string): bigint | undefined {
  const from = text.startsWith('-') || text.startsWith('+') ? 1 : 0;
  if (digits(text, from, text.length) < 0) return undefined;
  const value = BigInt(text.slice(from)) * (text.startsWith('-') ? -1n : 1n);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** A double nearest to the text; a number too large for one is not one. Doubles are binary: for exact decimals there is `decimal`. */
function readNumber(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function readFloat(text: string): number | undefined {
  const value = readNumber(text);
  return value !== undefined && Number.isFinite(Math.fround(value)) ? value : undefined;
}

function readDecimal(text: string, field: Field): string | undefined {
  const scale = field.scale as number;
  if (textToUnscaled(text, field.precision as number, scale, field.size) === undefined) return undefined;
  return text;
}

/** `hh:mm[:ss[.fraction]]` from `at` to `end`, in units of 10^-places seconds; undefined when it is none or would be rounded. */
function readTime(text: string, places: number, end: number, at: number): number | undefined {
  const hour = digits(text, at, at + 2);
  const minute = digits(text, at + 3, at + 5);
  if (end < at + 5 || text.charCodeAt(at + 2) !== 58 || hour < 0 || hour > 23 || minute < 0 || minute > 59)
    return undefined;
  let second = 0;
  let fraction = 0;
  if (end > at + 5) {
    second = digits(text, at + 6, at + 8);
    if (end < at + 8 || text.charCodeAt(at + 5) !== 58 || second < 0 || second > 59) return undefined;
    if (end > at + 8) {
      if (text.charCodeAt(at + 8) !== 46 || end === at + 9) return undefined;
      for (let i = at + 9; i < end; i++) {
        const digit = digits(text, i, i + 1);
        const place = i - (at + 9);
        if (digit < 0 || (place >= places && digit !== 0)) return undefined;
        if (place < places) fraction += digit * 10 ** (places - 1 - place);
      }
    }
  }
  return ((hour * 60 + minute) * 60 + second) * 10 ** places + fraction;
}

/** ISO 8601: `YYYY-MM-DDThh:mm[:ss[.fraction]]` with `Z` or `±hh:mm`; of a local timestamp without either. A space may stand for the T. */
function timestampReader(field: Field): Read {
  const local = field.kind.startsWith('local-');
  const places = field.kind.endsWith('micros') ? 6 : 3;
  const perDay = 86_400 * 10 ** places;
  return (text) => {
    const year = digits(text, 0, 4);
    const month = digits(text, 5, 7);
    const day = digits(text, 8, 10);
    if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45 || year < 0 || month < 1 || month > 12) return undefined;
    if (day < 1 || day > daysOfMonth(year, month)) return undefined;
    const separator = text.charCodeAt(10);
    if (separator !== 84 && separator !== 32) return undefined;
    let end = text.length;
    let offset = 0;
    if (!local) {
      if (text.charCodeAt(end - 1) === 90) end--;
      else {
        const sign = text.charCodeAt(end - 6);
        const hours = digits(text, end - 5, end - 3);
        const minutes = digits(text, end - 2, end);
        if (
          (sign !== 43 && sign !== 45) ||
          text.charCodeAt(end - 3) !== 58 ||
          hours < 0 ||
          hours > 23 ||
          minutes < 0 ||
          minutes > 59
        )
          return undefined;
        offset = (hours * 60 + minutes) * (sign === 45 ? -60 : 60) * 10 ** places;
        end -= 6;
      }
    }
    const time = readTime(text, places, end, 11);
    if (time === undefined) return undefined;
    const days = dayOf(year, month, day);
    if (field.bigint) return BigInt(days) * BigInt(perDay) + BigInt(time - offset);
    const value = days * perDay + time - offset;
    return Number.isSafeInteger(value) ? value : undefined;
  };
}
