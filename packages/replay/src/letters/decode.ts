/** Values of dead letters: as the wire has them, or as the source had them where an extractor could not read them. */
import { Decoder, Encoder, type Field, fieldsOf, schemaIdOf, typeOf, valueToJson } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { Registry } from '@quadrille/station';

type Row = Record<string, unknown>;

/** A schema of the registry, ready to be used. */
export interface KnownSchema {
  id: number;
  schema: unknown;
  fields: readonly Field[];
  decoder: Decoder;
  encoder: Encoder;
}

export interface DecodedValue {
  /** As JSON; null with `problem`, and of a tombstone. */
  json: unknown;
  /** As rules and conditions see it; undefined where there is none. */
  value: Row | undefined;
  /** Of `value`: those of the writer's schema, or texts of a source. */
  fields: readonly Field[];
  /** Why the bytes cannot be decoded; never quotes them. */
  problem: string | null;
  /** The bytes as text where they could not be decoded. */
  text: string | null;
  /** The schema that a correction must fit: the writer's, or where that is of no use the newest of the topic. */
  fits: KnownSchema | undefined;
}

/** What is decoded: where the record stood first, the data topic of its dead letter, its bytes. */
export interface Undecoded {
  source_topic: string;
  topic: string;
  value: Buffer | null;
}

const NEWEST_MS = 10_000;

/** An extractor's dead letters have no place in a data topic yet. */
export const isRaw = ({ source_topic }: { source_topic: string }): boolean => source_topic.startsWith('positions.');

export class Decoding {
  readonly #registry: Registry;
  readonly #known = new Map<number, Promise<KnownSchema>>();
  readonly #newest = new Map<string, { at: number; schema: Promise<KnownSchema | undefined> }>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** What is wrong with the bytes is told, not thrown. @throws Fault REGISTRY_UNAVAILABLE */
  async decode(record: Undecoded): Promise<DecodedValue> {
    const { value: bytes, topic } = record;
    const nothing = { json: null, value: undefined, fields: [], problem: null, text: null };
    if (bytes === null) return { ...nothing, fits: await this.newestOf(topic) };
    // A corrected item of an extractor is in the wire format.
    if (isRaw(record) && bytes[0] !== 0) return { ...rawValue(bytes), fits: await this.newestOf(topic) };
    let known: KnownSchema | undefined;
    try {
      known = await this.schemaOf(schemaIdOf(bytes));
      const value = known.decoder.decode(bytes);
      return { ...nothing, json: valueToJson(known.schema, value), value, fields: known.fields, fits: known };
    } catch (error) {
      if (!(error instanceof Fault) || error.class === 'dependency') throw error;
      const text = bytes.toString('utf8').replaceAll('\0', '\uFFFD');
      return { ...nothing, problem: error.message, text, fits: known ?? (await this.newestOf(topic)) };
    }
  }

  /** @throws Fault SCHEMA_UNKNOWN, SCHEMA_INVALID, REGISTRY_UNAVAILABLE */
  schemaOf(id: number): Promise<KnownSchema> {
    let known = this.#known.get(id);
    if (known === undefined) {
      known = this.#registry.schemaOf(id).then((schema) => knownSchema(id, schema));
      // What could not be fetched may be there the next time.
      known.catch(() => this.#known.delete(id));
      this.#known.set(id, known);
    }
    return known;
  }

  /** What the topic is written with now; undefined when nothing is registered for it. @throws Fault REGISTRY_UNAVAILABLE */
  newestOf(topic: string): Promise<KnownSchema | undefined> {
    const before = this.#newest.get(topic);
    if (before !== undefined && Date.now() - before.at < NEWEST_MS) return before.schema;
    const schema = this.#registry.versions(`${topic}-value`).then((versions) => {
      const last = versions.at(-1);
      return last === undefined ? undefined : this.schemaOf(last.id);
    });
    schema.catch(() => this.#newest.delete(topic));
    this.#newest.set(topic, { at: Date.now(), schema });
    return schema;
  }
}

async function knownSchema(id: number, schema: unknown): Promise<KnownSchema> {
  try {
    const type = typeOf(schema);
    const decoder = new Decoder(type, async () => schema);
    await decoder.prepare(id);
    return { id, schema, fields: fieldsOf(schema), decoder, encoder: new Encoder(type, id) };
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault('SCHEMA_INVALID', `id ${id}: ${(error as Error).message}`, { cause: error });
  }
}

/** Fields that the source had parsed stand as JSON; else the bytes are the source's own. */
function rawValue(bytes: Buffer): Omit<DecodedValue, 'fits'> {
  const text = bytes.toString('utf8').replaceAll('\0', '\uFFFD');
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
      const texts = Object.entries(json as Row).map(([name, each]) => [name, each === null ? null : asText(each)]);
      return {
        json,
        value: Object.fromEntries(texts),
        fields: Object.keys(json).map(textField),
        problem: null,
        text: null,
      };
    }
  } catch {
    // Bytes of the source; said below.
  }
  return { json: null, value: undefined, fields: [], problem: 'the item could not be parsed in its source', text };
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const textField = (name: string): Field => ({
  name,
  doc: '',
  kind: 'string',
  nullable: true,
  bigint: false,
  sensitive: false,
  default: undefined,
  schema: 'string',
});

const decodings = new WeakMap<Registry, Decoding>();

/** One for a registry: schemas never change under an id. */
export function decodingOf(registry: Registry): Decoding {
  let decoding = decodings.get(registry);
  if (decoding === undefined) {
    decoding = new Decoding(registry);
    decodings.set(registry, decoding);
  }
  return decoding;
}
