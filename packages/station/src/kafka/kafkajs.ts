/**
 * kafkajs 2.2.4 with seven of its parts mended, before anything can use them. The only value import of kafkajs; the
 * other guards are the way this folder uses it. docs/explanation/kafkajs.md lists the defects, the tests beside show them.
 */
import { createRequire } from 'node:module';
import { zstdDecompressSync } from 'node:zlib';
import { type FetchedRecord, readBatches } from './batch-read.ts';
import { produceRequest, ROOM, type TopicData } from './batch-write.ts';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy } from './snappy.ts';

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

/** Puts `mended` in the place of what a file of kafkajs exports; takes effect for what is loaded after it, hence before kafkajs itself. */
function replace<T>(path: string, mended: (bare: T) => T): void {
  const file = require.resolve(`kafkajs/src/${path}`);
  const bare = require(file) as T;
  require.cache[file]!.exports = mended(bare);
}

/** What a request gives kafkajs to send. */
interface Encoded {
  readonly buffer: Buffer;
  /** The same bytes behind room for what comes before them. */
  readonly roomy?: Buffer;
}

interface ProduceOptions {
  acks: number;
  timeout: number;
  transactionalId?: string | undefined;
  producerId?: number;
  compression?: number;
  topicData: TopicData[];
}

type ProduceRequest = (options: ProduceOptions) => { encode(): Promise<Encoded> };

/** Idempotent, transactional and compressed sends, which this engine has none of, are left to kafkajs. */
function guardProduce(bare: ProduceRequest): ProduceRequest {
  const Encoder = require('kafkajs/src/protocol/encoder');
  return function guarded(options) {
    const { acks, timeout, transactionalId, producerId, compression, topicData } = options;
    const request = bare(options);
    if (transactionalId != null || (producerId ?? -1) !== -1 || (compression ?? 0) !== 0) return request;
    const encode = async (): Promise<Encoded> => {
      const roomy = produceRequest(acks, timeout, topicData, Date.now());
      return Object.assign(new Encoder(0), { buf: roomy.subarray(ROOM), offset: roomy.length - ROOM, roomy });
    };
    return { ...request, encode };
  };
}

interface Request {
  correlationId: number;
  clientId?: string | null;
  request: { apiKey: number; apiVersion: number; encode(): Promise<Encoded> };
}

type CreateRequest = (request: Request) => Promise<Encoded>;

/** As kafkajs's own, which copies a request twice into buffers that it clears before (Kafka's protocol guide: request header v1). */
async function createRequest({ correlationId, clientId, request }: Request): Promise<Encoded> {
  const { buffer: body, roomy } = await request.encode();
  const name = clientId == null ? null : Buffer.from(clientId);
  const head = 14 + (name?.length ?? 0);
  const inPlace = roomy !== undefined && head <= ROOM;
  const buffer = inPlace ? roomy.subarray(ROOM - head) : Buffer.allocUnsafeSlow(head + body.length);
  buffer.writeInt32BE(head - 4 + body.length, 0);
  buffer.writeInt16BE(request.apiKey, 4);
  buffer.writeInt16BE(request.apiVersion, 6);
  buffer.writeInt32BE(correlationId, 8);
  buffer.writeInt16BE(name?.length ?? -1, 12);
  if (name !== null) buffer.set(name, 14);
  if (!inPlace) buffer.set(body, head);
  return { buffer };
}

/** What the guard uses of kafkajs's decoder of a fetch. */
interface Decoder {
  offset: number;
  readInt32(): number;
  canReadBytes(length: number): boolean;
  readBytes(length: number): Buffer;
}

type DecodeMessages = (decoder: Decoder) => Promise<unknown[]>;

const guardFetch = (bare: DecodeMessages): DecodeMessages =>
  async function guarded(decoder) {
    const start = decoder.offset;
    const size = decoder.readInt32();
    if (size <= 0 || !decoder.canReadBytes(size)) return [];
    const records = readBatches(decoder.readBytes(size));
    if (records !== undefined) return records;
    decoder.offset = start;
    return bare(decoder);
  };

export interface Fetched {
  partition: number;
  highWatermark: string;
  abortedTransactions: unknown[] | null;
  messages: readonly FetchedRecord[];
}

type BatchClass = new (topic: string, fetchedOffset: string, fetched: Fetched) => object;

/** Its constructor makes two BigInts of each record's offset to find those before the offset asked for, which come first. */
function guardBatch(bare: BatchClass): BatchClass {
  function Batch(this: object, topic: string, fetchedOffset: string, fetched: Fetched): object {
    const { messages, abortedTransactions, partition, highWatermark } = fetched;
    const plain =
      (abortedTransactions?.length ?? 0) === 0 &&
      messages.every((each) => each.position !== undefined && !each.isControlRecord);
    if (!plain) return new bare(topic, fetchedOffset, fetched);
    let skipped = 0;
    while (skipped < messages.length && messages[skipped]!.position < Number(fetchedOffset)) skipped++;
    const asked = skipped === 0 ? messages : messages.slice(skipped);
    return Object.assign(this, {
      fetchedOffset,
      topic,
      partition,
      highWatermark,
      rawMessages: messages,
      messagesWithinOffset: asked,
      messages: asked,
    });
  }
  Batch.prototype = bare.prototype;
  return Batch as unknown as BatchClass;
}

guardRequestQueue();
guardPositions();
replace('producer/groupMessagesPerPartition', () => groupMessagesPerPartition);
replace('protocol/requests/produce/v3/request', guardProduce);
replace<CreateRequest>('protocol/request', () => createRequest);
replace('protocol/requests/fetch/v4/decodeMessages', guardFetch);
replace('consumer/batch', guardBatch);

const kafkajs = require('kafkajs') as typeof import('kafkajs');
export const { Kafka, logLevel, PartitionAssigners } = kafkajs;

/** It comes with gzip alone. Nothing is compressed here; what others have compressed is read. */
const { CompressionCodecs, CompressionTypes } = kafkajs;
const unpacks = { ZSTD: zstdDecompressSync, LZ4: unpackLz4, Snappy: unpackSnappy };
for (const [name, unpack] of Object.entries(unpacks))
  CompressionCodecs[CompressionTypes[name as keyof typeof unpacks]] = () => ({
    compress: () => Promise.reject(new Error(`${name} is only read`)),
    decompress: async (bytes: Buffer) => unpack(bytes),
  });

/** Brokers as kafkajs's own consumers use them: its one way to fetch by offset without a group is inside. */
export interface Brokers {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  removeBroker(at: { host: string; port: number }): void;
  /** By leader; partitions that are not known yet are left out. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  findBroker(by: { nodeId: string }): Promise<{ fetch(request: FetchRequest): Promise<FetchResponse> }>;
}

export interface FetchRequest {
  isolationLevel: 0 | 1;
  maxWaitTime: number;
  topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
}

interface FetchResponse {
  responses: { topicName: string; partitions: Fetched[] }[];
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';

export function brokersOf(kafka: import('kafkajs').Kafka, metadataMaxAge: number): Brokers {
  const create = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  const inside = kafka as unknown as Record<symbol, (options: object) => Brokers>;
  return inside[create!]!({ metadataMaxAge, allowAutoTopicCreation: false, isolationLevel: 1 });
}

/** What was fetched of a partition, without what readers are not to see: marks of transactions, and what these took back. */
export interface FetchedBatch {
  messages: readonly import('kafkajs').KafkaMessage[];
  rawMessages: readonly unknown[];
  /** Of the last that was fetched, seen or not; means nothing where nothing was. */
  lastOffset(): string;
}

const FetchedBatch = require('kafkajs/src/consumer/batch') as BatchClass;

export const batchOf = (topic: string, fetchedOffset: number, fetched: Fetched): FetchedBatch =>
  new FetchedBatch(topic, String(fetchedOffset), fetched) as FetchedBatch;
