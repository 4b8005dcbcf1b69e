/** What every source must hold to (packages/flow/src/source.ts): run over each source type in `<type>.test.ts`. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { RawItem, ShardReader, Source, SourcePosition } from '@quadrille/flow';
import { Fault } from '@quadrille/record';

export interface SourceFixture {
  /** The source type. */
  name: string;
  /**
   * Something to read, of this test alone: at least two shards, some 20 items or more in each, some of them bad.
   * What it opens is closed by `t.after`.
   */
  prepare(t: TestContext): Promise<SourceSample>;
}

export interface SourceSample {
  source: Source;
  /** Shards in order, and in each the codes of its bad items by item number. */
  shards: { name: string; items: number; faults: Readonly<Record<number, string | undefined>> }[];
  /** Changes what the first shard has before its last item, where the source can tell. */
  change?(): Promise<void>;
  /** Adds items at the end of the first shard, where the source allows it; returns how many. */
  grow?(): Promise<number>;
}

/** Positions are stored as JSON. */
const stored = (position: SourcePosition): SourcePosition => JSON.parse(JSON.stringify(position));

/** An item as something `deepEqual` compares by what counts. */
const shown = (item: RawItem): unknown =>
  'fault' in item
    ? { code: item.fault.code, message: item.fault.message, bytes: item.bytes.toString('hex'), place: item.place }
    : item;

async function readAll(
  reader: ShardReader,
  max: number,
  each?: (next: SourcePosition, items: number) => void,
): Promise<unknown[]> {
  const items: unknown[] = [];
  try {
    for (;;) {
      const chunk = await reader.read(max);
      assert.ok(chunk.items.length <= max, `${chunk.items.length} items, asked for ${max}`);
      assert.ok(chunk.end || chunk.items.length > 0, 'an empty chunk that is not the end');
      items.push(...chunk.items.map(shown));
      each?.(stored(chunk.next), items.length);
      if (chunk.end) return items;
    }
  } finally {
    await reader.close();
  }
}

/** Registers the tests of a source. */
export function sourceConformance(fixture: SourceFixture): void {
  describe(`source ${fixture.name}: conformance`, () => {
    test('lists its shards sorted, and the same each time', async (t) => {
      const { source, shards } = await fixture.prepare(t);
      const names = (await source.shards()).map((shard) => shard.name);
      assert.deepEqual(
        names,
        shards.map((shard) => shard.name),
      );
      assert.deepEqual(names, [...names].sort());
      assert.deepEqual(
        (await source.shards()).map((shard) => shard.name),
        names,
      );
    });

    test('a bad item is a fault with its bytes and place, and the others are read', async (t) => {
      const { source, shards } = await fixture.prepare(t);
      assert.ok(
        shards.some((shard) => Object.keys(shard.faults).length > 0),
        'the sample has no bad item',
      );
      for (const { name, items, faults } of shards) {
        const reader = await source.open({ name }, undefined);
        const { items: read, end, next } = await reader.read(items + 1);
        await reader.close();
        assert.ok(end);
        assert.equal(read.length, items);
        assert.equal(next.row, items);
        assert.equal(new Set(read.map((item) => item.place)).size, items, 'each item has a place of its own');
        const found: Record<number, string> = {};
        read.forEach((item, i) => {
          if (!('fault' in item)) return;
          found[i] = item.fault.code;
          assert.ok(item.fault instanceof Fault && item.fault.class === 'data' && item.bytes.length > 0);
        });
        assert.deepEqual(found, faults, name);
      }
    });

    test('reads the same whatever is asked for at once', async (t) => {
      const { source, shards } = await fixture.prepare(t);
      for (const { name } of shards) {
        const whole = await readAll(await source.open({ name }, undefined), 10_000);
        for (const max of [1, 7, whole.length]) {
          assert.deepEqual(await readAll(await source.open({ name }, undefined), max), whole, `${name} by ${max}`);
        }
      }
    });

    test('goes on exactly after every item', async (t) => {
      const { source, shards } = await fixture.prepare(t);
      for (const { name } of shards) {
        const positions: SourcePosition[] = [];
        const whole = await readAll(await source.open({ name }, undefined), 1, (next, items) => {
          assert.equal(next.row, items);
          positions.push(next);
        });
        for (const position of positions) {
          const rest = await readAll(await source.open({ name }, position), 5);
          assert.deepEqual(rest, whole.slice(position.row), `${name} after ${position.row}`);
        }
      }
    });

    test('refuses to go on in a shard that was changed', async (t) => {
      const { source, shards, change } = await fixture.prepare(t);
      if (change === undefined) return t.skip('the source cannot tell');
      const shard = shards[0] as SourceSample['shards'][number];
      const reader = await source.open(shard, undefined);
      const { next } = await reader.read(shard.items);
      await reader.close();
      await change();
      await assert.rejects(source.open(shard, stored(next)), { code: 'SOURCE_CHANGED' });
    });

    test('reads what was added at the end, and only that', async (t) => {
      const { source, shards, grow } = await fixture.prepare(t);
      if (grow === undefined) return t.skip('the source does not grow');
      const shard = shards[0] as SourceSample['shards'][number];
      let last: SourcePosition | undefined;
      const whole = await readAll(await source.open(shard, undefined), 10, (next) => {
        last = next;
      });
      const added = await grow();
      const rest = await readAll(await source.open(shard, last), 10);
      assert.equal(rest.length, added);
      assert.deepEqual(await readAll(await source.open(shard, undefined), 10), [...whole, ...rest]);
    });
  });
}
