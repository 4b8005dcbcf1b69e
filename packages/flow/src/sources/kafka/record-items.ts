/** Records of a topic as raw items: formats of value and key, with or without the envelope of Debezium. */
import { isUtf8 } from 'node:buffer';
import { Fault } from '@quadrille/record';
import type { Field } from '../../avro/field.ts';
import type { RawItem } from '../../source.ts';
import type { TopicItem } from '../../topic-reader.ts';
import { isObject, parserOf } from '../exact-json.ts';
import { ForeignAvro } from './avro.ts';
import { ROWS, unwrap, withoutSchema } from './debezium.ts';
import { readJson } from './json.ts';
import { conversion } from './units.ts';

export interface RecordFormat {
  format?: 'avro' | 'json';
  envelope?: 'none' | 'debezium';
  keys?: 'text' | 'json' | 'avro' | 'none';
}

/** Who a record is by its key. */
interface Key {
  id?: string;
  /** Of a key that is an object. */
  fields?: Record<string, unknown>;
}

export class RecordItems {
  readonly #format: Required<RecordFormat>;
  readonly #values: ForeignAvro;
  readonly #keys: ForeignAvro;
  readonly #parse: (text: string) => unknown;
  /** Of JSON that Debezium writes: days are numbers there. */
  readonly #days: readonly { name: string; read: (value: unknown) => unknown }[];

  constructor(config: RecordFormat, fields: readonly Field[], fetch: (id: number) => Promise<unknown>) {
    const { format = 'avro', envelope = 'none' } = config;
    const isDebezium = envelope === 'debezium';
    this.#format = { format, envelope, keys: config.keys ?? (isDebezium ? format : 'text') };
    this.#values = new ForeignAvro(fetch, fields, isDebezium ? ROWS : []);
    this.#keys = new ForeignAvro(fetch, fields);
    this.#parse = parserOf(fields);
    this.#days = fields
      .filter(({ kind }) => kind === 'date' && isDebezium && format === 'json')
      .map((field) => ({ name: field.name, read: conversion(field, undefined) as (value: unknown) => unknown }));
  }

  /** What schemas these records need is fetched. @throws Fault of class `dependency` or `config` */
  async prepare(records: readonly TopicItem[]): Promise<void> {
    const { format, keys } = this.#format;
    this.#values.askAgain();
    this.#keys.askAgain();
    if (format === 'avro') for (const { value } of records) if (value !== null) await this.#values.prepare(value);
    if (keys === 'avro') for (const { key } of records) if (key !== null) await this.#keys.prepare(key);
  }

  /** @returns undefined for the tombstone that follows a deletion in Debezium's topics: the event before it said all. */
  item({ offset, key, value }: TopicItem, place: string): RawItem | undefined {
    const { envelope } = this.#format;
    if (value === null && envelope === 'debezium') return undefined;
    let who: { place: string; version: number; id?: string } = { place, version: offset };
    try {
      const { id, fields: identity } = this.#key(key, place);
      // A value that cannot be read keeps it for when it is corrected.
      if (id !== undefined) who = { ...who, id };
      if (value === null) return { ...who, fields: identity ?? {}, deleted: true };
      const read = this.#value(value, place);
      if (envelope === 'debezium') {
        const { fields, deleted, version } = unwrap(read, place);
        for (const { name, read: day } of this.#days) if (fields[name] !== undefined) fields[name] = day(fields[name]);
        return { ...who, version, fields: deleted ? { ...identity, ...fields } : fields, deleted };
      }
      if (!isObject(read)) throw new Fault('ROW_MALFORMED', 'the value is not an object', { place });
      return { ...who, fields: read };
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('ROW_MALFORMED', (error as Error).message, { place });
      return { ...who, fault, bytes: value ?? key ?? Buffer.from('null') };
    }
  }

  #value(bytes: Buffer, place: string): unknown {
    const { format, envelope } = this.#format;
    if (format === 'avro') return this.#values.read(bytes);
    const read = readJson(bytes, this.#parse, place, 'the value');
    return envelope === 'debezium' ? withoutSchema(read) : read;
  }

  #key(bytes: Buffer | null, place: string): Key {
    const { keys } = this.#format;
    if (keys === 'none' || bytes === null) return {};
    if (keys === 'text') {
      if (!isUtf8(bytes)) throw new Fault('TEXT_INVALID', 'the key', { place, help: 'say what it is: `keys`' });
      return { id: bytes.toString('utf8') };
    }
    const read =
      keys === 'avro' ? this.#keys.read(bytes) : withoutSchema(readJson(bytes, this.#parse, place, 'the key'));
    if (Buffer.isBuffer(read) || !isObject(read)) return { id: textOf(read) };
    return { id: Object.values(read).map(textOf).join('/'), fields: read };
  }
}

/** As in an id that the flow file makes of fields. */
const textOf = (value: unknown): string =>
  Buffer.isBuffer(value) ? value.toString('hex') : isObject(value) ? JSON.stringify(value) : String(value);
