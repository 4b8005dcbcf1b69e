/** Decodes values with the schema of their topic, as its stations do. */
import { Decoder, type Field, type Flow, readTopicSchema } from '@quadrille/flow';
import { asFault, type Fault } from '@quadrille/record';
import type { Ground } from '../model.ts';

export class TopicValues {
  readonly fields: readonly Field[];
  readonly #decoder: Decoder;

  private constructor(fields: readonly Field[], decoder: Decoder) {
    this.fields = fields;
    this.#decoder = decoder;
  }

  /** @throws Fault SCHEMA_INVALID */
  static async of({ registry }: Pick<Ground, 'registry'>, flow: Flow, topic: string): Promise<TopicValues> {
    const { type, fields } = await readTopicSchema(flow.schemas, topic);
    return new TopicValues(fields, new Decoder(type, (id) => registry.schemaOf(id)));
  }

  /** The value, or what is wrong with it. @throws Fault of class `dependency` */
  async decode(bytes: Buffer): Promise<{ value: Record<string, unknown> } | { fault: Fault }> {
    try {
      if (bytes.length >= 5 && bytes[0] === 0) {
        const id = bytes.readUInt32BE(1);
        if (!this.#decoder.isReady(id)) await this.#decoder.prepare(id);
      }
      return { value: this.#decoder.decode(bytes) };
    } catch (error) {
      const fault = asFault(error, 'DECODE_FAILED');
      if (fault.class === 'dependency') throw fault;
      return { fault };
    }
  }
}
