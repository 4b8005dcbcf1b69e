/** Ids of schemas without a registry, for codecs that never leave this process. */
import { Decoder, Encoder, readTopicSchema, type TopicSchema } from '@quadrille/flow';
import { Fault } from '@quadrille/record';

export class MemorySchemas {
  readonly #folder: string;
  readonly #schemas = new Map<string, Promise<TopicSchema>>();
  readonly #texts: string[] = [];

  /** @param folder of the flow's schemas */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws Fault SCHEMA_INVALID */
  of(topic: string): Promise<TopicSchema> {
    let schema = this.#schemas.get(topic);
    if (schema === undefined) {
      schema = readTopicSchema(this.#folder, topic);
      this.#schemas.set(topic, schema);
    }
    return schema;
  }

  encoder(schema: TopicSchema): Encoder {
    return new Encoder(schema.type, this.#idOf(schema.text));
  }

  decoder(schema: TopicSchema): Decoder {
    return new Decoder(schema.type, async (id) => {
      const text = this.#texts[id];
      if (text === undefined) throw new Fault('SCHEMA_UNKNOWN', `id ${id}`);
      return JSON.parse(text) as unknown;
    });
  }

  #idOf(text: string): number {
    const at = this.#texts.indexOf(text);
    return at >= 0 ? at : this.#texts.push(text) - 1;
  }
}
