/** What the suites of sources are given: a source with something to read, and what it can do. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { RawItem, ShardReader, Source, SourcePosition, SourceTraits } from '@quadrille/flow';

/** What not every source can do. What a sample does not have, its fixture gives a reason for. */
export type Ability = 'bad items' | 'change' | 'grow' | 'down';

export interface SourceFixture {
  /** The source type. */
  name: string;
  /** As the type declares them. */
  traits?: SourceTraits;
  /** Why it is not run here. */
  skip?: string | undefined;
  /** Why the source cannot do something. */
  cannot?: Partial<Record<Ability, string>>;
  /**
   * Something to read, of this test alone: at least two shards (one will do where there cannot be more), some 20 items or
   * more in each, some of them bad, some of them deletions where there can be any. What it opens is closed by `t.after`.
   */
  prepare(t: TestContext): Promise<SourceSample>;
}

export interface SourceSample {
  source: Source;
  /** Shards in order; in each the codes of its bad items and the numbers of its deletions. */
  shards: {
    name: string;
    items: number;
    faults: Readonly<Record<number, string | undefined>>;
    deletions?: readonly number[];
  }[];
  /** Changes what the first shard has before its last item, where the source can tell. */
  change?(): Promise<void>;
  /** Adds items at the end of the first shard, where the source allows it; returns how many. */
  grow?(): Promise<number>;
  /** The source cannot be reached, until `up`. */
  down?(): Promise<void>;
  up?(): Promise<void>;
}

/** Positions are stored as JSON. */
export const stored = (position: SourcePosition): SourcePosition => JSON.parse(JSON.stringify(position));

/** An item as something `deepEqual` compares by what counts. */
export const shown = (item: RawItem): unknown =>
  'fault' in item
    ? { ...item, fault: { code: item.fault.code, message: item.fault.message }, bytes: item.bytes.toString('hex') }
    : item;

/** A source that has nothing for so long has nothing more. */
const PATIENCE_MS = 20_000;

/** Everything of a shard up to its end; of one that never ends, all there is. Does not close the reader. */
export async function readAll(
  reader: ShardReader,
  max: number,
  each?: (next: SourcePosition, items: number) => void,
): Promise<RawItem[]> {
  const items: RawItem[] = [];
  for (const start = Date.now(); ; ) {
    const chunk = await reader.read(max, AbortSignal.timeout(PATIENCE_MS));
    assert.ok(chunk.items.length <= max, `${chunk.items.length} items, asked for ${max}`);
    items.push(...chunk.items);
    each?.(stored(chunk.next), items.length);
    if (chunk.end || chunk.caughtUp) return items;
    assert.ok(Date.now() - start < PATIENCE_MS, `neither an end nor caught up after ${items.length} items`);
  }
}

/** Opens, reads everything, closes. */
export async function readShard(
  source: Source,
  name: string,
  from: SourcePosition | undefined,
  max: number,
  each?: (next: SourcePosition, items: number) => void,
): Promise<RawItem[]> {
  const reader = await source.open({ name }, from);
  try {
    return await readAll(reader, max, each);
  } finally {
    await reader.close();
  }
}
