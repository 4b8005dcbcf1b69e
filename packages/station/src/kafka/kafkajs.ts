/**
 * kafkajs 2.2.4 with three of its parts mended, before anything can use them. The only value import of kafkajs; the
 * other guards are the way this folder uses it. docs/explanation/kafkajs.md lists the defects, the tests beside show them.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * The request queue arms a timer with `throttledUntil - now`, which is negative unless requests wait or the broker
 * throttles: Node 24 prints TimeoutNegativeWarning, and the timer comes round every millisecond. With nothing waiting
 * there is nothing to look at, and the next request arms it by itself.
 */
function guardRequestQueue(): void {
  const queue = require('kafkajs/src/network/requestQueue').prototype;
  const schedule = queue.scheduleCheckPendingRequests;
  queue.scheduleCheckPendingRequests = function guarded(this: { pending: unknown[] }): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/** What the guard uses of kafkajs's offset manager. */
interface OffsetManager {
  cluster: {
    fetchTopicsOffset(asked: object[]): Promise<{ partitions: { offset: string }[] }[]>;
  };
  /** Of the last record done with. */
  resolveOffset(at: { topic: string; partition: number; offset: string }): void;
}

/**
 * On an offset out of range the client commits -2 or -1 in place of the group's position, metadata and all, and goes on
 * wherever that leads: what was lost can no longer be told. Here it only goes on from the beginning of the log, and
 * nothing is committed; TopicIntake sees the gap.
 */
function guardPositions(): void {
  const manager = require('kafkajs/src/consumer/offsetManager').prototype;
  manager.setDefaultOffset = async function guarded(this: OffsetManager, at: { topic: string; partition: number }) {
    const { topic, partition } = at;
    const asked = [{ topic, partitions: [{ partition }], fromBeginning: true }];
    const [answer] = await this.cluster.fetchTopicsOffset(asked);
    const low = Number(answer!.partitions[0]!.offset);
    this.resolveOffset({ topic, partition, offset: String(low - 1) });
  };
}

interface Grouping<M> {
  topic: string;
  partitionMetadata: readonly unknown[];
  messages: readonly M[];
  partitioner(of: { topic: string; partitionMetadata: readonly unknown[]; message: M }): number;
}

/** As kafkajs's own, which copies what it has of a partition for every message: 7 µs a record at 6,000 of one partition. */
function groupMessagesPerPartition<M>({
  topic,
  partitionMetadata,
  messages,
  partitioner,
}: Grouping<M>): Record<number, M[]> {
  const groups: Record<number, M[]> = {};
  if (partitionMetadata.length === 0) return groups;
  for (const message of messages) {
    const partition = partitioner({ topic, partitionMetadata, message });
    const group = groups[partition];
    if (group === undefined) groups[partition] = [message];
    else group.push(message);
  }
  return groups;
}

/** Takes effect for what is loaded after it, hence before kafkajs itself. */
function guardGrouping(): void {
  const file = require.resolve('kafkajs/src/producer/groupMessagesPerPartition');
  require(file);
  require.cache[file]!.exports = groupMessagesPerPartition;
}

guardRequestQueue();
guardPositions();
guardGrouping();

const kafkajs = require('kafkajs') as typeof import('kafkajs');
export const { Kafka, logLevel, PartitionAssigners } = kafkajs;
