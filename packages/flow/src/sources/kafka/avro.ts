/**
 * Values in the Confluent wire format, written with schemas of another registry, as raw fields: decoded as their writer
 * wrote them, then brought to the meaning of our fields of the same names.
 */
import { Fault } from '@quadrille/record';
import type avsc from 'avsc';
import { PREFIX_BYTES, schemaIdOf } from '../../avro/codec.ts';
import type { Field } from '../../avro/field.ts';
import { typeOf } from '../../avro/type.ts';
import { type Convert, conversion } from './units.ts';

interface Writer {
  type: avsc.Type;
  converts: readonly (readonly [name: string, convert: Convert])[];
}

/** Made anew for every value: a fault bears the place of its record. */
interface Unusable {
  code: 'SCHEMA_UNKNOWN' | 'DECODE_FAILED';
  why: string;
}

interface SchemaPart {
  type?: unknown;
  logicalType?: string;
  'connect.name'?: string;
  fields?: SchemaField[];
}
interface SchemaField {
  name: string;
  type: unknown;
}

export class ForeignAvro {
  readonly #fetch: (id: number) => Promise<unknown>;
  readonly #fields: readonly Field[];
  readonly #within: readonly string[];
  readonly #writers = new Map<number, Writer | Unusable>();

  /** @param within fields of an envelope that hold our fields; none: the value itself does. */
  constructor(fetch: (id: number) => Promise<unknown>, fields: readonly Field[], within: readonly string[] = []) {
    this.#fetch = fetch;
    this.#fields = fields;
    this.#within = within;
  }

  /**
   * Fetches the schema that a value names; what is wrong with it becomes the fault of those values.
   * @throws Fault of class `dependency` or `config`.
   */
  async prepare(bytes: Buffer): Promise<void> {
    if (bytes.length < PREFIX_BYTES || bytes[0] !== 0) return;
    const id = bytes.readUInt32BE(1);
    if (this.#writers.has(id)) return;
    try {
      this.#writers.set(id, this.#writerOf(await this.#fetch(id)));
    } catch (error) {
      if (error instanceof Fault && error.class !== 'schema') throw error;
      const isUnknown = error instanceof Fault && error.code === 'SCHEMA_UNKNOWN';
      const why = isUnknown ? `id ${id}` : `schema ${id} cannot be used: ${(error as Error).message}`;
      this.#writers.set(id, { code: isUnknown ? 'SCHEMA_UNKNOWN' : 'DECODE_FAILED', why });
    }
  }

  /** Schemas that could not be used are asked for again. */
  askAgain(): void {
    for (const [id, writer] of this.#writers) if ('why' in writer) this.#writers.delete(id);
  }

  /** @throws Fault WIRE_FORMAT, SCHEMA_UNKNOWN, DECODE_FAILED, FIELD_INVALID */
  read(bytes: Buffer): unknown {
    const writer = this.#writers.get(schemaIdOf(bytes));
    if (writer === undefined) throw new Fault('SCHEMA_UNKNOWN', 'it was not fetched');
    if ('why' in writer) throw new Fault(writer.code, writer.why);
    const value = decode(writer.type, bytes);
    if (typeof value !== 'object' || value === null) return value;
    const holders = this.#within.length === 0 ? [value] : this.#within.map((name) => (value as Row)[name]);
    for (const holder of holders) if (holder !== null && holder !== undefined) convertAll(holder as Row, writer);
    return value;
  }

  #writerOf(fetched: unknown): Writer {
    const schema = structuredClone(fetched) as SchemaPart;
    const row = rowIn(schema, this.#within);
    const converts: [string, Convert][] = [];
    for (const field of this.#fields) {
      const written = row?.fields?.find(({ name }) => name === field.name);
      if (written === undefined) continue;
      const convert = conversion(field, meaningOf(written.type));
      if (convert !== undefined) converts.push([field.name, convert]);
      if (field.bigint) written.type = exact(written.type);
    }
    return { type: typeOf(schema), converts };
  }
}

type Row = Record<string, unknown>;

/** The record that holds our fields; within an envelope that of the first field that defines it. */
function rowIn(schema: SchemaPart, within: readonly string[]): SchemaPart | undefined {
  if (within.length === 0) return schema;
  return (schema.fields ?? [])
    .filter(({ name }) => within.includes(name))
    .flatMap(({ type }) => [type].flat() as SchemaPart[])
    .find((branch) => branch?.fields !== undefined);
}

function meaningOf(type: unknown): string | undefined {
  const branch = [type].flat().find((each) => each !== 'null') as SchemaPart | undefined;
  return branch?.logicalType ?? branch?.['connect.name'];
}

/** Longs as bigints. */
function exact(type: unknown): unknown {
  if (Array.isArray(type)) return type.map(exact);
  if (type === 'long') return { type, longs: 'bigint' };
  return (type as SchemaPart).type === 'long' ? { ...(type as SchemaPart), longs: 'bigint' } : type;
}

function convertAll(row: Row, { converts }: Writer): void {
  for (const [name, convert] of converts) {
    const value = row[name];
    if (value !== null) row[name] = convert(value);
  }
}

function decode(type: avsc.Type, bytes: Buffer): unknown {
  let read: { value: unknown; offset: number };
  try {
    read = type.decode(bytes, PREFIX_BYTES);
  } catch (error) {
    throw new Fault('DECODE_FAILED', (error as Error).message, { cause: error });
  }
  if (read.offset < 0) throw new Fault('DECODE_FAILED', 'the bytes end before the value does');
  if (read.offset < bytes.length)
    throw new Fault('DECODE_FAILED', `${bytes.length - read.offset} bytes follow the value`);
  return read.value;
}
