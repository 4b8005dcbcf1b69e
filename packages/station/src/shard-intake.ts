/**
 * Rounds out of a source. Its shards are spread over the partitions of the topic `positions.<flow>.<station>`; whoever
 * owns a partition reads its shards: those that end one after another, by name, the others side by side. A position is a
 * message in that topic and counts once a live part of the ledger has committed it. On the ledger's chain of a partition
 * its raw items are numbered from 0.
 */
import { performance } from 'node:perf_hooks';
import { Fault, type InputRecord, type LedgerRef } from '@quadrille/record';
import type { ChainStart, Chains } from './chains.ts';
import type { Intake, Lag } from './intake.ts';
import type { Kafka } from './kafka/types.ts';
import { Ownership, type SettledSlice } from './ownership.ts';
import { beginReadBack, readBack } from './read-back.ts';
import type { Round, Slice } from './round.ts';
import { ShardLane } from './shard-lane.ts';
import { RESCAN_MS, ShardReading, type ShardReadingOptions } from './shard-reading.ts';

/** Bytes fetched of a partition at once: positions are small. */
const FETCH_BYTES = 1_048_576;

export interface ShardIntakeOptions extends ShardReadingOptions {
  group: string;
  sessionTimeoutMs: number;
  chains: Chains;
  onRebalance(): void;
  /** Everything that could not go on is tried again. */
  onUnstuck(): void;
  onDead(fault: Fault): void;
}

export class ShardIntake implements Intake {
  readonly canGiveBack = false;
  private readonly options: ShardIntakeOptions;
  private readonly own: Ownership<ShardLane>;
  private readonly reading: ShardReading;
  private held = false;
  private signalled = false;
  private wake: (() => void) | undefined;

  constructor(kafka: Kafka, options: ShardIntakeOptions) {
    this.options = options;
    this.reading = new ShardReading(options, () => this.wakeUp());
    this.own = new Ownership(kafka, {
      ...options,
      fetchBytes: FETCH_BYTES,
      positions: true,
      newLane: (partition) => new ShardLane(partition),
      onGivenUp: (lanes) => void this.reading.closeAll(lanes),
      onFound: (starts) => {
        for (const start of starts) this.begin(start);
        this.signal();
      },
      onRecords: (partition, messages) => {
        const lane = this.own.lanes.get(partition);
        if (lane !== undefined && readBack(lane, options.topic, messages)) this.readBackDone(lane);
      },
    });
  }

  get epoch(): number {
    return this.own.epoch;
  }

  get draining(): boolean {
    return this.own.draining;
  }

  /** All there is now has been read and settled, or cannot be read. */
  get exhausted(): boolean {
    const lanes = [...this.own.lanes.values()];
    return lanes.length > 0 && lanes.every((lane) => lane.ready && lane.told === this.options.pass() && lane.idle);
  }

  async start(): Promise<void> {
    await this.own.member.start(true);
  }

  private begin(start: ChainStart): void {
    const lane = this.own.lanes.get(start.partition)!;
    const begun = beginReadBack(lane, this.options.topic, start);
    lane.lost = begun instanceof Fault;
    if (begun === 'nothing') this.readBackDone(lane);
    else if (begun === 'reading') {
      this.own.member.seek(start.partition, 0);
      this.own.member.resume(start.partition);
    } else this.options.onStuck(begun as Fault);
  }

  private readBackDone(lane: ShardLane): void {
    lane.ready = true;
    this.own.member.pause(lane.partition);
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
    if (!this.own.isPresent) return undefined;
    const lanes = [...this.own.lanes.values()].filter((lane) => lane.ready);
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
    return this.own.lanes.get(slice.partition)?.rowOf(slice) ?? 0;
  }

  giveBack(_epoch: number, _slice: Slice, _records: InputRecord[]): void {
    throw new TypeError('an extractor does not give records back');
  }

  previous(partition: number): LedgerRef | null {
    return this.own.previous(partition);
  }

  async commit(epoch: number, settled: readonly SettledSlice[]): Promise<boolean> {
    if (!(await this.own.commit(epoch, settled))) return false;
    this.wakeUp();
    return true;
  }

  owned(): number[] {
    return this.own.owned();
  }

  accept(epoch: number, at: { partition: number; offset: number; from: number; ref: LedgerRef }): Promise<void> {
    return this.own.accept(epoch, at);
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
    const lanes = [...this.own.lanes.values()];
    for (const lane of lanes) lane.failed.clear();
    if (!lanes.some((lane) => lane.lost)) this.options.onUnstuck();
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
    this.own.draining = true;
    for (const lane of this.own.lanes.values()) for (const open of lane.open.values()) open.abort();
    this.wakeUp();
  }

  async stop(): Promise<void> {
    this.drain();
    await this.own.member.stop();
    await this.reading.closeAll(this.own.lanes.values());
    await this.options.source.close?.();
  }
}
