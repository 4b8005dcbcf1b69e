/** Values of any topic, decoded with the schema they were written with. */
import { Decoder, schemaIdOf, typeOf } from '@quadrille/flow';
import { HEADER, unpackHeader } from '@quadrille/record';
import type { Registry } from '@quadrille/station';
import type { KafkaRecord } from './dlq/dead-letter.ts';

export type Decoded =
  | { schemaId: number; schema: unknown; value: unknown }
  /** Not ours to decode: a raw item, or a schema nobody knows. `problem` says why. */
  | { problem: string; text: string };

export class AnyDecoder {
  #registry: Registry;
  #known = new Map<number, Promise<{ schema: unknown; decoder: Decoder }>>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** null for a tombstone. Never throws for what is wrong with the bytes. */
  async decode(bytes: Buffer | null): Promise<Decoded | null> {
    if (bytes === null) return null;
    try {
      const id = schemaIdOf(bytes);
      const known = this.#known.get(id) ?? this.#open(id);
      this.#known.set(id, known);
      const { schema, decoder } = await known;
      return { schemaId: id, schema, value: decoder.decode(bytes) };
    } catch (error) {
      return { problem: error instanceof Error ? error.message : String(error), text: bytes.toString('utf8') };
    }
  }

  async #open(id: number): Promise<{ schema: unknown; decoder: Decoder }> {
    const schema = await this.#registry.schemaOf(id);
    const decoder = new Decoder(typeOf(schema), async () => schema);
    await decoder.prepare(id);
    return { schema, decoder };
  }
}

/** The headers of a record as text; the packed one as what it says. */
export function headersOf(record: KafkaRecord): Record<string, unknown> {
  const headers: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    if (value === undefined) continue;
    const last = Array.isArray(value) ? value.at(-1)! : value;
    headers[name] = name === HEADER && Buffer.isBuffer(last) ? envelopeOf(last, record.key) : last.toString();
  }
  return headers;
}

function envelopeOf(header: Buffer, key: Buffer | null): unknown {
  try {
    const { extractedAt, ...rest } = unpackHeader(header, key);
    return { ...rest, extractedAt: new Date(extractedAt).toISOString() };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
