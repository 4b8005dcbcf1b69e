/**
 * Reads whole topics from their beginning and goes on reading: for the control topic and for lookups, which every
 * instance needs in full. A group of its own that never commits, since kafkajs cannot be assigned partitions otherwise.
 */
import { randomUUID } from 'node:crypto';
import { asFault, type Fault } from '@quadrille/record';
import type { Consumer, Kafka, KafkaMessage } from 'kafkajs';
import type { KafkaAdmin } from './admin.ts';
import { readersOf } from './client.ts';
import { kafkaFault } from './faults.ts';

export interface FollowerOptions {
  /** Beginning of the group's name; a random part is added. */
  name: string;
  topics: string[];
  sessionTimeoutMs: number;
  /** Where to begin, by `topic/partition`; those not named begin at their beginning. */
  startAt?: ReadonlyMap<string, number>;
  /** In order within a partition; the next batch waits for it. What it throws ends the reading, since the client would try the same for ever. */
  onRecords(topic: string, partition: number, messages: KafkaMessage[]): void | Promise<void>;
  /** The client has given up, or a record cannot be read: nothing more will come. */
  onDead(fault: Fault): void;
}

export class Follower {
  private readonly consumer: Consumer;
  private readonly options: FollowerOptions;
  private readonly group: string;
  /** Offset after the last record seen, by `topic/partition`. */
  private readonly seen = new Map<string, number>();
  private waiting: { ends: Map<string, number>; resolve: () => void }[] = [];
  private stopping = false;
  private failed = false;

  constructor(kafka: Kafka, options: FollowerOptions) {
    this.options = options;
    for (const [key, offset] of options.startAt ?? []) this.seen.set(key, offset);
    this.group = `${options.name}.${randomUUID().slice(0, 8)}`;
    this.consumer = kafka.consumer({
      groupId: this.group,
      allowAutoTopicCreation: false,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: Math.max(300, Math.floor(options.sessionTimeoutMs / 6)),
      maxWaitTimeInMs: 500,
      retry: { initialRetryTime: 200, retries: 8, restartOnFailure: async () => !this.stopping },
    });
  }

  async start(): Promise<void> {
    const { consumer, options } = this;
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (payload.restart || this.stopping) return;
      options.onDead(kafkaFault(payload.error, `read ${options.topics.join(', ')} in group ${this.group}`));
    });
    // Nothing is committed: after each join the client starts at the beginning again, unless told where it was.
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [key, offset] of this.seen) {
        const slash = key.lastIndexOf('/');
        consumer.seek({ topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)), offset: String(offset) });
      }
    });
    await consumer.connect();
    await consumer.subscribe({ topics: options.topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        if (this.failed) return;
        const key = `${batch.topic}/${batch.partition}`;
        const next = this.seen.get(key) ?? 0;
        const fresh = batch.messages.filter((message) => Number(message.offset) >= next);
        try {
          await options.onRecords(batch.topic, batch.partition, fresh);
        } catch (error) {
          this.failed = true;
          return options.onDead(asFault(error, 'DECODE_FAILED', { place: key }));
        }
        this.seen.set(key, Number(batch.lastOffset()) + 1);
        this.settleWaiting();
      },
    });
  }

  /** Resolves once everything that stands in the topics now has been handed over. */
  async caughtUp(admin: KafkaAdmin): Promise<void> {
    const ends = new Map<string, number>();
    for (const topic of this.options.topics) {
      for (const [partition, { low, high }] of (await admin.bounds(topic)).entries()) {
        if (high > low) ends.set(`${topic}/${partition}`, high);
      }
    }
    await new Promise<void>((resolve) => {
      this.waiting.push({ ends, resolve });
      this.settleWaiting();
    });
  }

  /** Whether everything below these offsets of a topic has been handed over. */
  reached(topic: string, ends: readonly { partition: number; offset: number }[]): boolean {
    return ends.every(
      ({ partition, offset }) => offset === 0 || (this.seen.get(`${topic}/${partition}`) ?? 0) >= offset,
    );
  }

  private settleWaiting(): void {
    this.waiting = this.waiting.filter(({ ends, resolve }) => {
      for (const [key, end] of ends) if ((this.seen.get(key) ?? 0) < end) return true;
      resolve();
      return false;
    });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.consumer.disconnect();
  }
}

/** Reads a topic once, up to its present end, and leaves. */
export async function readTopic(
  kafka: Kafka,
  admin: KafkaAdmin,
  topics: string[],
  onRecords: FollowerOptions['onRecords'],
): Promise<void> {
  let failed: (fault: Fault) => void = () => {};
  const dead = new Promise<never>((_, reject) => {
    failed = reject;
  });
  const follower = new Follower(kafka, {
    name: readersOf(kafka),
    topics,
    sessionTimeoutMs: 30_000,
    onRecords,
    onDead: failed,
  });
  try {
    await follower.start();
    await Promise.race([follower.caughtUp(admin), dead]);
  } finally {
    await follower.stop();
  }
}
