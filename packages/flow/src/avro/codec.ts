/**
 * Values on the wire: magic byte 0, the schema's id (u32, big-endian), Avro
 * (Confluent wire format, https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/).
 */
import { Fault } from '@quadrille/record';
import type avsc from 'avsc';
import { explainIncompatibility } from './compatibility.ts';
import { typeOf } from './type.ts';

/** Bytes before the Avro value. */
export const PREFIX_BYTES = 5;
const SLAB_BYTES = 512 * 1024;

/**
 * The id of the schema a value was written with.
 * @throws Fault WIRE_FORMAT
 */
export function schemaIdOf(bytes: Buffer): number {
  if (bytes.length < PREFIX_BYTES) throw new Fault('WIRE_FORMAT', `${bytes.length} bytes`);
  if (bytes[0] !== 0) throw new Fault('WIRE_FORMAT', `first byte is ${bytes[0]}`);
  return bytes.readUInt32BE(1);
}

/** Encodes values of one schema. Not shared between rules: one writer, one schema. */
export class Encoder {
  readonly #type: avsc.Type;
  readonly #id: number;
  #slab: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param id the schema's id in the registry. */
  constructor(type: avsc.Type, id: number) {
    this.#type = type;
    this.#id = id;
  }

  /**
   * The value with its prefix: a view of a slab that is never written again, freed when its last view is.
   * @throws Fault ENCODE_FAILED with the field, dotted, that does not fit.
   */
  encode(value: unknown): Buffer {
    for (;;) {
      const start = this.#at;
      if (start + PREFIX_BYTES <= this.#slab.length) {
        const end = this.#write(value, start + PREFIX_BYTES);
        if (end >= 0) {
          this.#slab[start] = 0;
          this.#slab.writeUInt32BE(this.#id, start + 1);
          this.#at = end;
          return this.#slab.subarray(start, end);
        }
        // avsc answers how many bytes were missing, as a negative number.
        this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, this.#slab.length - start - end));
      } else {
        this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      }
      this.#at = 0;
    }
  }

  #write(value: unknown, at: number): number {
    try {
      return this.#type.encode(value, this.#slab, at);
    } catch (error) {
      throw encodeFault(this.#type, value, error);
    }
  }
}

/** Finds the first field that does not fit; slow, so only after a failure. */
function encodeFault(type: avsc.Type, value: unknown, cause: unknown): Fault {
  let field: string | undefined;
  let detail = cause instanceof Error ? cause.message : String(cause);
  type.isValid(value, {
    errorHook: (path: string[], any: unknown, wanted: avsc.Type) => {
      if (field !== undefined) return;
      field = path.join('.');
      const is = any === undefined ? 'is missing' : any === null ? 'is null' : `is ${kindOfValue(any)}`;
      detail = `${field === '' ? 'the value' : `field \`${field}\``} ${is}, its schema wants ${nameOf(wanted)}`;
    },
  });
  return new Fault('ENCODE_FAILED', detail, { field, cause });
}

/** Never the value itself: messages may be logged. */
const kindOfValue = (any: unknown): string =>
  Buffer.isBuffer(any) ? 'bytes' : Array.isArray(any) ? 'a list' : `a ${typeof any} that does not fit`;

const nameOf = (type: avsc.Type): string =>
  type.typeName.startsWith('union') ? 'one of its union' : type.typeName.replace(/^(logical|abstract):/, '');

/** Gives the parsed schema of an id. @throws Fault SCHEMA_UNKNOWN, REGISTRY_UNAVAILABLE */
export type FetchSchema = (id: number) => Promise<unknown>;

/** Told once a writer's schema: fields of its records that the reader's schema does not have, and that are passed over. */
export type OnPassedOver = (schemaId: number, fields: readonly string[]) => void;

interface Writer {
  type: avsc.Type;
  resolver: ReturnType<avsc.Type['createResolver']> | undefined;
}

/**
 * Decodes values into the shape of one reader schema, whatever schema they were written with. Resolvers are built once
 * per writer, never per record: building one costs many times the decoding.
 */
export class Decoder {
  readonly #reader: avsc.Type;
  readonly #readerText: string;
  readonly #fetch: FetchSchema;
  readonly #onPassedOver: OnPassedOver | undefined;
  readonly #writers = new Map<number, Writer | Fault>();
  #lastId = -1;
  #last: Writer | Fault | undefined;

  constructor(reader: avsc.Type, fetch: FetchSchema, onPassedOver?: OnPassedOver) {
    this.#onPassedOver = onPassedOver;
    this.#reader = reader;
    this.#readerText = textOf(reader);
    this.#fetch = fetch;
  }

  /** Whether values of this writer can be decoded now. False too after a failed `prepare`, which is worth another try. */
  isReady(id: number): boolean {
    const writer = this.#writers.get(id);
    return writer !== undefined && !(writer instanceof Fault);
  }

  /**
   * Fetches a writer's schema; to be awaited before `decode` meets its id. A schema that the registry does not know, or
   * that cannot be read as ours, is remembered and becomes the fault of its records.
   * @throws Fault of class `dependency` only.
   */
  async prepare(id: number): Promise<void> {
    if (this.isReady(id)) return;
    const writer = await this.#load(id).catch((error: unknown) => {
      if (error instanceof Fault && error.class !== 'dependency') return error;
      throw error;
    });
    this.#writers.set(id, writer);
    this.#lastId = -1;
  }

  /**
   * The value of a record in the wire format.
   * @throws Fault WIRE_FORMAT, SCHEMA_UNKNOWN, DECODE_FAILED
   */
  decode(bytes: Buffer): Record<string, unknown> {
    const id = schemaIdOf(bytes);
    if (id !== this.#lastId) {
      this.#last = this.#writers.get(id) ?? new Fault('SCHEMA_UNKNOWN', `id ${id} was not fetched`);
      this.#lastId = id;
    }
    const writer = this.#last as Writer | Fault;
    if (writer instanceof Fault) throw writer;
    let read: { value: unknown; offset: number };
    try {
      read = this.#reader.decode(bytes, PREFIX_BYTES, writer.resolver);
    } catch (error) {
      throw new Fault('DECODE_FAILED', (error as Error).message, { cause: error });
    }
    if (read.offset < 0) throw new Fault('DECODE_FAILED', 'the bytes end before the value does');
    if (read.offset < bytes.length)
      throw new Fault('DECODE_FAILED', `${bytes.length - read.offset} bytes follow the value`);
    return read.value as Record<string, unknown>;
  }

  async #load(id: number): Promise<Writer> {
    const schema = await this.#fetch(id);
    try {
      const type = typeOf(schema);
      if (textOf(type) === this.#readerText) return { type, resolver: undefined };
      const writer = { type, resolver: this.#reader.createResolver(type) };
      const passedOver = fieldsBeyond(type, this.#reader);
      if (passedOver.length > 0) this.#onPassedOver?.(id, passedOver);
      return writer;
    } catch (error) {
      const [first] = explainIncompatibility(schema, this.#reader.schema({ exportAttrs: true }));
      const why = first === undefined ? (error as Error).message : `${first.path} ${first.what}`;
      throw new Fault('DECODE_FAILED', `written with schema ${id}, which cannot be read as ours: ${why}`, {
        cause: error,
      });
    }
  }
}

function fieldsBeyond(writer: avsc.Type, reader: avsc.Type): string[] {
  const known = new Set(fieldsIn(reader).flatMap(({ name, aliases }) => [name, ...aliases]));
  return fieldsIn(writer).flatMap(({ name }) => (known.has(name) ? [] : [name]));
}

const fieldsIn = (type: avsc.Type): readonly { name: string; aliases: readonly string[] }[] =>
  (type as unknown as { fields?: { name: string; aliases: string[] }[] }).fields ?? [];

/** Two types with one text read the same bytes alike. */
const textOf = (type: avsc.Type): string => JSON.stringify(type.schema({ exportAttrs: true }));
