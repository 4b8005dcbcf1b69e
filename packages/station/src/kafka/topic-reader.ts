/**
 * Reads a topic of another cluster partition by partition, for sources: they have no Kafka client of their own. Offsets
 * are asked for as such, without a group: where to go on is the source's to know, and what is gone is told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment, PartitionReader, TopicReader, TopicReaderOptions } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { Kafka } from 'kafkajs';
import type { Log } from '../log.ts';
import { type OtherCluster, otherCluster } from '../other-cluster.ts';
import { type Bounds, KafkaAdmin } from './admin.ts';
import { connectKafka } from './client.ts';
import { isTopicUnknown, kafkaFault } from './faults.ts';
import { type Brokers, batchOf, brokersOf } from './kafkajs.ts';
import { OpenPartition } from './open-partition.ts';

const FETCH_BYTES = 1_048_576;
/** How long a broker keeps a fetch open while nothing is there, ms. A partition opened meanwhile waits for it. */
const WAIT_MS = 100;
const METADATA_MS = 30_000;
/** A leader that moves, a connection that breaks: tried again so often, with so long between, before anybody hears of it. */
const ATTEMPTS = 5;
const PAUSE_MS = 200;

export interface TopicReaderSurroundings {
  env: Environment;
  clientId: string;
  log: Log;
}

/** Connects to nothing yet. @throws Faults CONFIG_INVALID */
export function topicReader({ topic, prefix }: TopicReaderOptions, around: TopicReaderSurroundings): TopicReader {
  return new OtherTopicReader(topic, prefix, otherCluster(around.env, prefix), around);
}

class OtherTopicReader implements TopicReader {
  readonly #topic: string;
  readonly #prefix: string;
  readonly #cluster: OtherCluster;
  readonly #kafka: Kafka;
  readonly #admin: KafkaAdmin;
  readonly #log: Log;
  readonly #open = new Map<number, OpenPartition>();
  #brokers: Brokers | undefined;
  /** Brokers that are being asked. */
  readonly #asked = new Set<string>();
  /** Failures in a row, by the broker asked. */
  readonly #attempts = new Map<string, number>();
  #isThere = false;
  #isClosed = false;

  constructor(topic: string, prefix: string, cluster: OtherCluster, { clientId, log }: TopicReaderSurroundings) {
    const { brokers, access } = cluster;
    this.#topic = topic;
    this.#prefix = prefix;
    this.#cluster = cluster;
    this.#log = log;
    this.#kafka = connectKafka({ brokers, clientId, sessionTimeoutMs: 30_000, access }, log);
    this.#admin = new KafkaAdmin(this.#kafka);
  }

  bounds(): Promise<Bounds[]> {
    return this.#guarded(async () => {
      // Of a topic that has never been there the client would ask for long.
      if (!this.#isThere) this.#isThere = (await this.#admin.partitions([this.#topic])).has(this.#topic);
      if (!this.#isThere) throw this.#missing();
      return this.#admin.bounds(this.#topic);
    });
  }

  async open(partition: number, offset: number): Promise<PartitionReader> {
    const bounds = await this.bounds();
    const opened = new OpenPartition(`${this.#topic}-${partition}`, offset, {
      onRoom: () => void this.#fetch(),
      onClosed: () => {
        if (this.#open.get(partition) === opened) this.#open.delete(partition);
      },
    });
    opened.check(bounds[partition]);
    if (opened.failure !== undefined) throw opened.failure;
    this.#open.set(partition, opened);
    void this.#fetch();
    return opened;
  }

  async schemaOf(id: number): Promise<unknown> {
    const { registry } = this.#cluster;
    if (registry === undefined)
      throw new Fault('CONFIG_INVALID', 'is not set', {
        place: `${this.#prefix}_SCHEMA_REGISTRY_URL`,
        help: 'name the registry of that cluster, or set `format: json`',
      });
    return this.#guarded(async () => {
      try {
        return await registry.schemaOf(id);
      } catch (error) {
        if (error instanceof SyntaxError) throw new Fault('DECODE_FAILED', `schema ${id} is not one of Avro`);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const open of [...this.#open.values()]) open.close();
    const brokers = this.#brokers;
    this.#brokers = undefined;
    await Promise.allSettled([brokers?.disconnect(), this.#admin.close()]);
  }

  /** Has every broker asked that leads a partition with room, one request at a time. Never throws. */
  async #fetch(): Promise<void> {
    try {
      const wanted = this.#wanted();
      const brokers = wanted.length === 0 ? undefined : await this.#connected();
      if (brokers === undefined) return;
      const leaders = brokers.findLeaderForPartitions(this.#topic, wanted);
      if (Object.values(leaders).flat().length < wanted.length) await brokers.refreshMetadata();
      const still = this.#wanted();
      const nodes = Object.keys(brokers.findLeaderForPartitions(this.#topic, still));
      if (still.length > 0 && nodes.length === 0)
        throw new Fault('SOURCE_UNAVAILABLE', 'its partitions have no leader');
      this.#attempts.delete('');
      for (const node of nodes) void this.#ask(node);
    } catch (error) {
      await this.#failed(error);
    }
  }

  #wanted(): number[] {
    return [...this.#open].flatMap(([partition, open]) => (open.hasRoom ? [partition] : []));
  }

  /** undefined: it is closed. */
  async #connected(): Promise<Brokers | undefined> {
    if (this.#isClosed) return undefined;
    this.#brokers ??= brokersOf(this.#kafka, METADATA_MS);
    const brokers = this.#brokers;
    await brokers.connect();
    await brokers.addTargetTopic(this.#topic);
    await brokers.refreshMetadataIfNecessary();
    if (!this.#isClosed) return brokers;
    await brokers.disconnect();
    return undefined;
  }

  /** Asks a broker again and again, while it leads a partition with room. */
  async #ask(nodeId: string): Promise<void> {
    if (this.#asked.has(nodeId)) return;
    this.#asked.add(nodeId);
    try {
      for (;;) {
        const brokers = await this.#connected();
        const leaders = brokers?.findLeaderForPartitions(this.#topic, this.#wanted()) ?? {};
        // Leaders move without anybody asking for more.
        for (const other of Object.keys(leaders)) void this.#ask(other);
        const led = leaders[nodeId];
        if (brokers === undefined || led === undefined) break;
        await this.#request(brokers, nodeId, led);
        this.#attempts.delete(nodeId);
      }
      this.#asked.delete(nodeId);
    } catch (error) {
      this.#asked.delete(nodeId);
      await this.#failed(error, nodeId);
    }
  }

  async #request(brokers: Brokers, nodeId: string, led: readonly number[]): Promise<void> {
    const asked = new Map(led.map((partition) => [partition, this.#open.get(partition) as OpenPartition]));
    const partitions = [...asked].map(([partition, { received }]) => ({
      partition,
      fetchOffset: String(received),
      maxBytes: FETCH_BYTES,
    }));
    const from = new Map(partitions.map(({ partition, fetchOffset }) => [partition, Number(fetchOffset)]));
    const broker = await brokers.findBroker({ nodeId });
    const topics = [{ topic: this.#topic, partitions }];
    const { responses } = await broker.fetch({ isolationLevel: 1, maxWaitTime: WAIT_MS, topics });
    for (const fetched of responses.flatMap((response) => response.partitions)) {
      const offset = from.get(fetched.partition) as number;
      const batch = batchOf(this.#topic, offset, fetched);
      const next = batch.rawMessages.length === 0 ? offset : Number(batch.lastOffset()) + 1;
      const open = asked.get(fetched.partition);
      // Two leaders were asked while one became the other.
      if (open?.received === offset) open.push(batch.messages, next, Number(fetched.highWatermark));
    }
  }

  async #failed(error: unknown, nodeId = ''): Promise<void> {
    if (this.#isClosed || this.#open.size === 0) return;
    try {
      const { name, host, port } = error as Error & { host?: string; port?: number };
      const attempts = (this.#attempts.get(nodeId) ?? 0) + 1;
      this.#attempts.set(nodeId, attempts);
      if (attempts > ATTEMPTS) throw error;
      if (name === 'KafkaJSOffsetOutOfRange') {
        const bounds = await this.bounds();
        for (const [partition, open] of this.#open) open.check(bounds[partition]);
      } else {
        if (!isPassing(error)) throw error;
        this.#log.debug({ topic: this.#topic, error: String(error) }, 'not fetched, trying again');
        if (host !== undefined && port !== undefined) this.#brokers?.removeBroker({ host, port });
        await sleep(PAUSE_MS);
        await this.#brokers?.refreshMetadata();
      }
      await this.#fetch();
    } catch (failure) {
      await this.#lost(this.#faultOf(failure));
    }
  }

  /** Told to who reads: to be opened anew, by a new client. */
  async #lost(fault: Fault): Promise<void> {
    const brokers = this.#brokers;
    this.#brokers = undefined;
    this.#attempts.clear();
    for (const open of this.#open.values()) open.fail(fault);
    await brokers?.disconnect().catch(() => {});
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#faultOf(error);
    }
  }

  get #where(): string {
    return `the cluster of ${this.#prefix}_KAFKA_BROKERS`;
  }

  #missing(cause?: unknown): Fault {
    return new Fault('SOURCE_MISSING', `no topic ${this.#topic} in ${this.#where}`, {
      place: this.#topic,
      help: 'create it there, or let its user see it',
      cause,
    });
  }

  /** What is away is the source, not the cluster that the station lives on. */
  #faultOf(error: unknown): Fault {
    if (isTopicUnknown(error)) return this.#missing(error);
    const fault = kafkaFault(error, `read topic ${this.#topic} of ${this.#where}`);
    if (fault.class !== 'dependency' || fault.code === 'SOURCE_UNAVAILABLE') return fault;
    return new Fault('SOURCE_UNAVAILABLE', fault.message, { place: this.#topic, cause: error });
  }
}

/** A leader that has moved, a broker that has gone: known again after another look at who leads. */
const isPassing = (error: unknown): boolean =>
  /^KafkaJS(ConnectionError|ConnectionClosedError|BrokerNotFound|TopicMetadataNotLoaded|MetadataNotLoaded|RequestTimeoutError|LockTimeout)$/.test(
    (error as Error).name,
  ) || (error as { retriable?: boolean }).retriable === true;
