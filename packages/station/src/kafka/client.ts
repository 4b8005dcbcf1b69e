/**
 * The Kafka client: kafkajs 2.2.4, imported in this folder only, behind guards for what it gets wrong
 * (docs/explanation/kafkajs.md lists them; guards.kafka.test.ts shows each defect and its guard).
 */
import { createRequire } from 'node:module';
import { type ISocketFactory, Kafka, type KafkaConfig, type LogEntry, logLevel } from 'kafkajs';
import type { Log } from '../log.ts';

export interface KafkaSettings {
  brokers: string[];
  clientId: string;
  /** ms a member may be silent before the group gives its partitions away. */
  sessionTimeoutMs: number;
  ssl?: KafkaConfig['ssl'];
  sasl?: KafkaConfig['sasl'];
  socketFactory?: ISocketFactory;
}

/** A client whose own retries are short: what to do about a broker that is away is decided in this package, not in the client. */
export function connectKafka(settings: KafkaSettings, log: Log): Kafka {
  return new Kafka({
    brokers: settings.brokers,
    clientId: settings.clientId,
    connectionTimeout: 5_000,
    requestTimeout: 20_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 8 },
    ...(settings.ssl === undefined ? {} : { ssl: settings.ssl }),
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
    ...(settings.socketFactory === undefined ? {} : { socketFactory: settings.socketFactory }),
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => route(entry, log),
  } as KafkaConfig);
}

/** What kafkajs calls an error and tries again by itself is a warning; its information is for debugging. */
const RETRIED =
  /coordinator|rebalanc|leader|metadata|Connection (error|timeout)|ECONNREFUSED|closed connection|Restarting|Response (Heartbeat|JoinGroup|SyncGroup|OffsetCommit|Fetch|FindCoordinator|GroupCoordinator|Metadata|Produce|OffsetFetch|ListOffsets)|not aware of this member|The group is rebalancing|Crash:/i;

function route({ level, namespace, log: { message, error, groupId, topic, partition } }: LogEntry, log: Log): void {
  const fields = { kafkajs: namespace, error: error === undefined ? undefined : String(error), groupId, topic, partition };
  if (level <= logLevel.ERROR && !RETRIED.test(`${message} ${error ?? ''}`)) log.error(fields, message);
  else if (level <= logLevel.WARN) log.warn(fields, message);
  else log.debug(fields, message);
}

/**
 * The request queue arms a timer with `throttledUntil - now`, which is negative unless requests wait or the broker
 * throttles: Node 24 prints TimeoutNegativeWarning, and the timer comes round every millisecond. With nothing waiting
 * there is nothing to look at, and the next request arms it by itself.
 */
function guardRequestQueue(): void {
  const require = createRequire(import.meta.url);
  const queue = require('kafkajs/src/network/requestQueue').prototype;
  const schedule = queue.scheduleCheckPendingRequests;
  queue.scheduleCheckPendingRequests = function guarded(this: { pending: unknown[] }): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/**
 * On an offset out of range the client commits -2 or -1 in place of the group's position, metadata and all, and goes on
 * wherever that leads: what was lost can no longer be told. Here it only goes on from the beginning of the log, and
 * nothing is committed; TopicIntake sees the gap.
 */
function guardPositions(): void {
  const require = createRequire(import.meta.url);
  const manager = require('kafkajs/src/consumer/offsetManager').prototype;
  manager.setDefaultOffset = async function guarded(this: OffsetManager, at: { topic: string; partition: number }) {
    const { topic, partition } = at;
    const asked = [{ topic, partitions: [{ partition }], fromBeginning: true }];
    const [answer] = await this.cluster.fetchTopicsOffset(asked);
    const low = Number(answer!.partitions[0]!.offset);
    this.resolveOffset({ topic, partition, offset: String(low - 1) });
  };
}

/** What the guard uses of it. */
interface OffsetManager {
  cluster: {
    fetchTopicsOffset(asked: object[]): Promise<{ partitions: { offset: string }[] }[]>;
  };
  /** Of the last record done with. */
  resolveOffset(at: { topic: string; partition: number; offset: string }): void;
}

guardRequestQueue();
guardPositions();
