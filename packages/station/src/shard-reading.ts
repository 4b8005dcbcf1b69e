/**
 * Which shards are read when: those that end one at a time, by name; those that never end side by side. What is ready is
 * collected into the slices of a round; nothing is asked for that no round has room for.
 */
import { performance } from 'node:perf_hooks';
import type { Shard, Source } from '@quadrille/flow';
import type { Fault } from '@quadrille/record';
import type { Log } from './log.ts';
import { OpenShard } from './open-shard.ts';
import type { Slice } from './round.ts';
import type { ShardLane } from './shard-lane.ts';

export interface ShardReadingOptions {
  source: Source;
  /** Shards of it never end. */
  endless: boolean;
  /** It can be read again from a position. */
  rewindable: boolean;
  /** The positions topic and how many partitions it has. */
  topic: string;
  partitions: number;
  /** A round takes so many. */
  records: number;
  log: Log;
  /** Name of the extraction asked for last; shards read under another name are read again. */
  pass(): string;
  /** A partition's shards are all read, as of now. */
  onComplete(partition: number, pass: string, items: number): void;
  onStuck(fault: Fault): void;
  /** A shard cannot be read just now; undefined: all can be again. */
  onHeld(fault: Fault | undefined): void;
}

/** How often a source is asked for new shards, and how long one that could not be read is left alone. */
export const RESCAN_MS = 2_000;

export class ShardReading {
  private readonly options: ShardReadingOptions;
  private readonly onReady: () => void;
  private shards: Shard[] = [];
  private listed = false;
  private listAt = 0;
  /** Shards that cannot be read just now. */
  private held = 0;
  /** What was open before is closed. */
  private closing: Promise<unknown> = Promise.resolve();

  /** @param onReady there may be something to collect. */
  constructor(options: ShardReadingOptions, onReady: () => void) {
    this.options = options;
    this.onReady = onReady;
  }

  /** The next `list` asks the source. */
  again(): void {
    this.listAt = 0;
  }

  /** Asks for the shards there are, now and then, and not while one that ends is being read. What was listed before stays when the source cannot answer. */
  async list(lanes: readonly ShardLane[]): Promise<void> {
    const { endless, source, log } = this.options;
    if (performance.now() < this.listAt || (!endless && lanes.some((lane) => lane.open.size > 0))) return;
    try {
      this.shards = await source.shards();
      this.listed = true;
    } catch (error) {
      log.warn({ error: String(error) }, 'source cannot be listed, trying again');
    }
    this.listAt = performance.now() + RESCAN_MS;
  }

  /** What is ready, one slice a partition, until the round is full; and has the source read on. */
  slices(lanes: readonly ShardLane[]): Slice[] {
    this.putAway(lanes);
    const reading = this.ask(lanes);
    const slices = this.collect(lanes);
    if (slices.length === 0 && this.listed) for (const lane of lanes) if (!reading.has(lane)) this.tell(lane);
    return slices;
  }

  /** Shards whose reading has failed are closed: to be opened again after a while, or when a person has mended them. */
  private putAway(lanes: readonly ShardLane[]): void {
    const { log, onHeld, onStuck } = this.options;
    for (const lane of lanes) {
      for (const [name, open] of lane.open) {
        const { failure } = open;
        if (failure === undefined) continue;
        this.close(lane, open);
        if (failure.class === 'dependency') {
          log.warn({ code: failure.code, shard: name }, failure.message);
          if (!lane.retryAt.has(name)) this.held++;
          lane.retryAt.set(name, performance.now() + RESCAN_MS);
          onHeld(failure);
        } else {
          lane.failed.set(name, failure);
          onStuck(failure);
        }
      }
    }
  }

  /** @returns the lanes that have something to be read, other than what never ends. */
  private ask(lanes: readonly ShardLane[]): Set<ShardLane> {
    const { endless, partitions, records } = this.options;
    const pass = this.options.pass();
    const now = performance.now();
    const due: { lane: ShardLane; shard: Shard; open: boolean }[] = [];
    const reading = new Set<ShardLane>();
    for (const lane of lanes) {
      for (const shard of lane.own(this.shards, partitions)) {
        const open = this.stillOpen(lane, shard, pass);
        if (!open && !lane.isDue(shard, pass)) continue;
        if (!endless || !open) reading.add(lane);
        if ((lane.retryAt.get(shard.name) ?? 0) <= now) due.push({ lane, shard, open });
      }
    }
    due.sort((a, b) => Number(b.open) - Number(a.open) || (a.shard.name < b.shard.name ? -1 : 1));
    for (const { lane, shard } of endless ? due : due.slice(0, 1)) this.open(lane, shard, pass).ask(records);
    return reading;
  }

  /** One that never ends begins anew when a new extraction is asked for, if it can. */
  private stillOpen(lane: ShardLane, shard: Shard, pass: string): boolean {
    const open = lane.open.get(shard.name);
    if (open === undefined) return false;
    const { endless, rewindable } = this.options;
    if (!endless || !rewindable || open.state.pass === pass || open.chunk !== undefined) return true;
    this.close(lane, open);
    return false;
  }

  private open(lane: ShardLane, shard: Shard, pass: string): OpenShard {
    const known = lane.open.get(shard.name);
    if (known !== undefined) return known;
    const { source, rewindable, log } = this.options;
    const at = lane.stateOf(shard, pass, rewindable);
    const open = new OpenShard({ source, shard, ...at, after: this.closing, log, onReady: this.onReady });
    lane.open.set(shard.name, open);
    lane.told = undefined;
    return open;
  }

  private collect(lanes: readonly ShardLane[]): Slice[] {
    const { topic, records, rewindable } = this.options;
    const slices: Slice[] = [];
    let room = records;
    for (const lane of [...lanes].sort((a, b) => a.takenAt - b.takenAt)) {
      if (room <= 0) break;
      for (const open of lane.open.values()) {
        if (!open.opened) continue;
        if (open.caughtUp || open.chunk !== undefined) this.readable(lane, open.shard.name);
        const slice = rewindable || lane.skipped ? lane.take(open, topic) : lane.skip(open, topic);
        if (slice === undefined) continue;
        room -= slice.records.length;
        slices.push(slice);
        break;
      }
    }
    return slices;
  }

  private readable(lane: ShardLane, name: string): void {
    if (lane.retryAt.delete(name) && --this.held === 0) this.options.onHeld(undefined);
  }

  /** Says once a pass that a partition's shards are all read: what was read is committed, so others may count on it. */
  private tell(lane: ShardLane): void {
    const pass = this.options.pass();
    if (lane.told === pass || !lane.idle) return;
    lane.told = pass;
    if (lane.failed.size === 0) this.options.onComplete(lane.partition, pass, lane.itemsOf(pass));
  }

  private close(lane: ShardLane, open: OpenShard): void {
    lane.open.delete(open.shard.name);
    this.closing = Promise.all([this.closing, open.close()]);
  }

  /** Closes all that is open in lanes that are given up; what is opened from now on waits for it. */
  closeAll(lanes: Iterable<ShardLane>): Promise<unknown> {
    this.held = 0;
    this.closing = Promise.all([this.closing, ...[...lanes].map((lane) => lane.close())]);
    return this.closing;
  }
}
