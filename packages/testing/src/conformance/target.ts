/** What every target must hold to (packages/flow/src/target.ts): run over each target type in `<type>.<server>.test.ts`. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Target, TargetRow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import {
  random,
  row,
  type StoredRow,
  schema,
  seen,
  type TargetFixture,
  type TargetSample,
  writeUntilUp,
} from './target-sample.ts';

/** Registers the tests of a target. */
export function targetConformance(fixture: TargetFixture): void {
  const options = fixture.skip === undefined ? {} : { skip: fixture.skip };
  const check = (name: string, body: (sample: TargetSample, target: Target, t: TestContext) => Promise<void>): void => {
    test(name, { timeout: 60_000 }, async (t) => {
      const sample = await fixture.prepare(t, schema);
      const target = sample.create();
      try {
        await target.open();
        await body(sample, target, t);
      } finally {
        await target.close();
      }
    });
  };

  describe(`target ${fixture.name}: conformance`, options, () => {
    check('writes rows, and answers for each in its place', async (sample, target) => {
      assert.deepEqual(await target.write([]), []);
      assert.deepEqual(
        await target.write([row({ id: 'b', text: 'two' }), row({ id: 'a', text: 'ünï 😀', amount: null })]),
        ['written', 'written'],
      );
      assert.deepEqual(seen(await sample.stored()), [
        { id: 'a', version: 1n, revision: 0, deleted: false, text: 'ünï 😀', amount: null },
        { id: 'b', version: 1n, revision: 0, deleted: false, text: 'two', amount: 1 },
      ]);
    });

    check('a dry run answers as it would, and leaves nothing', async (sample, target) => {
      await target.write([row({ id: 'a', text: 'one', version: 2 })]);
      const before = await sample.stored();
      const rows = [row({ id: 'a', text: 'old', version: 1 }), row({ id: 'b', text: 'new' })];
      assert.deepEqual(await target.write(rows, true), ['superseded', 'written']);
      assert.deepEqual(await sample.stored(), before);
      assert.deepEqual(await target.write(rows), ['superseded', 'written']);
    });

    check(
      'the same rows again, at other offsets and from another instance too: unchanged, and not touched',
      async (sample, target) => {
        const rows = Array.from({ length: 300 }, (_, i) =>
          row({ id: `id ${i}`, offset: i, text: i % 7 === 0 ? null : `text ${i}` }),
        );
        assert.ok((await target.write(rows)).every((outcome) => outcome === 'written'));
        const before = await sample.stored();
        const other = sample.create();
        await other.open();
        try {
          for (const again of [
            rows,
            rows.map((same) => ({ ...same, offset: same.offset + 1000 })),
            rows.map((same) => ({ ...same, partition: 3 })).reverse(),
          ]) {
            assert.ok((await other.write(again)).every((outcome) => outcome === 'unchanged'));
          }
        } finally {
          await other.close();
        }
        assert.deepEqual(await sample.stored(), before);
      },
    );

    check(
      'the newer version stands, then the newer revision, whatever the order and offsets',
      async (sample, target) => {
        await target.write([row({ version: 5, offset: 1, text: 'five' })]);
        assert.deepEqual(await target.write([row({ version: 4, revision: 9, offset: 2 })]), ['superseded']);
        assert.deepEqual(
          await target.write([
            row({ version: 5, revision: 1, offset: 0, partition: 1, topic: 'replay', text: 'mended' }),
          ]),
          ['written'],
        );
        assert.deepEqual(await target.write([row({ version: 5, offset: 9, text: 'five' })]), ['superseded']);
        assert.deepEqual(await target.write([row({ version: 6, offset: 0, text: 'six' })]), ['written']);
        assert.deepEqual(seen(await sample.stored()), [
          { id: 'a', version: 6n, revision: 0, deleted: false, text: 'six', amount: 1 },
        ]);
      },
    );

    check(
      'at one version, other content: the higher offset of a partition stands; between partitions it is a conflict',
      async (sample, target) => {
        await target.write([row({ offset: 5, text: 'first' })]);
        assert.deepEqual(await target.write([row({ offset: 7, text: 'second' })]), ['written']);
        assert.deepEqual(await target.write([row({ offset: 6, text: 'late' })]), ['superseded']);
        const before = await sample.stored();
        assert.deepEqual(await target.write([row({ offset: 9, partition: 1, text: 'elsewhere' })]), ['conflict']);
        assert.deepEqual(await target.write([row({ offset: 9, topic: 'other', text: 'elsewhere' })]), ['conflict']);
        assert.deepEqual(await target.write([row({ offset: 7, text: 'at the same offset' })]), ['conflict']);
        assert.deepEqual(await sample.stored(), before);
        assert.equal(before[0]?.text, 'second');
      },
    );

    check('several rows of one id in a batch are folded', async (sample, target) => {
      const outcomes = await target.write([
        row({ id: 'x', version: 1, offset: 0, text: 'one' }),
        row({ id: 'y', offset: 1 }),
        row({ id: 'x', version: 3, offset: 2, text: 'three' }),
        row({ id: 'x', version: 2, offset: 3, text: 'two' }),
        row({ id: 'x', version: 3, offset: 4, text: 'three' }),
        row({ id: 'y', offset: 1, partition: 1, text: 'other' }),
      ]);
      assert.deepEqual(outcomes, ['superseded', 'written', 'written', 'superseded', 'unchanged', 'conflict']);
      assert.deepEqual(
        (await sample.stored()).map(({ id, text }) => [id, text]),
        [
          ['x', 'three'],
          ['y', 'x'],
        ],
      );
      const below = await target.write([
        row({ id: 'x', version: 2, offset: 9, text: 'late' }),
        row({ id: 'x', version: 2, offset: 9, text: 'late' }),
      ]);
      assert.deepEqual(below, ['superseded', 'superseded']);
    });

    check('every outcome in one batch', async (sample, target) => {
      await target.write(['same', 'older', 'newer', 'other'].map((id) => row({ id, version: 5, offset: 10 })));
      const outcomes = await target.write([
        row({ id: 'older', version: 4, text: 'late' }),
        row({ id: 'first', version: 1 }),
        row({ id: 'other', version: 5, partition: 1, text: 'elsewhere' }),
        row({ id: 'same', version: 5, offset: 11 }),
        row({ id: 'newer', version: 6, text: 'new' }),
      ]);
      assert.deepEqual(outcomes, ['superseded', 'written', 'conflict', 'unchanged', 'written']);
      assert.deepEqual(
        (await sample.stored()).map(({ id, text }) => [id, text]),
        [
          ['first', 'x'],
          ['newer', 'new'],
          ['older', 'x'],
          ['other', 'x'],
          ['same', 'x'],
        ],
      );
    });

    check(
      'a deletion keeps id and version, so that an older row cannot come back and a newer one can',
      async (sample, target) => {
        await target.write([row({ version: 2 })]);
        assert.deepEqual(await target.write([row({ version: 3, text: null })]), ['written']);
        assert.deepEqual(seen(await sample.stored()), [
          { id: 'a', version: 3n, revision: 0, deleted: true, text: null, amount: null },
        ]);
        assert.deepEqual(await target.write([row({ version: 2 })]), ['superseded']);
        assert.deepEqual(await target.write([row({ version: 3, text: null })]), ['unchanged']);
        assert.deepEqual(await target.write([row({ id: 'never seen', version: 3, text: null })]), ['written']);
        assert.deepEqual(await target.write([row({ version: 4, text: 'back' })]), ['written']);
        assert.deepEqual(
          (await sample.stored()).map(({ id, deleted, text }) => [id, deleted, text]),
          [
            ['a', false, 'back'],
            ['never seen', true, null],
          ],
        );
      },
    );

    check(
      'however rows are cut into batches, sent twice and shuffled: the newest of each id stands',
      async (sample, target) => {
        const seed = Math.floor(Math.random() * 2 ** 31);
        const pick = random(seed);
        const rows = Array.from({ length: 1_500 }, (_, offset) => {
          const given = { id: `id ${pick(60)}`, version: pick(8), revision: pick(3), offset };
          return row({ ...given, text: pick(9) === 0 ? null : `${given.id} ${offset}` });
        });
        const expected = new Map<string, TargetRow>();
        for (const next of rows) {
          const best = expected.get(next.id);
          const rank =
            best === undefined
              ? 1
              : Number(next.version - best.version) || next.revision - best.revision || next.offset - best.offset;
          if (
            rank > 0 &&
            !(
              best?.value === null &&
              next.value === null &&
              best.version === next.version &&
              best.revision === next.revision
            )
          )
            expected.set(next.id, next);
        }
        const sent = [...rows, ...rows]
          .map((next) => ({ next, at: pick(1_000_000) }))
          .sort((a, b) => a.at - b.at)
          .map(({ next }) => next);
        for (let at = 0; at < sent.length; ) {
          const size = 1 + pick(400);
          await target.write(sent.slice(at, at + size));
          at += size;
        }
        const stored = (await sample.stored()).map(({ id, version, revision, text }) => [id, version, revision, text]);
        const wanted = [...expected.values()].map((best) => [
          best.id,
          best.version,
          best.revision,
          best.value?.text ?? null,
        ]);
        assert.deepEqual(
          stored,
          wanted.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
          `seed ${seed}`,
        );
      },
    );

    check('a row it refuses: the write throws TARGET_REFUSED, and nothing of it is written', async (sample, target) => {
      await target.write([row({ id: 'before' })]);
      const before = await sample.stored();
      const good = [row({ id: 'c' }), row({ id: 'before', version: 2, text: 'new' })];
      await assert.rejects(
        target.write([good[0] as TargetRow, row({ id: 'bad', text: sample.poison }), good[1] as TargetRow]),
        (error) => {
          assert.ok(error instanceof Fault);
          assert.equal(error.code, 'TARGET_REFUSED');
          assert.equal(error.class, 'target');
          return true;
        },
      );
      assert.deepEqual(await sample.stored(), before);
      assert.deepEqual(await target.write(good), ['written', 'written']);
    });

    check(
      'when it is down, writing and opening are faults of class dependency; afterwards the same rows are written',
      async (sample, target) => {
        await target.write([row({ id: 'before' })]);
        await sample.down();
        const rows = [row({ id: 'after' })];
        const unavailable = (error: unknown): boolean =>
          error instanceof Fault && error.code === 'TARGET_UNAVAILABLE' && error.class === 'dependency';
        await assert.rejects(target.write(rows), unavailable);
        await assert.rejects(target.write(rows), unavailable);
        const other = sample.create();
        await assert.rejects(other.open(), unavailable);
        await sample.up();
        await other.open();
        await other.close();
        assert.deepEqual(await target.write(rows), ['written']);
      },
    );

    check(
      'connections cut while it writes: every write is whole or not at all, and the next one connects again',
      async (sample, target) => {
        let known = new Map<string, StoredRow>();
        for (let version = 1; version <= 12; version++) {
          const rows = Array.from({ length: 2_000 }, (_, i) => row({ id: `id ${i}`, version, text: `v${version}` }));
          const writing = target.write(rows).catch((error: unknown) => {
            assert.ok(error instanceof Fault && error.code === 'TARGET_UNAVAILABLE', String(error));
            return undefined;
          });
          await Promise.all([sample.cut(), writing]);
          const stored = await sample.stored();
          const versions = new Set(stored.map((there) => there.version));
          assert.ok(versions.size <= 1, `versions ${[...versions]} stand beside each other`);
          if ((await writing) !== undefined) assert.deepEqual(versions, new Set([BigInt(version)]));
          const again = await writeUntilUp(target, rows);
          const whole = new Set(again);
          assert.ok(whole.size === 1 && (whole.has('written') || whole.has('unchanged')), `${[...whole]}`);
          known = new Map((await sample.stored()).map((there) => [there.id, there]));
        }
        assert.equal(known.size, 2_000);
        assert.ok([...known.values()].every((there) => there.version === 12n && there.text === 'v12'));
      },
    );

    test('finds a row by id without having been opened, deleted ones too; nothing where nothing was made', {
      timeout: 60_000,
    }, async (t) => {
      const sample = await fixture.prepare(t, schema);
      const reader = sample.create();
      if (reader.find === undefined) return t.skip('it cannot look up');
      const writer = sample.create();
      try {
        assert.equal(await reader.find('a'), undefined, 'there is no table yet');
        await writer.open();
        const high = row({ id: 'a', topic: 't', partition: 3, offset: 7, revision: 2 });
        high.version = 2n ** 62n + 1n;
        await writer.write([high, row({ id: 'gone', version: 3, text: null })]);
        const { version, revision, topic, partition, offset } = high;
        assert.deepEqual(await reader.find('a'), { version, revision, topic, partition, offset, deleted: false });
        assert.equal((await reader.find('gone'))?.deleted, true);
        assert.equal(await reader.find("'; --"), undefined);
        assert.equal(await reader.find(sample.poison), undefined);
        await sample.down();
        await assert.rejects(reader.find('a'), (error) => error instanceof Fault && error.class === 'dependency');
        await sample.up();
        assert.equal((await reader.find('a'))?.revision, 2);
      } finally {
        await reader.close();
        await writer.close();
      }
    });

    check('two instances writing the same ids in opposite order both come through', async (sample, target) => {
      const other = sample.create();
      await other.open();
      try {
        for (let version = 1; version <= 10; version++) {
          const of = (partition: number) =>
            Array.from({ length: 500 }, (_, i) =>
              row({ id: `id ${i}`, version: version * 2 + partition, partition, text: `p${partition}` }),
            );
          await Promise.all([target.write(of(0)), other.write(of(1).reverse())]);
        }
      } finally {
        await other.close();
      }
      const stored = await sample.stored();
      assert.equal(stored.length, 500);
      assert.ok(stored.every((there) => there.version === 21n && there.text === 'p1'));
    });
  });
}
