/** One partition of an extractor: the shards that fall to it, how far each is read, and the one that is open. */
import type { RawItem, Shard, ShardReader, Source, SourcePosition } from '@quadrille/flow';
import { type Fault, type LedgerRef, partitionOf } from '@quadrille/record';
import { positionCodec, type ShardState } from './own-topics.ts';
import { RawRecord } from './raw-record.ts';
import { Slice } from './round.ts';

export class ShardLane {
  readonly partition: number;
  /** Positions are read back below this offset of the positions topic; undefined: not begun. */
  until: number | undefined;
  /** Which of them count; undefined: all. */
  counting: ReadonlySet<number> | undefined;
  ready = false;
  prev: LedgerRef | null = null;
  readonly shards = new Map<string, ShardState>();
  /** Number of the next raw item on the chain. */
  next = 0;
  /** First raw item not yet committed: where the next part must begin. */
  settled = 0;
  open: { shard: Shard; reader: ShardReader; state: ShardState } | undefined;
  /** Shards that cannot be read on until their source is mended, and the station is resumed or started again. */
  readonly failed = new Map<string, Fault>();
  /** The pass that was last said to be complete. */
  told: string | undefined;
  private readonly rows = new WeakMap<Slice, number>();

  constructor(partition: number) {
    this.partition = partition;
  }

  /** The first shard of this partition that is not read to its end in this pass. */
  due(shards: readonly Shard[], pass: string, partitions: number): Shard | undefined {
    return shards.find(({ name }) => {
      if (partitionOf(Buffer.from(name), partitions) !== this.partition || this.failed.has(name)) return false;
      const state = this.shards.get(name);
      return state === undefined || state.pass !== pass || !state.done;
    });
  }

  /** Opens a shard where it was left, or from its beginning in a new pass. @throws what the source throws. */
  async openShard(source: Source, shard: Shard, pass: string): Promise<void> {
    const known = this.shards.get(shard.name);
    const goesOn = known !== undefined && known.pass === pass;
    const position = goesOn ? (JSON.parse(known.position) as SourcePosition) : undefined;
    const reader = await source.open(shard, position);
    const first = { shard: shard.name, pass, base: this.next, row: 0, done: false, position: '{"row":0}', at: 0 };
    this.open = { shard, reader, state: goesOn ? known : first };
    this.told = undefined;
  }

  async closeShard(): Promise<void> {
    const { open } = this;
    this.open = undefined;
    await open?.reader.close();
  }

  /** The next items of the open shard as a slice, with the position behind them. @throws what the source throws. */
  async read(topic: string, max: number): Promise<Slice> {
    const { reader, state, shard } = this.open!;
    const { items, next, end } = await reader.read(max);
    const slice = this.sliceOf(topic, items);
    this.rows.set(slice, state.row);
    this.next = slice.to;
    const now: ShardState = { ...state, row: next.row, done: end, position: JSON.stringify(next), at: Date.now() };
    this.shards.set(shard.name, now);
    slice.position = {
      key: Buffer.from(shard.name),
      value: positionCodec.encode(now),
      headers: {},
      partition: this.partition,
      timestamp: String(now.at),
    };
    if (end) await this.closeShard();
    else if (this.open !== undefined) this.open.state = now;
    return slice;
  }

  private sliceOf(topic: string, items: RawItem[]): Slice {
    const now = Date.now();
    const records = items.map((item, index) => new RawRecord(topic, this.partition, this.next + index, now, item));
    return new Slice(topic, this.partition, this.next, records, false);
  }

  /** Number of a slice's first item within its shard. */
  rowOf(slice: Slice): number {
    return this.rows.get(slice) ?? 0;
  }

  /** Everything read of this pass is committed, too. */
  get idle(): boolean {
    return this.open === undefined && this.settled === this.next;
  }

  /** Raw items read in a pass. */
  itemsOf(pass: string): number {
    let items = 0;
    for (const state of this.shards.values()) if (state.pass === pass) items += state.row;
    return items;
  }
}
