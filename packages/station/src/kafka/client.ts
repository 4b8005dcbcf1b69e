/**
 * The Kafka client: kafkajs 2.2.4, imported in this folder only, behind guards for what it gets wrong
 * (docs/explanation/kafkajs.md lists them; guards-*.test.ts show each defect and its guard).
 */
import type { Kafka as KafkaClient, KafkaConfig, LogEntry } from 'kafkajs';
import type { KafkaAccess } from '../access.ts';
import type { Log } from '../log.ts';
import { Kafka, logLevel } from './kafkajs.ts';
import { securityOf } from './security.ts';

export interface KafkaSettings {
  brokers: string[];
  clientId: string;
  /** Whose client it is: readers without positions of their own are groups `<reader>.read.<random>`. Default `quadrille`. */
  reader?: string;
  /** ms a member may be silent before the group gives its partitions away. */
  sessionTimeoutMs: number;
  /** TLS and SASL; default: neither. */
  access?: KafkaAccess;
}

const READERS = new WeakMap<KafkaClient, string>();

/** Beginning of the names of groups that read something once and never commit: an ACL by prefix covers them all. */
export const readersOf = (kafka: KafkaClient): string => `${READERS.get(kafka) ?? 'quadrille'}.read`;

/** A client whose own retries are short: what to do about a broker that is away is decided in this package, not in the client. */
export function connectKafka(settings: KafkaSettings, log: Log): KafkaClient {
  const kafka = new Kafka({
    brokers: settings.brokers,
    clientId: settings.clientId,
    connectionTimeout: 5_000,
    requestTimeout: 20_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 8 },
    ...(settings.access === undefined ? {} : securityOf(settings.access)),
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => route(entry, log),
  } as KafkaConfig);
  if (settings.reader !== undefined) READERS.set(kafka, settings.reader);
  return kafka;
}

/** What kafkajs calls an error and tries again by itself is a warning; its information is for debugging. */
const RETRIED =
  /coordinator|rebalanc|leader|metadata|Connection (error|timeout)|ECONNREFUSED|closed connection|Restarting|Response (Heartbeat|JoinGroup|SyncGroup|OffsetCommit|Fetch|FindCoordinator|GroupCoordinator|Metadata|Produce|OffsetFetch|ListOffsets)|not aware of this member|The group is rebalancing|Crash:/i;

function route({ level, namespace, log: { message, error, groupId, topic, partition } }: LogEntry, log: Log): void {
  const fields = {
    kafkajs: namespace,
    error: error === undefined ? undefined : String(error),
    groupId,
    topic,
    partition,
  };
  if (level <= logLevel.ERROR && !RETRIED.test(`${message} ${error ?? ''}`)) log.error(fields, message);
  else if (level <= logLevel.WARN) log.warn(fields, message);
  else log.debug(fields, message);
}
