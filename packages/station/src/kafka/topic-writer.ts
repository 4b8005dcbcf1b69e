/** Writes to a topic of another cluster, for targets: they have no Kafka client of their own. */
import type { Environment, TopicRecord, TopicWriter, TopicWriterOptions } from '@quadrille/flow';
import { Fault, partitionOf } from '@quadrille/record';
import type { Log } from '../log.ts';
import { type OtherCluster, otherCluster } from '../other-cluster.ts';
import type { Outgoing } from '../round.ts';
import { KafkaAdmin } from './admin.ts';
import { connectKafka } from './client.ts';
import { kafkaFault } from './faults.ts';
import { Outlet } from './producer.ts';

/** What Kafka takes unless the topic says otherwise. */
const LIMIT = 1_048_588;

export interface TopicWriterSurroundings {
  env: Environment;
  clientId: string;
  log: Log;
  /** The input topic's schema as it is registered. */
  schema: string;
}

/** Connects to nothing yet. @throws Faults CONFIG_INVALID */
export function topicWriter({ topic, prefix }: TopicWriterOptions, around: TopicWriterSurroundings): TopicWriter {
  return new OtherTopic(topic, prefix, otherCluster(around.env, prefix), around);
}

class OtherTopic implements TopicWriter {
  readonly #topic: string;
  readonly #prefix: string;
  readonly #cluster: OtherCluster;
  readonly #schema: string;
  readonly #outlet: Outlet;
  readonly #admin: KafkaAdmin;
  #partitions = 0;

  constructor(topic: string, prefix: string, cluster: OtherCluster, around: TopicWriterSurroundings) {
    const { clientId, log, schema } = around;
    this.#topic = topic;
    this.#prefix = prefix;
    this.#cluster = cluster;
    this.#schema = schema;
    const { brokers, access } = cluster;
    const kafka = connectKafka({ brokers, clientId, sessionTimeoutMs: 30_000, access }, log);
    this.#outlet = new Outlet(kafka);
    this.#admin = new KafkaAdmin(kafka);
  }

  async open(): Promise<void> {
    await this.#guarded(async () => {
      const partitions = (await this.#admin.partitions([this.#topic])).get(this.#topic);
      if (partitions === undefined)
        throw new Fault(
          'CONFIG_INVALID',
          `there is no topic ${this.#topic} in the cluster of ${this.#prefix}_KAFKA_BROKERS`,
          {
            help: 'create it there, or let its user see it',
          },
        );
      const limit = await this.#admin.setting(this.#topic, 'max.message.bytes');
      this.#outlet.limit(this.#topic, Number(limit ?? LIMIT));
      this.#partitions = partitions;
    });
  }

  async schemaId(register: boolean): Promise<number> {
    const { registry } = this.#cluster;
    if (registry === undefined)
      throw new Fault('CONFIG_INVALID', 'is not set', {
        place: `${this.#prefix}_SCHEMA_REGISTRY_URL`,
        help: 'name the registry of that cluster, or set `format: json`',
      });
    const subject = `${this.#topic}-value`;
    return this.#guarded(() =>
      register ? registry.register(subject, this.#schema) : registry.idOf(subject, this.#schema),
    );
  }

  fits(record: TopicRecord): boolean {
    return this.#outlet.fits(this.#topic, this.#outgoing(record));
  }

  async send(records: readonly TopicRecord[]): Promise<void> {
    const byPartition = new Map<number, Outgoing[]>();
    for (const record of records) {
      const message = this.#outgoing(record);
      const there = byPartition.get(message.partition);
      if (there === undefined) byPartition.set(message.partition, [message]);
      else there.push(message);
    }
    await this.#guarded(() => this.#outlet.send(new Map([[this.#topic, byPartition]])));
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#outlet.close(), this.#admin.close()]);
  }

  #outgoing({ key, value, headers, timestamp }: TopicRecord): Outgoing {
    return { key, value, headers, partition: partitionOf(key, this.#partitions), timestamp: String(timestamp) };
  }

  /** What is away is the target, not the cluster that the station lives on. @throws Fault */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const fault = kafkaFault(error, `write topic ${this.#topic} of the cluster of ${this.#prefix}_KAFKA_BROKERS`);
      if (fault.class !== 'dependency') throw fault;
      throw new Fault('TARGET_UNAVAILABLE', fault.message, { place: this.#topic, cause: error });
    }
  }
}
