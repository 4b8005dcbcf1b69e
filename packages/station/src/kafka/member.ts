/**
 * A member of a consumer group, as the engine needs it: who owns which partitions since when, records pushed to one
 * callback that never waits, positions committed only by the owner, an end when the client cannot recover.
 */
import { Fault } from '@quadrille/record';
import type { Consumer, Kafka, KafkaMessage, PartitionAssigner } from 'kafkajs';
import type { Log } from '../log.ts';
import { kafkaFault } from './faults.ts';
import { PartitionAssigners } from './kafkajs.ts';

export interface MemberOptions {
  group: string;
  topic: string;
  sessionTimeoutMs: number;
  /** Bytes fetched of one partition at a time. */
  fetchBytes: number;
  /** How long the broker keeps a fetch open while nothing is there, ms; what comes is answered at once. Default 100. */
  waitMs?: number;
  log: Log;
  /** Called at each new assignment, with its epoch. Records of it may come before it has finished. */
  onAssigned(epoch: number, partitions: number[]): void;
  /**
   * Records of one partition, in order. Must return at once and must not throw: a TypeError would end the client for good.
   * @param asked the offset that they were fetched from.
   */
  onRecords(partition: number, messages: KafkaMessage[], highWatermark: number, asked: number): void;
  /** The client has given up and will not come back: the process must end. */
  onDead(fault: Fault): void;
}

/** Answers to a commit that mean: somebody else owns these partitions now, or soon will. */
const FENCED = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID']);

export interface Position {
  partition: number;
  offset: number;
  metadata: string;
}

export class Member {
  /**
   * Grows whenever ownership may have changed: at each request to join, before it is sent, and at each assignment.
   * kafkajs commits with the member's present generation, so a commit for a partition that the member no longer owns
   * would be accepted: whoever sends or commits compares epochs first.
   */
  epoch = 0;
  partitions: number[] = [];
  private readonly consumer: Consumer;
  private readonly options: MemberOptions;
  private stopping = false;
  /** A join is due since the group's last word: it has begun, or its coordinator has moved. */
  private joining = false;
  private rejoined: Promise<void> | undefined;
  /** Partitions whose last commit the broker has answered for. */
  private readonly acknowledged = new Set<number>();

  constructor(kafka: Kafka, options: MemberOptions) {
    this.options = options;
    this.consumer = kafka.consumer({
      groupId: options.group,
      allowAutoTopicCreation: false,
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: Math.max(options.sessionTimeoutMs, 10_000),
      heartbeatInterval: Math.max(300, Math.floor(options.sessionTimeoutMs / 6)),
      maxBytesPerPartition: options.fetchBytes,
      maxWaitTimeInMs: options.waitMs ?? 100,
      minBytes: 1,
      metadataMaxAge: 30_000,
      partitionAssigners: [(config) => this.watched(PartitionAssigners.roundRobin(config))],
      retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 8, restartOnFailure: async () => !this.stopping },
    });
  }

  /** The assigner's protocol is asked for at the start of each join: the one hook before the request leaves. */
  private watched(assigner: ReturnType<PartitionAssigner>): ReturnType<PartitionAssigner> {
    return {
      ...assigner,
      protocol: (subscription) => {
        this.disown();
        return assigner.protocol(subscription);
      },
    };
  }

  async start(fromBeginning: boolean): Promise<void> {
    const { consumer, options } = this;
    consumer.on(consumer.events.REBALANCING, () => this.disown());
    consumer.on(consumer.events.HEARTBEAT, () => {
      if (this.joining) this.rejoin();
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.epoch++;
      this.joining = false;
      this.partitions = [...(payload.memberAssignment[options.topic] ?? [])].sort((a, b) => a - b);
      options.onAssigned(this.epoch, this.partitions);
    });
    consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
      for (const { topic, partitions } of payload.topics) {
        if (topic === options.topic) for (const { partition } of partitions) this.acknowledged.add(Number(partition));
      }
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.disown();
      if (payload.restart || this.stopping) return;
      options.onDead(kafkaFault(payload.error, `read topic ${options.topic} in group ${options.group}`));
    });
    await consumer.connect();
    await consumer.subscribe({ topic: options.topic, fromBeginning });
    await this.run();
  }

  private disown(): void {
    this.epoch++;
    this.partitions = [];
    this.joining = true;
  }

  /**
   * kafkajs forgets a join that fails: it goes on with its former membership, which the group may still take for valid, and
   * never says which partitions it has. A heartbeat that is answered while a join is due shows it: join anew.
   */
  private rejoin(): void {
    this.rejoined ??= this.runAgain()
      .catch((error) => this.options.onDead(kafkaFault(error, `join group ${this.options.group}`)))
      .finally(() => {
        this.rejoined = undefined;
      });
  }

  private async runAgain(): Promise<void> {
    this.options.log.warn({ groupId: this.options.group }, 'a join of the group was given up, joining anew');
    // Not within the client's own callback, which `stop` would wait for.
    await new Promise((resolve) => setImmediate(resolve));
    await this.consumer.stop();
    if (!this.stopping) await this.run();
  }

  private async run(): Promise<void> {
    const { consumer, options } = this;
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch, resolveOffset, isStale, isRunning }) => {
        if (!isRunning() || isStale()) return;
        resolveOffset(batch.lastOffset());
        const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
        options.onRecords(batch.partition, batch.messages, Number(batch.highWatermark), Number(fetchedOffset));
      },
    });
  }

  /**
   * Commits positions if `epoch` is still the present one.
   * @returns false when ownership has changed: nothing was committed by this call.
   * @throws Fault BROKER_UNAVAILABLE when it is not known whether the commit arrived; commit again.
   */
  async commit(epoch: number, positions: Position[]): Promise<boolean> {
    if (epoch !== this.epoch) return false;
    const { topic } = this.options;
    for (const { partition } of positions) this.acknowledged.delete(partition);
    try {
      await this.consumer.commitOffsets(
        positions.map(({ partition, offset, metadata }) => ({ topic, partition, offset: String(offset), metadata })),
      );
    } catch (error) {
      // kafkajs wraps what it does not try again: the protocol's own error is the cause.
      const { type, cause } = error as { type?: string; cause?: { type?: string } };
      if (FENCED.has(type ?? cause?.type ?? '')) return false;
      throw new Fault('BROKER_UNAVAILABLE', error instanceof Error ? error.message : String(error), { cause: error });
    }
    // While the client restarts, its commit resolves and sends nothing.
    if (!positions.every(({ partition }) => this.acknowledged.has(partition))) {
      throw new Fault('BROKER_UNAVAILABLE', 'the client is restarting, a commit was not sent');
    }
    return true;
  }

  seek(partition: number, offset: number): void {
    this.consumer.seek({ topic: this.options.topic, partition, offset: String(offset) });
  }

  pause(partition: number): void {
    this.consumer.pause([{ topic: this.options.topic, partitions: [partition] }]);
  }

  resume(partition: number): void {
    this.consumer.resume([{ topic: this.options.topic, partitions: [partition] }]);
  }

  /** Leaves the group. Must not be called from within a callback of the client: it would wait for itself. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.rejoined;
    await this.consumer.disconnect();
  }
}
