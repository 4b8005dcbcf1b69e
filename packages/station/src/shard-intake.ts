/**
 * Rounds out of a source. Its shards are spread over the partitions of the topic `positions.<flow>.<station>`; whoever
 * owns a partition reads its shards: those that end one after another, by name, the others side by side. A position is a
 * message in that topic and counts once a live part of the ledger has committed it. On the ledger's chain of a partition
 * its raw items are numbered from 0.
 */
import { performance } from 'node:perf_hooks';
import { type Fault, formatMark, type InputRecord, type LedgerRef } from '@quadrille/record';
import type { ChainStart, Chains } from './chains.ts';
import type { Intake, Lag } from './intake.ts';
import { Member } from './kafka/member.ts';
import type { Kafka } from './kafka/types.ts';
import { beginReadBack, readBack } from './read-back.ts';
import type { Round, Slice } from './round.ts';
import { ShardLane } from './shard-lane.ts';
import { RESCAN_MS, ShardReading, type ShardReadingOptions } from './shard-reading.ts';

export interface ShardIntakeOptions extends ShardReadingOptions {
  group: string;
  sessionTimeoutMs: number;
  chains: Chains;
  onRebalance(): void;
  onDead(fault: Fault): void;
}

export class ShardIntake implements Intake {
  readonly canGiveBack = false;
  draining = false;
  private readonly options: ShardIntakeOptions;
  private readonly member: Member;
  private readonly lanes = new Map<number, ShardLane>();
  /** The epoch that the lanes belong to. */
  private lanesOf = -1;
  private readonly reading: ShardReading;
  private held = false;
  private signalled = false;
  private wake: (() => void) | undefined;

  constructor(kafka: Kafka, options: ShardIntakeOptions) {
    this.options = options;
    this.reading = new ShardReading(options, () => this.wakeUp());
    this.member = new Member(kafka, {
      group: options.group,
      topic: options.topic,
      sessionTimeoutMs: options.sessionTimeoutMs,
      fetchBytes: 1_048_576,
      log: options.log,
      onAssigned: (epoch, partitions) => {
        options.onRebalance();
        void this.assigned(epoch, partitions);
      },
      onRecords: (partition, messages) => {
        const lane = this.lanes.get(partition);
        if (lane !== undefined && readBack(lane, options.topic, messages)) this.readBackDone(lane);
      },
      onDead: options.onDead,
    });
  }

  get epoch(): number {
    return this.member.epoch;
  }

  /** All there is now has been read and settled, or cannot be read. */
  get exhausted(): boolean {
    const lanes = [...this.lanes.values()];
    return lanes.length > 0 && lanes.every((lane) => lane.ready && lane.told === this.options.pass() && lane.idle);
  }

  async start(): Promise<void> {
    await this.member.start(true);
  }

  private async assigned(epoch: number, partitions: number[]): Promise<void> {
    void this.reading.closeAll(this.lanes.values());
    this.lanes.clear();
    this.lanesOf = epoch;
    for (const partition of partitions) this.lanes.set(partition, new ShardLane(partition));
    const { topic, chains, log } = this.options;
    while (epoch === this.epoch && !this.draining) {
      try {
        const starts = await chains.load(topic, partitions, true);
        if (epoch !== this.epoch) return;
        const fresh = starts.filter((start) => start.fresh && start.lost === undefined);
        const marks = fresh.map(({ partition, offset, prev }) => ({
          partition,
          offset,
          metadata: formatMark({ ref: prev, attempts: 0 }),
        }));
        if (marks.length > 0 && !(await this.member.commit(epoch, marks))) return;
        if (epoch !== this.epoch) return;
        for (const start of starts) this.begin(start);
        log.info({ topic, partitions, epoch }, 'partitions assigned');
        this.signal();
        return;
      } catch (error) {
        log.warn({ topic, error: String(error) }, 'position not known yet, trying again');
        await sleep(500);
      }
    }
  }

  private begin(start: ChainStart): void {
    const lane = this.lanes.get(start.partition)!;
    const begun = beginReadBack(lane, this.options.topic, start);
    if (begun === 'nothing') this.readBackDone(lane);
    else if (begun === 'reading') {
      this.member.seek(start.partition, 0);
      this.member.resume(start.partition);
    } else this.options.onStuck(begun);
  }

  private readBackDone(lane: ShardLane): void {
    lane.ready = true;
    this.member.pause(lane.partition);
    this.signal();
  }

  async take(): Promise<Round | undefined> {
    for (;;) {
      if (this.draining) return undefined;
      this.signalled = false;
      const { epoch } = this;
      const round = this.held ? undefined : await this.gather(epoch);
      if (round !== undefined && epoch === this.epoch) return round;
      if (round !== undefined || this.draining || this.signalled) continue;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, RESCAN_MS).unref();
      });
    }
  }

  private async gather(epoch: number): Promise<Round | undefined> {
    // As in TopicIntake: what follows on a void round must not be committed while the group is joined anew.
    if (this.lanesOf !== epoch) return undefined;
    const lanes = [...this.lanes.values()].filter((lane) => lane.ready);
    if (lanes.length === 0) return undefined;
    await this.reading.list(lanes);
    if (epoch !== this.epoch || this.draining) return undefined;
    const slices = this.reading.slices(lanes);
    if (slices.length === 0) return undefined;
    const records = slices.reduce((sum, slice) => sum + slice.records.length, 0);
    return { epoch, slices, records, startedAt: performance.now() };
  }

  /** Number of a slice's first item within its shard. */
  rowOf(slice: Slice): number {
    return this.lanes.get(slice.partition)?.rowOf(slice) ?? 0;
  }

  giveBack(_epoch: number, _slice: Slice, _records: InputRecord[]): void {
    throw new TypeError('an extractor does not give records back');
  }

  previous(partition: number): LedgerRef | null {
    return this.lanes.get(partition)?.prev ?? null;
  }

  async commit(epoch: number, settled: { slice: Slice; offset: number; ref: LedgerRef }[]): Promise<boolean> {
    const positions = settled.map(({ slice, offset, ref }) => ({
      partition: slice.partition,
      offset,
      metadata: formatMark({ ref, attempts: 0 }),
    }));
    if (epoch !== this.epoch || settled.some(({ slice }) => this.lanes.get(slice.partition)?.settled !== slice.from))
      return false;
    if (!(await this.member.commit(epoch, positions)) || epoch !== this.epoch) return false;
    for (const { slice, ref } of settled) this.lanes.get(slice.partition)!.settle(slice, ref);
    this.wakeUp();
    return true;
  }

  owned(): number[] {
    return [...this.lanes.keys()];
  }

  async accept(
    epoch: number,
    { partition, offset, from, ref }: { partition: number; offset: number; from: number; ref: LedgerRef },
  ): Promise<void> {
    const metadata = formatMark({ ref, attempts: 0 });
    if (
      !this.lanes.has(partition) ||
      !(await this.member.commit(epoch, [{ partition, offset, metadata }])) ||
      epoch !== this.epoch
    )
      return;
    this.begin({ partition, offset, from, prev: ref, attempts: 0, fresh: false });
  }

  /** A source is not Kafka's: what waits in it, it tells itself. */
  lag(): Map<number, Lag> {
    return new Map();
  }

  pause(): void {
    this.held = true;
  }

  /** Shards that had failed are tried again. */
  resume(): void {
    this.held = false;
    for (const lane of this.lanes.values()) lane.failed.clear();
    this.signal();
  }

  /** Looks for new shards, or for a new pass, now. */
  signal(): void {
    this.reading.again();
    this.wakeUp();
  }

  private wakeUp(): void {
    this.signalled = true;
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  /** What is being read is cut short; what was taken can still be settled and acknowledged. */
  drain(): void {
    this.draining = true;
    for (const lane of this.lanes.values()) for (const open of lane.open.values()) open.abort();
    this.wakeUp();
  }

  async stop(): Promise<void> {
    this.drain();
    await this.member.stop();
    await this.reading.closeAll(this.lanes.values());
    await this.options.source.close?.();
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
