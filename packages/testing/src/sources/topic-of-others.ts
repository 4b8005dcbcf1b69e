/** A topic that no flow owns, as systems elsewhere write it: on the run's Kafka, reached by the prefix `OTHER`. */
import { randomBytes } from 'node:crypto';
import { Encoder, typeOf } from '@quadrille/flow';
import { Clients, givenAddresses } from '../harness/servers.ts';
import { until } from '../harness/until.ts';

export interface Message {
  key: string | Buffer | null;
  value: string | Buffer | null;
}

export class TopicOfOthers implements AsyncDisposable {
  readonly name: string;
  readonly clients = new Clients(givenAddresses());
  readonly #encoders = new Map<object, Promise<Encoder>>();

  private constructor(name: string) {
    this.name = name;
  }

  static async create(
    partitions: number,
    name = `others-${randomBytes(6).toString('hex')}`,
    settings: Record<string, string> = {},
  ): Promise<TopicOfOthers> {
    const topic = new TopicOfOthers(name);
    await topic.clients.open();
    await topic.#create(partitions, settings);
    return topic;
  }

  /** Where its cluster is, for stations and sources. */
  get env(): Record<string, string> {
    const { brokers, registryUrl } = this.clients.addresses;
    return { OTHER_KAFKA_BROKERS: brokers.join(','), OTHER_SCHEMA_REGISTRY_URL: registryUrl };
  }

  #create(partitions: number, config: Record<string, string> = {}): Promise<void> {
    return this.clients.admin.createTopics([{ topic: this.name, partitions, config }], 1);
  }

  /** With everything in it gone. */
  async recreate(partitions: number): Promise<void> {
    const { raw, admin } = this.clients;
    await raw.deleteTopics({ topics: [this.name] });
    await until('it is gone', async () => !(await admin.listTopics()).includes(this.name));
    await this.#create(partitions);
  }

  /** In the Confluent wire format; the schema is registered under the topic. */
  async avro(schema: object, value: object): Promise<Buffer> {
    let encoder = this.#encoders.get(schema);
    if (encoder === undefined) {
      encoder = this.clients.registry
        .register(`${this.name}-value`, JSON.stringify(schema))
        .then((id) => new Encoder(typeOf(schema), id));
      this.#encoders.set(schema, encoder);
    }
    return (await encoder).encode(value) as Buffer;
  }

  async send(partition: number, messages: readonly Message[]): Promise<void> {
    const { producer } = this.clients;
    const timestamp = String(Date.now());
    await producer.send({
      topic: this.name,
      acks: -1,
      messages: messages.map((message) => ({ ...message, partition, timestamp })),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clients.raw.deleteTopics({ topics: [this.name] }).catch(() => {});
    await this.clients.close();
  }
}
