/** Reads given offset ranges of topics, and nothing else, once. */
import { randomUUID } from 'node:crypto';
import type { Fault, OffsetRange } from '@quadrille/record';
import type { Kafka, KafkaMessage } from 'kafkajs';
import { readersOf } from './client.ts';
import { kafkaFault } from './faults.ts';

/**
 * @param ranges in rising order of each partition.
 * @param onRecord called in that order; offsets that are no longer in the log are passed over.
 * @throws Fault BROKER_UNAVAILABLE
 */
export async function readRanges(
  kafka: Kafka,
  ranges: readonly OffsetRange[],
  onRecord: (topic: string, partition: number, message: KafkaMessage) => void,
): Promise<void> {
  const open = new Map<string, OffsetRange[]>();
  for (const range of ranges) {
    const key = `${range.topic}/${range.partition}`;
    open.set(key, [...(open.get(key) ?? []), range]);
  }
  const topics = [...new Set(ranges.map(({ topic }) => topic))];
  const group = `${readersOf(kafka)}.${randomUUID().slice(0, 8)}`;
  const consumer = kafka.consumer({
    groupId: group,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 200,
  });
  let finish: () => void = () => {};
  let fail: (fault: Fault) => void = () => {};
  const done = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) fail(kafkaFault(payload.error, `read ${topics.join(', ')} in group ${group}`));
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    for (const topic of topics) {
      for (const partition of payload.memberAssignment[topic] ?? []) {
        const next = open.get(`${topic}/${partition}`)?.[0];
        if (next === undefined) consumer.pause([{ topic, partitions: [partition] }]);
        else consumer.seek({ topic, partition, offset: String(next.from) });
      }
    }
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, isStale }) => {
        if (isStale()) return;
        const { topic, partition } = batch;
        const key = `${topic}/${partition}`;
        const left = open.get(key) ?? [];
        for (const message of batch.messages) {
          const offset = Number(message.offset);
          while (left.length > 0 && offset >= left[0]!.to) left.shift();
          if (left.length > 0 && offset >= left[0]!.from) onRecord(topic, partition, message);
        }
        const reached = Number(batch.lastOffset()) + 1;
        while (left.length > 0 && reached >= left[0]!.to) left.shift();
        if (left.length === 0) {
          open.delete(key);
          consumer.pause([{ topic, partitions: [partition] }]);
        } else if (left[0]!.from > reached) consumer.seek({ topic, partition, offset: String(left[0]!.from) });
        if (open.size === 0) finish();
      },
    });
    await done;
  } finally {
    await consumer.disconnect();
  }
}
