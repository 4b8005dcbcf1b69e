/**
 * Rounds out of a source. Its shards are spread over the partitions of the topic `positions.<flow>.<station>`; whoever
 * owns a partition reads its shards, one after another, by name. A position is a message in that topic and counts once
 * a live part of the ledger has committed it. On the ledger's chain of a partition its raw items are numbered from 0.
 */
import { performance } from 'node:perf_hooks';
import type { Shard, Source } from '@quadrille/flow';
import { type Fault, formatMark, type InputRecord, type LedgerRef } from '@quadrille/record';
import { type ChainStart, type Chains, offsetsLost } from './chains.ts';
import type { Intake, Lag } from './intake.ts';
import { Member } from './kafka/member.ts';
import type { Kafka, KafkaMessage } from './kafka/types.ts';
import type { Log } from './log.ts';
import { positionCodec } from './own-topics.ts';
import type { Round, Slice } from './round.ts';
import { ShardLane } from './shard-lane.ts';

export interface ShardIntakeOptions {
  source: Source;
  group: string;
  /** The positions topic and how many partitions it has. */
  topic: string;
  partitions: number;
  sessionTimeoutMs: number;
  records: number;
  chains: Chains;
  log: Log;
  /** Name of the extraction asked for last; shards read under another name are read again. */
  pass(): string;
  /** A partition's shards are all read, as of now. */
  onComplete(partition: number, pass: string, items: number): void;
  onRebalance(): void;
  onStuck(fault: Fault): void;
  onDead(fault: Fault): void;
}

/** How often a source is asked for new shards when there is nothing to read. */
const RESCAN_MS = 2_000;

export class ShardIntake implements Intake {
  readonly canGiveBack = false;
  draining = false;
  private readonly options: ShardIntakeOptions;
  private readonly member: Member;
  private readonly lanes = new Map<number, ShardLane>();
  /** The epoch that the lanes belong to. */
  private lanesOf = -1;
  private shards: Shard[] = [];
  private scannedAt = Number.NEGATIVE_INFINITY;
  private held = false;
  private wake: (() => void) | undefined;

  constructor(kafka: Kafka, options: ShardIntakeOptions) {
    this.options = options;
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
      onRecords: (partition, messages) => this.readBack(partition, messages),
      onDead: options.onDead,
    });
  }

  get epoch(): number {
    return this.member.epoch;
  }

  /** All shards there are now have been read to their end, or cannot be read. */
  get exhausted(): boolean {
    const lanes = [...this.lanes.values()];
    return lanes.length > 0 && lanes.every((lane) => lane.ready && lane.told === this.options.pass());
  }

  async start(): Promise<void> {
    await this.member.start(true);
  }

  private async assigned(epoch: number, partitions: number[]): Promise<void> {
    for (const lane of this.lanes.values()) void lane.closeShard();
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
        for (const start of starts) this.beginReadBack(start);
        log.info({ topic, partitions, epoch }, 'partitions assigned');
        this.signal();
        return;
      } catch (error) {
        log.warn({ topic, error: String(error) }, 'position not known yet, trying again');
        await sleep(500);
      }
    }
  }

  /** Positions lie below the committed offset; what stands beyond, or between those of the chain, does not count. */
  private beginReadBack(start: ChainStart): void {
    const lane = this.lanes.get(start.partition)!;
    if (start.lost !== undefined) {
      this.options.onStuck(offsetsLost(this.options.topic, start.partition, start.lost.from, start.lost.to));
      return;
    }
    lane.prev = start.prev;
    lane.next = start.from;
    lane.settled = start.from;
    lane.until = start.offset;
    lane.counting = start.positions;
    if (start.offset === 0) this.readBackDone(lane);
    else {
      this.member.seek(start.partition, 0);
      this.member.resume(start.partition);
    }
  }

  private readBack(partition: number, messages: KafkaMessage[]): void {
    const lane = this.lanes.get(partition);
    if (lane?.until === undefined || lane.ready) return;
    for (const message of messages) {
      const offset = Number(message.offset);
      if (offset >= lane.until) continue;
      if (lane.counting === undefined || lane.counting.has(offset)) {
        const state = positionCodec.decode(message.value, `${this.options.topic}[${partition}]@${offset}`);
        lane.shards.set(state.shard, state);
      }
      if (offset === lane.until - 1) this.readBackDone(lane);
    }
  }

  private readBackDone(lane: ShardLane): void {
    lane.ready = true;
    this.member.pause(lane.partition);
    this.signal();
  }

  async take(): Promise<Round | undefined> {
    for (;;) {
      if (this.draining) return undefined;
      const { epoch } = this;
      const round = this.held ? undefined : await this.gather(epoch);
      if (round !== undefined && epoch === this.epoch) return round;
      if (round !== undefined || this.draining) continue;
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
    if (performance.now() - this.scannedAt >= RESCAN_MS && lanes.every((lane) => lane.open === undefined)) {
      await this.rescan();
    }
    const due = lanes
      .map((lane) => ({
        lane,
        shard: lane.open?.shard ?? lane.due(this.shards, this.options.pass(), this.options.partitions),
      }))
      .filter((each): each is { lane: ShardLane; shard: Shard } => each.shard !== undefined)
      .sort((a, b) => (a.shard.name < b.shard.name ? -1 : 1));
    for (const { lane, shard } of due) {
      const slice = await this.read(lane, shard, epoch);
      if (epoch !== this.epoch) return undefined;
      if (slice !== undefined)
        return { epoch, slices: [slice], records: slice.records.length, startedAt: performance.now() };
    }
    if (due.length === 0) for (const lane of lanes) this.tell(lane);
    return undefined;
  }

  /** A source that cannot be listed now is asked again; what was listed before stays. */
  private async rescan(): Promise<void> {
    try {
      this.shards = await this.options.source.shards();
    } catch (error) {
      this.options.log.warn({ error: String(error) }, 'source cannot be listed, trying again');
    }
    this.scannedAt = performance.now();
  }

  /** @returns undefined when the shard gave nothing: it stands still now. */
  private async read(lane: ShardLane, shard: Shard, epoch: number): Promise<Slice | undefined> {
    try {
      if (lane.open === undefined) await lane.openShard(this.options.source, shard, this.options.pass());
      if (epoch !== this.epoch) return undefined;
      return await lane.read(this.options.topic, this.options.records);
    } catch (error) {
      await lane.closeShard();
      if (epoch === this.epoch) this.shardFailed(lane, shard, error as Fault);
      return undefined;
    }
  }

  private shardFailed(lane: ShardLane, shard: Shard, fault: Fault): void {
    if (fault.class === 'dependency') {
      this.options.log.warn({ code: fault.code, shard: shard.name }, fault.message);
      return;
    }
    lane.failed.set(shard.name, fault);
    this.options.onStuck(fault);
  }

  /** Number of a slice's first item within its shard. */
  rowOf(slice: Slice): number {
    return this.lanes.get(slice.partition)?.rowOf(slice) ?? 0;
  }

  /** Says once a pass that a partition's shards are all read: what was read is committed, so others may count on it. */
  private tell(lane: ShardLane): void {
    const pass = this.options.pass();
    if (lane.told === pass || !lane.idle) return;
    lane.told = pass;
    if (lane.failed.size === 0) this.options.onComplete(lane.partition, pass, lane.itemsOf(pass));
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
    for (const { slice, ref } of settled) {
      const lane = this.lanes.get(slice.partition)!;
      lane.prev = ref;
      lane.settled = slice.to;
    }
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
    this.beginReadBack({ partition, offset, from, prev: ref, attempts: 0, fresh: false });
  }

  /** A source is not Kafka's: what waits in it is not known. */
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
    this.scannedAt = Number.NEGATIVE_INFINITY;
    this.wakeUp();
  }

  private wakeUp(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  drain(): void {
    this.draining = true;
    this.signal();
  }

  async stop(): Promise<void> {
    this.drain();
    await this.member.stop();
    for (const lane of this.lanes.values()) await lane.closeShard();
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
