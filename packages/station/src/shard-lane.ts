/** One partition of an extractor: the shards that fall to it, how far each is read, and those that are open. */
import { performance } from 'node:perf_hooks';
import type { RawItem, Settled, Shard, SourcePosition } from '@quadrille/flow';
import { type Fault, type LedgerRef, partitionOf, SKIPPED_NUMBERS } from '@quadrille/record';
import type { OpenShard, OpenShardOptions } from './open-shard.ts';
import { positionCodec, type ShardState } from './own-topics.ts';
import { RawRecord } from './raw-record.ts';
import { REJECT, Slice } from './round.ts';

/** Which chunk of which shard a slice is. */
interface Taken {
  open: OpenShard;
  position: SourcePosition;
  /** Number of its first item within the shard. */
  row: number;
  end: boolean;
}

export class ShardLane {
  readonly partition: number;
  /** Positions are read back below this offset of the positions topic; undefined: not begun. */
  until: number | undefined;
  /** Which of them count; undefined: all. */
  counting: ReadonlySet<number> | undefined;
  ready = false;
  /** Its position is lost: nothing is read before that is accepted. */
  lost = false;
  prev: LedgerRef | null = null;
  readonly shards = new Map<string, ShardState>();
  /** Number of the next raw item on the chain. */
  next = 0;
  /** First raw item not yet committed: where the next part must begin. */
  settled = 0;
  /** By name. Of shards that end at most one. */
  readonly open = new Map<string, OpenShard>();
  /** Read to their end, but not acknowledged. */
  private readonly ending = new Set<OpenShard>();
  /** Shards that cannot be read on until their source is mended, and the station is resumed or started again. */
  readonly failed = new Map<string, Fault>();
  /** Shards that could not be read just now: when to try again, performance.now(). */
  readonly retryAt = new Map<string, number>();
  /** When a slice was last taken, performance.now(): the one that has waited longest is served first. */
  takenAt = 0;
  /** The pass that was last said to be complete. */
  told: string | undefined;
  /** The numbers that attempts before may have given out are left out; see `skip`. */
  skipped = false;
  private readonly taken = new WeakMap<Slice, Taken>();
  private readonly tags = new Map<string, { position: string; tag: string | undefined }>();

  constructor(partition: number) {
    this.partition = partition;
  }

  /** The shards that fall to this partition, without those that have failed. */
  *own(shards: readonly Shard[], partitions: number): Generator<Shard> {
    for (const shard of shards) {
      if (partitionOf(Buffer.from(shard.name), partitions) === this.partition && !this.failed.has(shard.name))
        yield shard;
    }
  }

  /** Whether a shard has more to be read in this pass. */
  isDue(shard: Shard, pass: string): boolean {
    const state = this.shards.get(shard.name);
    if (state === undefined || state.pass !== pass || !state.done) return true;
    return shard.tag !== undefined && this.tagOf(state) !== shard.tag;
  }

  private tagOf({ shard, position }: ShardState): string | undefined {
    let known = this.tags.get(shard);
    if (known?.position !== position) {
      known = { position, tag: (JSON.parse(position) as SourcePosition).tag };
      this.tags.set(shard, known);
    }
    return known.tag;
  }

  /** Where a shard goes on: where it was left, or from its beginning in a new pass. */
  stateOf(shard: Shard, pass: string, rewindable: boolean): Pick<OpenShardOptions, 'state' | 'position'> {
    const known = this.shards.get(shard.name);
    if (known !== undefined && (known.pass === pass || !rewindable)) {
      return { state: { ...known, pass }, position: JSON.parse(known.position) as SourcePosition };
    }
    return {
      state: { shard: shard.name, pass, base: this.next, row: 0, done: false, position: '{"row":0}', at: 0 },
      position: undefined,
    };
  }

  /** The chunk of an open shard that waits, as a slice, with the position behind it; undefined when there is none. */
  take(open: OpenShard, topic: string): Slice | undefined {
    const chunk = open.take();
    if (chunk === undefined) return undefined;
    const { items, next, end } = chunk;
    const { state } = open;
    const now = Date.now();
    this.takenAt = performance.now();
    // To the end of the list, so that those that are open take turns.
    this.open.delete(state.shard);
    this.open.set(state.shard, open);
    open.state = { ...state, row: next.row, done: end, position: JSON.stringify(next), at: now };
    const slice = this.sliceOf(topic, items, now);
    this.finish(slice, open, { open, position: next, row: state.row, end });
    if (end) {
      this.open.delete(state.shard);
      if (open.acknowledges) this.ending.add(open);
      else void open.close();
    }
    return slice;
  }

  /**
   * What an attempt before has sent and not written down bears numbers from `next` on; a source that cannot be rewound
   * would give them to other items. So they are left out: an empty slice, settled before anything is sent. Parts settle
   * one after another, so an attempt has given out the numbers of one part at most.
   */
  skip(open: OpenShard, topic: string): Slice {
    this.skipped = true;
    const slice = new Slice(topic, this.partition, this.next, [], false);
    slice.to = slice.from + SKIPPED_NUMBERS;
    const { row, position } = open.state;
    this.finish(slice, open, { open, position: JSON.parse(position) as SourcePosition, row, end: false });
    return slice;
  }

  private finish(slice: Slice, { state }: OpenShard, taken: Taken): void {
    this.taken.set(slice, taken);
    this.next = slice.to;
    this.shards.set(state.shard, state);
    slice.position = {
      key: Buffer.from(state.shard),
      value: positionCodec.encode(state),
      headers: {},
      partition: this.partition,
      timestamp: String(Math.max(state.at, 1)),
    };
  }

  private sliceOf(topic: string, items: readonly RawItem[], now: number): Slice {
    const records = items.map((item, index) => new RawRecord(topic, this.partition, this.next + index, now, item));
    return new Slice(topic, this.partition, this.next, records, false);
  }

  /** Notes that a slice is committed, and tells its source. */
  settle(slice: Slice, ref: LedgerRef): void {
    this.prev = ref;
    this.settled = slice.to;
    const taken = this.taken.get(slice);
    if (taken === undefined) return;
    const { open, position, row, end } = taken;
    if (slice.records.length > 0) open.acknowledge({ position, rejected: rejectedOf(slice, row) });
    if (end && this.ending.delete(open)) void open.close();
  }

  /** Number of a slice's first item within its shard. */
  rowOf(slice: Slice): number {
    return this.taken.get(slice)?.row ?? 0;
  }

  /** Everything that was read is committed, too; of shards that never end, everything there was. */
  get idle(): boolean {
    if (this.settled !== this.next) return false;
    for (const open of this.open.values()) if (!open.caughtUp || open.chunk !== undefined) return false;
    return true;
  }

  /** Raw items read in a pass. */
  itemsOf(pass: string): number {
    let items = 0;
    for (const state of this.shards.values()) if (state.pass === pass) items += state.row;
    return items;
  }

  /** Closes everything that is open. */
  async close(): Promise<void> {
    const open = [...this.open.values(), ...this.ending];
    this.open.clear();
    this.ending.clear();
    await Promise.all(open.map((each) => each.close()));
  }
}

function rejectedOf(slice: Slice, row: number): Settled['rejected'] {
  const rejected = new Map<number, Fault>();
  for (const [index, reason] of slice.reasons) {
    if (slice.verdicts[index] === REJECT && typeof reason !== 'string') rejected.set(row + index, reason);
  }
  return rejected;
}
