/** What every source must hold to (packages/flow/src/source.ts): run over each source type in `<type>.test.ts`. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { RawItem, SourcePosition } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { describe, test } from './registration.ts';
import {
  type Ability,
  readAll,
  readShard,
  type SourceFixture,
  type SourceSample,
  shown,
  stored,
} from './source-sample.ts';

export type { SourceFixture, SourceSample } from './source-sample.ts';

/** Registers the tests of a source. */
export function sourceConformance(fixture: SourceFixture): void {
  const { traits = {}, cannot = {} } = fixture;
  const rewindable = traits.rewindable ?? true;
  const endless = traits.endless === true;
  const check = (
    name: string,
    body: (sample: SourceSample, t: TestContext) => Promise<void>,
    skip?: string | undefined,
  ): void => {
    test(name, { timeout: 60_000, ...(skip !== undefined && { skip }) }, async (t) => {
      const sample = await fixture.prepare(t);
      try {
        await body(sample, t);
      } finally {
        await sample.source.close?.();
      }
    });
  };
  /** For what needs an ability: the sample has it, or the fixture says why not. */
  const able = (
    ability: Ability,
    name: string,
    body: (sample: SourceSample, t: TestContext) => Promise<void>,
    has: (sample: SourceSample) => boolean,
  ): void =>
    check(
      name,
      async (sample, t) => {
        assert.ok(has(sample), `the sample has nothing for "${ability}", and the fixture gives no reason`);
        await body(sample, t);
      },
      cannot[ability],
    );
  const first = ({ shards }: SourceSample) => shards[0] as SourceSample['shards'][number];

  describe('source', fixture.name, fixture.skip === undefined ? {} : { skip: fixture.skip }, () => {
    check('lists its shards sorted, and the same each time', async ({ source, shards }) => {
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

    able(
      'bad items',
      'a bad item is a fault with its bytes and place, and the others are read',
      async ({ source, shards }) => {
        for (const { name, items, faults } of shards) {
          let last: SourcePosition | undefined;
          const read = await readShard(source, name, undefined, items + 1, (next) => {
            last = next;
          });
          assert.equal(read.length, items);
          assert.equal(last?.row, items);
          assert.equal(new Set(read.map((item) => item.place)).size, items, 'each item has a place of its own');
          const found: Record<number, string> = {};
          read.forEach((item, i) => {
            if (!('fault' in item)) return;
            found[i] = item.fault.code;
            assert.ok(item.fault instanceof Fault && ['data', 'schema'].includes(item.fault.class));
            assert.ok(item.bytes.length > 0);
            const bytes = item.bytes.toString('latin1').slice(0, 40);
            assert.ok(bytes.length < 8 || !item.fault.message.includes(bytes), 'the message quotes the item');
          });
          assert.deepEqual(found, faults, name);
        }
      },
      ({ shards }) => shards.some((shard) => Object.keys(shard.faults).length > 0),
    );

    check('items bring what the type says: deletions, ids, versions', async ({ source, shards }) => {
      for (const { name, deletions = [], items } of shards) {
        const read = await readShard(source, name, undefined, 100);
        assert.equal(read.length, items);
        const deleted = read.flatMap((item, i) => ('deleted' in item && item.deleted ? [i] : []));
        assert.deepEqual(deleted, deletions);
        for (const item of read) {
          if ('fault' in item) continue;
          for (const what of ['id', 'version'] as const)
            if (traits.brings?.includes(what)) assert.ok(item[what] !== undefined, `${item.place} brings no ${what}`);
          if (item.version !== undefined)
            assert.ok(Number.isSafeInteger(Number(item.version)) && Number(item.version) >= 0, `${item.version}`);
        }
      }
      const some = shards.some(({ deletions = [] }) => deletions.length > 0);
      assert.equal(some, traits.deletes ?? false, 'the sample has deletions where the type says so, and only there');
    });

    if (rewindable) {
      check('reads the same whatever is asked for at once', async ({ source, shards }) => {
        for (const { name } of shards) {
          const whole = (await readShard(source, name, undefined, 10_000)).map(shown);
          for (const max of [1, 7, whole.length]) {
            const again = (await readShard(source, name, undefined, max)).map(shown);
            assert.deepEqual(again, whole, `${name} by ${max}`);
          }
        }
      });

      check('goes on exactly after every item', async ({ source, shards }) => {
        for (const { name } of shards) {
          const positions: SourcePosition[] = [];
          const whole = await readShard(source, name, undefined, 1, (next, items) => {
            assert.equal(next.row, items);
            positions.push(next);
          });
          for (const position of positions) {
            const rest = await readShard(source, name, position, 5);
            assert.deepEqual(rest.map(shown), whole.slice(position.row).map(shown), `${name} after ${position.row}`);
          }
        }
      });
    } else {
      check('what is not acknowledged comes again, the same; what is does not', async ({ source, shards }) => {
        const shard = shards[0]!.name;
        const reader = await source.open({ name: shard }, undefined);
        assert.ok(reader.acknowledge !== undefined, 'a source that cannot be rewound must be told what is settled');
        const { items: kept, next } = await reader.read(5);
        assert.ok(kept.length > 0);
        await reader.acknowledge({ position: stored(next), rejected: new Map() });
        const lost = await readAll(reader, 5);
        await reader.close();
        const again = await readShard(source, shard, stored(next), 100);
        const byPlace = (items: RawItem[]) => new Map(items.map((item) => [item.place, shown(item)]));
        const came = byPlace(again);
        for (const [place, item] of byPlace(lost))
          assert.deepEqual(came.get(place), item, `${place} did not come again`);
        for (const { place } of kept) assert.ok(!came.has(place), `${place} came again, although it was acknowledged`);
      });
    }

    check(
      'stopped while it waits for items it returns at once, and can still be told what is settled',
      async (sample) => {
        const { name } = first(sample);
        const reader = await sample.source.open({ name }, undefined);
        const stop = new AbortController();
        let last: SourcePosition = { row: 0 };
        await readAll(reader, 1_000, (next) => {
          last = next;
        });
        const waiting = endless ? reader.read(10, stop.signal).catch(() => undefined) : undefined;
        stop.abort();
        const late = AbortSignal.timeout(5_000);
        await Promise.race([
          waiting,
          new Promise((_, reject) => late.addEventListener('abort', () => reject(new Error('it does not return')))),
        ]);
        await reader.acknowledge?.({ position: last, rejected: new Map() });
        await reader.close();
      },
    );

    able(
      'change',
      'refuses to go on in a shard that was changed',
      async (sample) => {
        const shard = first(sample);
        const reader = await sample.source.open(shard, undefined);
        const { next } = await reader.read(shard.items);
        await reader.close();
        await sample.change!();
        await assert.rejects(sample.source.open(shard, stored(next)), { code: 'SOURCE_CHANGED' });
      },
      ({ change }) => change !== undefined,
    );

    able(
      'grow',
      'reads what was added at the end, and only that',
      async (sample) => {
        const { source } = sample;
        const { name } = first(sample);
        const tagOf = async () => (await source.shards()).find((shard) => shard.name === name)?.tag;
        let last: SourcePosition | undefined;
        const whole = await readShard(source, name, undefined, 10, (next) => {
          last = next;
        });
        assert.equal(last?.tag, await tagOf(), 'the tag of the last position is not the shard’s');
        const added = await sample.grow!();
        if (!endless) assert.notEqual(last?.tag, await tagOf(), 'nobody would notice that it has grown');
        const rest = await readShard(source, name, last, 10);
        assert.equal(rest.length, added);
        if (!rewindable) return;
        const again = await readShard(source, name, undefined, 10);
        assert.deepEqual(again.map(shown), [...whole, ...rest].map(shown));
      },
      ({ grow }) => grow !== undefined,
    );

    able(
      'down',
      'while it cannot be reached, that is a fault of class dependency; afterwards it goes on',
      async (sample) => {
        const { source } = sample;
        const { name, items } = first(sample);
        await sample.down!();
        await assert.rejects(
          readShard(source, name, undefined, 10),
          (error) => error instanceof Fault && error.class === 'dependency',
        );
        await sample.up!();
        assert.equal((await readShard(source, name, undefined, 10)).length, items);
      },
      ({ down, up }) => down !== undefined && up !== undefined,
    );
  });
}
