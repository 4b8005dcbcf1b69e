/**
 * Rounds out of a topic: turns the client's pushed batches into rounds that the loop takes when it is ready, keeps each
 * partition's place in the ledger's chain, and bounds what waits in memory.
 */
import { performance } from 'node:perf_hooks';
import { type Fault, formatMark, type InputRecord, type LedgerRef } from '@quadrille/record';
import { type ChainStart, type Chains, offsetsLost } from './chains.ts';
import type { Intake, Lag } from './intake.ts';
import { inputRecord } from './kafka/batch-read.ts';
import { Member } from './kafka/member.ts';
import type { Kafka, KafkaMessage } from './kafka/types.ts';
import { Lane } from './lane.ts';
import type { Log } from './log.ts';
import type { Round, Slice } from './round.ts';

export interface IntakeLimits {
  /** Records a round at most. */
  records: number;
  /** Encoded bytes a round at most. */
  bytes: number;
}

/** Bytes fetched of a partition at once: about what a round takes, so that what waits dies young. */
const FETCH_BYTES = 262_144;

export interface TopicIntakeOptions {
  group: string;
  topic: string;
  start: 'earliest' | 'latest';
  sessionTimeoutMs: number;
  limits: IntakeLimits;
  /** See MemberOptions. */
  waitMs?: number;
  chains: Chains;
  log: Log;
  /** A partition cannot go on: OFFSETS_LOST. */
  onRebalance(): void;
  onStuck(fault: Fault): void;
  onDead(fault: Fault): void;
}

export class TopicIntake implements Intake {
  private readonly member: Member;
  private readonly lanes = new Map<number, Lane>();
  /** The epoch that the lanes belong to. */
  private lanesOf = -1;
  private readonly options: TopicIntakeOptions;
  private wake: (() => void) | undefined;
  readonly canGiveBack = true;
  draining = false;
  private held = false;
  private turn = 0;

  constructor(kafka: Kafka, options: TopicIntakeOptions) {
    this.options = options;
    this.member = new Member(kafka, {
      group: options.group,
      topic: options.topic,
      sessionTimeoutMs: options.sessionTimeoutMs,
      fetchBytes: FETCH_BYTES,
      ...(options.waitMs === undefined ? {} : { waitMs: options.waitMs }),
      log: options.log,
      onAssigned: (epoch, partitions) => {
        options.onRebalance();
        void this.assigned(epoch, partitions);
      },
      onRecords: (partition, messages, high) => this.queue(partition, messages, high),
      onDead: options.onDead,
    });
  }

  get epoch(): number {
    return this.member.epoch;
  }

  async start(): Promise<void> {
    await this.member.start(this.options.start === 'earliest');
  }

  /** Finds each partition's place in its chain, and only then lets records through. */
  private async assigned(epoch: number, partitions: number[]): Promise<void> {
    this.lanes.clear();
    this.lanesOf = epoch;
    const { topic, chains, log } = this.options;
    for (const partition of partitions) this.lanes.set(partition, new Lane(partition));
    while (epoch === this.epoch && !this.draining) {
      try {
        const starts = await chains.load(topic, partitions);
        if (epoch !== this.epoch) return;
        const found = starts.filter((start) => start.lost === undefined);
        for (const { partition, lost } of starts) {
          if (lost === undefined) continue;
          this.member.pause(partition);
          this.options.onStuck(offsetsLost(topic, partition, lost.from, lost.to));
        }
        // A position from now on: what "now" was must survive a restart before the first record.
        if (
          !(await this.mark(
            epoch,
            found.filter((start) => start.fresh),
          ))
        )
          return;
        for (const start of found) this.open(start);
        log.info({ topic, partitions: found.map((start) => start.partition), epoch }, 'partitions assigned');
        this.signal();
        return;
      } catch (error) {
        log.warn({ topic, error: String(error) }, 'position not known yet, trying again');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  /** Commits positions as they are, with their attempt counters. @returns false when ownership has changed. */
  private async mark(
    epoch: number,
    at: { partition: number; offset: number; prev: LedgerRef | null; attempts: number }[],
  ): Promise<boolean> {
    if (at.length === 0) return epoch === this.epoch;
    const positions = at.map(({ partition, offset, prev, attempts }) => ({
      partition,
      offset,
      metadata: formatMark({ ref: prev, attempts }),
    }));
    return (await this.member.commit(epoch, positions)) && epoch === this.epoch;
  }

  private open(start: ChainStart): void {
    this.lanes.get(start.partition)!.open(start);
    this.member.seek(start.partition, start.offset);
    // The client remembers pauses across assignments.
    this.member.resume(start.partition);
  }

  /** Never waits and never throws: it runs within the client's callback. */
  private queue(partition: number, messages: KafkaMessage[], high: number): void {
    const lane = this.lanes.get(partition);
    if (lane === undefined || !lane.ready || messages.length === 0) return;
    const { topic } = this.options;
    lane.high = high;
    const first = Number(messages[0]!.offset);
    // The position sought may not have been reached yet: a batch that was under way comes in first and is skipped.
    if (first > lane.next || high < lane.next) {
      void this.explainGap(lane, first, this.epoch);
      return;
    }
    for (const message of messages) {
      const record = inputRecord(topic, partition, message);
      if (record.offset >= lane.next) lane.push(record);
    }
    const { bytes, records } = this.options.limits;
    if (!lane.paused && (this.waitingBytes() > 2 * bytes || lane.waiting > records)) {
      lane.paused = true;
      this.member.pause(partition);
    }
    this.signal();
  }

  /**
   * The client answers an offset out of range by starting somewhere else, silently. A gap is harmless in a compacted
   * topic; below the log's beginning, or beyond its end, it is a loss.
   */
  private async explainGap(lane: Lane, first: number, epoch: number): Promise<void> {
    const { topic, chains, log } = this.options;
    lane.ready = false;
    try {
      const lost = await chains.lostAt(topic, lane.partition, lane.next);
      if (epoch !== this.epoch) return;
      if (lost !== undefined) {
        this.member.pause(lane.partition);
        this.options.onStuck(lost);
        return;
      }
      lane.next = Math.max(lane.next, first);
    } catch (error) {
      log.warn({ error: String(error), partition: lane.partition }, 'gap not explained yet, trying again');
    }
    if (epoch !== this.epoch) return;
    lane.ready = true;
    this.member.seek(lane.partition, lane.next);
  }

  async take(): Promise<Round | undefined> {
    for (;;) {
      if (this.draining) return undefined;
      const round = this.held ? undefined : this.gather();
      if (round !== undefined) {
        if (await this.begin(round)) return round;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        const soonest = this.soonest();
        if (soonest !== undefined) setTimeout(() => this.signal(), soonest).unref();
      });
    }
  }

  /** Says, once an assignment and partition, that work from its position has begun: what kills the process is counted. */
  private async begin(round: Round): Promise<boolean> {
    const lanes = round.slices.map((slice) => this.lanes.get(slice.partition)).filter((lane) => lane !== undefined);
    const fresh = lanes.filter((lane) => !lane.begun);
    if (fresh.length === 0) return true;
    for (;;) {
      try {
        const at = fresh.map((lane) => {
          const slice = round.slices.find(({ partition }) => partition === lane.partition)!;
          return { partition: lane.partition, offset: slice.from, prev: lane.prev, attempts: lane.attempts + 1 };
        });
        if (!(await this.mark(round.epoch, at))) return false;
        for (const lane of fresh) {
          lane.begun = true;
          lane.attempts++;
        }
        return true;
      } catch (error) {
        if (round.epoch !== this.epoch || this.draining) return false;
        this.options.log.warn({ error: String(error) }, 'commit not answered, trying again');
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }
  }

  private gather(): Round | undefined {
    const { limits, topic } = this.options;
    // While the group is joined anew the broker still takes commits of the old generation: a round that followed on one
    // already void would leave a gap in the chain.
    if (this.lanesOf !== this.epoch) return undefined;
    const now = performance.now();
    const lanes = [...this.lanes.values()].filter((l) => l.ready && l.waiting > 0 && l.notBefore <= now);
    const slices: Slice[] = [];
    let records = 0;
    let bytes = 0;
    this.turn++;
    for (let i = 0; i < lanes.length && records < limits.records && bytes < limits.bytes; i++) {
      const lane = lanes[(i + this.turn) % lanes.length]!;
      const before = lane.bytes;
      const slice = lane.take(topic, Math.ceil((limits.records - records) / (lanes.length - i)), limits.bytes - bytes);
      if (slice === undefined) continue;
      records += slice.records.length;
      bytes += before - lane.bytes;
      slices.push(slice);
    }
    for (const lane of this.lanes.values()) {
      if (lane.paused && lane.waiting < limits.records / 4 && this.waitingBytes() < limits.bytes) {
        lane.paused = false;
        this.member.resume(lane.partition);
      }
    }
    return records === 0 ? undefined : { epoch: this.epoch, slices, records, startedAt: now };
  }

  private waitingBytes(): number {
    let bytes = 0;
    for (const lane of this.lanes.values()) bytes += lane.bytes;
    return bytes;
  }

  private soonest(): number | undefined {
    const now = performance.now();
    let soonest: number | undefined;
    for (const lane of this.lanes.values()) {
      if (lane.waiting > 0 && lane.notBefore > now) soonest = Math.min(soonest ?? Infinity, lane.notBefore - now + 1);
    }
    return soonest;
  }

  private signal(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  giveBack(epoch: number, slice: Slice, records: InputRecord[], notBefore: number): void {
    const lane = this.lanes.get(slice.partition);
    if (epoch !== this.epoch || lane === undefined) return;
    lane.giveBack(slice, records, notBefore);
    this.signal();
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
    // A void round is followed by none of its epoch (invariant 2).
    if (epoch !== this.epoch || settled.some(({ slice }) => this.lanes.get(slice.partition)?.settled !== slice.from))
      return false;
    if (!(await this.member.commit(epoch, positions))) return false;
    if (epoch !== this.epoch) return false;
    for (const { slice, ref } of settled) {
      const lane = this.lanes.get(slice.partition)!;
      lane.prev = ref;
      lane.settled = slice.to;
      lane.attempts = 0;
    }
    return true;
  }

  owned(): number[] {
    return [...this.lanes.keys()];
  }

  async accept(
    epoch: number,
    { partition, offset, from, ref }: { partition: number; offset: number; from: number; ref: LedgerRef },
  ): Promise<void> {
    const start = { partition, offset, from, prev: ref, attempts: 0, fresh: false };
    if (this.lanes.has(partition) && (await this.mark(epoch, [start]))) this.open(start);
  }

  lag(): Map<number, Lag> {
    const lags = new Map<number, Lag>();
    // What is behind where a partition begins is not known before that.
    for (const { partition, ready, high, taken, oldest } of this.lanes.values())
      if (ready || taken > 0) lags.set(partition, { high, taken, oldest });
    return lags;
  }

  pause(): void {
    this.held = true;
  }

  resume(): void {
    this.held = false;
    this.signal();
  }

  drain(): void {
    this.draining = true;
    this.signal();
  }

  async stop(): Promise<void> {
    this.drain();
    await this.member.stop();
  }
}
