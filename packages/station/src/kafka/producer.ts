/**
 * The producer: one send in flight, no retries of the client's own, every (topic, partition) answered for.
 *
 * kafkajs resolves `send` although records were never sent when a leader moves to a broker that has already answered,
 * and loses records of idempotent producers on a failed send. So an attempt counts only when each partition sent to
 * has exactly one answer without error; otherwise all answers are thrown away and the whole is sent again. What the
 * failed attempt left in the topics is a duplicate by its header, and the ledger counts it as such.
 */
import { Fault, placeOf } from '@quadrille/record';
import type { Kafka, Producer, RecordMetadata } from 'kafkajs';
import type { Outgoing } from '../round.ts';
import { nameBytes, textBytes } from './batch-write.ts';
import { deniedFault, isTopicUnknown } from './faults.ts';

/** Messages by topic, then partition, in order. */
export type Outbox = Map<string, Map<number, Outgoing[]>>;

/** Where consecutive messages of one partition went: message `index` + i stands at `offset` + i. */
export interface Placed {
  index: number;
  count: number;
  offset: number;
}

export type Placement = Map<string, Map<number, Placed[]>>;

/** What Kafka adds to a record at most: lengths, deltas, header count. */
const RECORD_OVERHEAD = 40;
const BATCH_OVERHEAD = 120;

/** Bytes of a message in a record batch, rounded up. */
export function encodedSize(message: Outgoing): number {
  let size = RECORD_OVERHEAD + (message.key?.length ?? 0) + (message.value?.length ?? 0);
  for (const name in message.headers) {
    const value = message.headers[name];
    const own = nameBytes(name).length + 8;
    // A header that stands several times, or that is null, in records of other systems.
    if (Array.isArray(value)) for (const each of value) size += own + lengthOf(each);
    else size += own + lengthOf(value);
  }
  return size;
}

const lengthOf = (bytes: Buffer | string | null | undefined): number =>
  bytes == null ? 0 : typeof bytes === 'string' ? textBytes(bytes) : bytes.length;

export class Outlet {
  private readonly kafka: Kafka;
  private producer: Producer;
  private connected = false;
  /** Largest record batch a topic takes, bytes. */
  private readonly limits: Map<string, number>;

  /** @param like another producer that knows the topics' limits. */
  constructor(kafka: Kafka, like?: Outlet) {
    this.limits = like?.limits ?? new Map();
    this.kafka = kafka;
    this.producer = this.client();
  }

  private client(): Producer {
    return this.kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      maxInFlightRequests: 1,
      metadataMaxAge: 60_000,
      retry: { retries: 0 },
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
    });
  }

  /** @param bytes `max.message.bytes` of the topic. */
  limit(topic: string, bytes: number): void {
    this.limits.set(topic, bytes);
  }

  /** Whether a message fits its topic by itself. */
  fits(topic: string, message: Outgoing): boolean {
    return encodedSize(message) + BATCH_OVERHEAD <= this.limitOf(topic);
  }

  private limitOf(topic: string): number {
    return this.limits.get(topic) ?? 1_048_588;
  }

  /**
   * Sends everything once, split so that no batch exceeds its topic's limit.
   * @returns where each message went, acknowledged by all in-sync replicas.
   * @throws Fault BROKER_UNAVAILABLE when any part was not acknowledged: nothing of the answer counts, send all again;
   *   ACL_MISSING when this user may not write to one of the topics.
   */
  async send(outbox: Outbox): Promise<Placement> {
    const placement: Placement = new Map();
    const cursors: { topic: string; partition: number; messages: Outgoing[]; at: number; placed: Placed[] }[] = [];
    for (const [topic, partitions] of outbox) {
      const byPartition = new Map<number, Placed[]>();
      placement.set(topic, byPartition);
      for (const [partition, messages] of partitions) {
        const placed: Placed[] = [];
        byPartition.set(partition, placed);
        if (messages.length > 0) cursors.push({ topic, partition, messages, at: 0, placed });
      }
    }
    let open = cursors;
    while (open.length > 0) {
      const sent = open.map((cursor) => {
        const end = endOfBatch(cursor.messages, cursor.at, this.limitOf(cursor.topic));
        return { cursor, topic: cursor.topic, partition: cursor.partition, start: cursor.at, count: end - cursor.at };
      });
      const answers = await this.attempt(sent);
      for (const { cursor, start, count, topic, partition } of sent) {
        cursor.placed.push({ index: start, count, offset: offsetIn(answers, topic, partition) });
        cursor.at = start + count;
      }
      open = open.filter((cursor) => cursor.at < cursor.messages.length);
    }
    return placement;
  }

  /**
   * As `send`, again while Kafka does not take it, for up to `forMs`: the leader of a topic just created needs a moment.
   * What is sent so may stand there twice.
   */
  async sendPatiently(outbox: Outbox, forMs = 10_000): Promise<Placement> {
    for (const end = Date.now() + forMs; ; ) {
      try {
        return await this.send(outbox);
      } catch (error) {
        if (Date.now() > end) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  private async attempt(
    sent: { cursor: { messages: Outgoing[] }; topic: string; start: number; count: number }[],
  ): Promise<RecordMetadata[]> {
    const byTopic = new Map<string, Outgoing[]>();
    for (const { cursor, topic, start, count } of sent) {
      const whole = start === 0 && count === cursor.messages.length && !byTopic.has(topic);
      const messages = whole ? cursor.messages : cursor.messages.slice(start, start + count);
      const before = byTopic.get(topic);
      byTopic.set(topic, before === undefined ? messages : before.concat(messages));
    }
    try {
      if (!this.connected) {
        await this.producer.connect();
        this.connected = true;
      }
      return await this.producer.sendBatch({
        acks: -1,
        timeout: 15_000,
        topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
      });
    } catch (error) {
      const denied = deniedFault(error, `write to ${[...byTopic.keys()].join(', ')}`);
      if (denied !== undefined) throw denied;
      if (isTopicUnknown(error)) await this.renew();
      throw new Fault('BROKER_UNAVAILABLE', error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** A producer that has sent to a topic which is gone since sends to no other: what is sent next goes out by a new one. */
  private async renew(): Promise<void> {
    const former = this.producer;
    this.producer = this.client();
    this.connected = false;
    await former.disconnect().catch(() => {});
  }

  async close(): Promise<void> {
    if (this.connected) await this.producer.disconnect();
  }
}

function endOfBatch(messages: Outgoing[], from: number, limit: number): number {
  let bytes = BATCH_OVERHEAD;
  let end = from;
  while (end < messages.length) {
    bytes += encodedSize(messages[end]!);
    if (bytes > limit && end > from) break;
    end++;
  }
  return end;
}

/** The base offset answered for a partition. @throws Fault unless there is exactly one answer, without error. */
export function offsetIn(answers: RecordMetadata[], topic: string, partition: number): number {
  let found: RecordMetadata | undefined;
  for (const answer of answers) {
    if (answer.topicName !== topic || answer.partition !== partition) continue;
    if (found !== undefined) throw unanswered(topic, partition, 'answered twice');
    found = answer;
  }
  if (found === undefined) throw unanswered(topic, partition, 'never answered for');
  const offset = Number(found.baseOffset ?? found.offset);
  if (found.errorCode !== 0 || !(offset >= 0))
    throw unanswered(topic, partition, `answered with error ${found.errorCode}`);
  return offset;
}

const unanswered = (topic: string, partition: number, what: string): Fault =>
  new Fault('BROKER_UNAVAILABLE', `a send was ${what}`, { place: placeOf(topic, partition, -1).replace('@-1', '') });
