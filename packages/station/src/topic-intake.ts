/**
 * Rounds out of a topic: turns the client's pushed batches into rounds that the loop takes when it is ready, keeps each
 * partition's place in the ledger's chain, and bounds what waits in memory.
 */
import { performance } from 'node:perf_hooks';
import type { Fault, InputRecord, LedgerRef } from '@quadrille/record';
import { type ChainStart, type Chains, offsetsLost } from './chains.ts';
import type { Intake, Lag } from './intake.ts';
import { inputRecord } from './kafka/batch-read.ts';
import type { Kafka, KafkaMessage } from './kafka/types.ts';
import { Lane } from './lane.ts';
import type { Log } from './log.ts';
import { Ownership, type SettledSlice } from './ownership.ts';
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
  onRebalance(): void;
  /** A partition cannot go on: OFFSETS_LOST. */
  onStuck(fault: Fault): void;
  onDead(fault: Fault): void;
}

export class TopicIntake implements Intake {
  private readonly own: Ownership<Lane>;
  private readonly options: TopicIntakeOptions;
  private wake: (() => void) | undefined;
  readonly canGiveBack = true;
  private held = false;
  private turn = 0;

  constructor(kafka: Kafka, options: TopicIntakeOptions) {
    this.options = options;
    this.own = new Ownership(kafka, {
      ...options,
      fetchBytes: FETCH_BYTES,
      positions: false,
      newLane: (partition) => new Lane(partition),
      onGivenUp: () => {},
      onFound: (starts) => this.found(starts),
      onRecords: (partition, messages, high, asked) => this.queue(partition, messages, high, asked),
    });
  }

  get epoch(): number {
    return this.own.epoch;
  }

  get draining(): boolean {
    return this.own.draining;
  }

  async start(): Promise<void> {
    await this.own.member.start(this.options.start === 'earliest');
  }

  private found(starts: readonly ChainStart[]): void {
    const { topic, onStuck } = this.options;
    const { lanes, member } = this.own;
    for (const start of starts) {
      const { partition, lost } = start;
      if (lost !== undefined) {
        lanes.get(partition)!.session = start.session;
        member.pause(partition);
        onStuck(offsetsLost(topic, partition, lost.from, lost.to));
        continue;
      }
      lanes.get(partition)!.open(start);
      member.seek(partition, start.offset);
      // The client remembers pauses across assignments.
      member.resume(partition);
    }
    this.signal();
  }

  /** Never waits and never throws: it runs within the client's callback. */
  private queue(partition: number, messages: KafkaMessage[], high: number, asked: number): void {
    const lane = this.own.lanes.get(partition);
    if (lane === undefined || !lane.ready || messages.length === 0) return;
    const { topic } = this.options;
    lane.high = high;
    const first = Number(messages[0]!.offset);
    if (lane.isAstray(asked)) {
      this.own.member.seek(partition, lane.next);
      return;
    }
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
      this.own.member.pause(partition);
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
        this.own.member.pause(lane.partition);
        this.options.onStuck(lost);
        return;
      }
      lane.next = Math.max(lane.next, first);
    } catch (error) {
      log.warn({ error: String(error), partition: lane.partition }, 'gap not explained yet, trying again');
    }
    if (epoch !== this.epoch) return;
    lane.ready = true;
    this.own.member.seek(lane.partition, lane.next);
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
    const lanes = round.slices.map((slice) => this.own.lanes.get(slice.partition)).filter((lane) => lane !== undefined);
    const fresh = lanes.filter((lane) => !lane.begun);
    if (fresh.length === 0) return true;
    for (;;) {
      try {
        const at = fresh.map((lane) => {
          const slice = round.slices.find(({ partition }) => partition === lane.partition)!;
          const { partition, prev, session, attempts } = lane;
          return { partition, offset: slice.from, prev, attempts: attempts + 1, session };
        });
        if (!(await this.own.mark(round.epoch, at))) return false;
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
    if (!this.own.isPresent) return undefined;
    const now = performance.now();
    const lanes = [...this.own.lanes.values()].filter((l) => l.ready && l.waiting > 0 && l.notBefore <= now);
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
    for (const lane of this.own.lanes.values()) {
      if (lane.paused && lane.waiting < limits.records / 4 && this.waitingBytes() < limits.bytes) {
        lane.paused = false;
        this.own.member.resume(lane.partition);
      }
    }
    return records === 0 ? undefined : { epoch: this.epoch, slices, records, startedAt: now };
  }

  private waitingBytes(): number {
    let bytes = 0;
    for (const lane of this.own.lanes.values()) bytes += lane.bytes;
    return bytes;
  }

  private soonest(): number | undefined {
    const now = performance.now();
    let soonest: number | undefined;
    for (const lane of this.own.lanes.values()) {
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
    const lane = this.own.lanes.get(slice.partition);
    if (epoch !== this.epoch || lane === undefined) return;
    lane.giveBack(slice, records, notBefore);
    this.signal();
  }

  previous(partition: number): LedgerRef | null {
    return this.own.previous(partition);
  }

  commit(epoch: number, settled: readonly SettledSlice[]): Promise<boolean> {
    return this.own.commit(epoch, settled);
  }

  owned(): number[] {
    return this.own.owned();
  }

  accept(epoch: number, at: { partition: number; offset: number; from: number; ref: LedgerRef }): Promise<void> {
    return this.own.accept(epoch, at);
  }

  lag(): Map<number, Lag> {
    const lags = new Map<number, Lag>();
    // What is behind where a partition begins is not known before that.
    for (const { partition, ready, high, taken, oldest } of this.own.lanes.values())
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
    this.own.draining = true;
    this.signal();
  }

  async stop(): Promise<void> {
    this.drain();
    await this.own.member.stop();
  }
}
