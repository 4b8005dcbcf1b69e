/**
 * What the floor's three processes share: bare kafkajs in the shape that is fastest for it. Batches as they come, the
 * next one worked on while the last is being sent, one produce and one commit a batch. No verdicts, no dead letters, no
 * headers, no ledger, no guards, no metrics.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import avsc from 'avsc';
import { Kafka, type KafkaMessage, logLevel, type Message } from 'kafkajs';

export interface Floor {
  from: string;
  group: string;
  /** How many input records there are; the process says when it has worked them all off. */
  expect: number;
  /** Works on a batch; what it gives back is sent to `to`, the input's partition kept. */
  work(messages: KafkaMessage[], partition: number): Promise<Message[]>;
  to?: string;
}

export const settings = (): Record<string, string> => JSON.parse(process.env.BENCH ?? '{}');

export const kafka = new Kafka({
  brokers: process.env.KAFKA_BROKERS!.split(','),
  clientId: 'floor',
  logLevel: logLevel.NOTHING,
});

/** kafkajs arms a timer that comes round every millisecond with nothing to do; the floor shall not pay for it. */
const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue').prototype;
const schedule = queue.scheduleCheckPendingRequests;
queue.scheduleCheckPendingRequests = function calm(this: { pending: unknown[] }): void {
  if (this.pending.length > 0) schedule.call(this);
};

/** A topic's type in avsc alone, without our logical types and longs. */
export const bareType = (schemas: string, topic: string): avsc.Type =>
  avsc.Type.forSchema(JSON.parse(readFileSync(join(schemas, `${topic}.avsc`), 'utf8')), { wrapUnions: 'never' });

/** The Confluent wire format around a value, any schema id. */
export function wire(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length + 5);
  out[0] = 0;
  out.writeInt32BE(1, 1);
  body.copy(out, 5);
  return out;
}

/** What grows on its way must still fit one produce a partition (1 MiB), which bare kafkajs does not look after. */
const SEND_AT_MOST = 2_500;

/** Nothing is tried again here: a floor that cannot go on ends. */
function end(error: unknown): never {
  process.stderr.write(`${error}\n`);
  process.exit(1);
}

export async function runFloor({ from, group, expect, work, to }: Floor): Promise<void> {
  const consumer = kafka.consumer({
    groupId: group,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 1_048_576,
    allowAutoTopicCreation: false,
  });
  const producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 });
  await consumer.connect();
  if (to !== undefined) await producer.connect();
  await consumer.subscribe({ topic: from, fromBeginning: true });
  let done = 0;
  let firstAt = 0;
  let settling: Promise<void> = Promise.resolve();
  const settle = async (messages: Message[], partition: number, offset: string, count: number): Promise<void> => {
    for (let i = 0; to !== undefined && i < messages.length; i += SEND_AT_MOST) {
      await producer.send({ topic: to, acks: -1, messages: messages.slice(i, i + SEND_AT_MOST) });
    }
    await consumer.commitOffsets([{ topic: from, partition, offset }]);
    done += count;
    process.send?.({ done, firstAt, lastAt: Date.now() });
    if (done >= expect) process.send?.({ finished: true, done, firstAt, lastAt: Date.now() });
  };
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      if (firstAt === 0) firstAt = Date.now();
      const messages = await work(batch.messages, batch.partition).catch(end);
      await settling;
      const offset = String(Number(batch.lastOffset()) + 1);
      settling = settle(messages, batch.partition, offset, batch.messages.length).catch(end);
      resolveOffset(batch.lastOffset());
      await heartbeat();
    },
  });
  process.on('SIGTERM', () => process.exit(0));
}
