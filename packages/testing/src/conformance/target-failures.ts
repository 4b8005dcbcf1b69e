/** What a target does when a row, the server or the way to it is not as it should be. */
import assert from 'node:assert/strict';
import type { TargetRow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { test } from './registration.ts';
import type { Check } from './target-check.ts';
import { distinct, row, type StoredRow, schema, type TargetFixture, writeUntilUp } from './target-sample.ts';

export function failureTests(check: Check, fixture: TargetFixture): void {
  const { late, again, whole } = fixture.features;

  check(
    'a row it refuses: the write throws TARGET_REFUSED, and nothing of it is written',
    { whole: [true], parts: ['poison'] },
    async (sample, target) => {
      await target.write([row({ id: 'before' })]);
      const before = await sample.stored();
      const good = [row({ id: 'c', offset: 1 }), row({ id: 'before', version: 2, offset: 3, text: 'new' })];
      await assert.rejects(
        target.write([good[0] as TargetRow, row({ id: 'bad', offset: 2, text: sample.poison }), good[1] as TargetRow]),
        (error) => {
          assert.ok(error instanceof Fault);
          assert.equal(error.code, 'TARGET_REFUSED');
          assert.equal(error.class, 'target');
          return true;
        },
      );
      assert.deepEqual(await sample.stored(), before);
      assert.deepEqual(await target.write(good), ['written', 'written']);
    },
  );

  check(
    'a row it refuses is answered with TARGET_REFUSED, and the others of the batch come through',
    { whole: [false], parts: ['poison'] },
    async (sample, target) => {
      const answers = await target.write([
        row({ id: 'a', offset: 0 }),
        row({ id: 'bad', offset: 1, text: sample.poison }),
        row({ id: 'c', offset: 2 }),
      ]);
      const [first, fault, last] = answers;
      assert.deepEqual([first, last], ['written', 'written']);
      assert.ok(fault instanceof Fault && fault.code === 'TARGET_REFUSED', String(fault));
      assert.deepEqual(
        distinct(await sample.stored()).map(({ id }) => id),
        ['a', 'c'],
      );
    },
  );

  check(
    'when it is down, writing and opening are faults of class dependency; afterwards the same rows are written',
    { parts: ['down'] },
    async (sample, target) => {
      await target.write([row({ id: 'before' })]);
      await sample.down();
      const rows = [row({ id: 'after', offset: 1 })];
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
    'connections cut while it writes: what was answered for is there, a failed write is whole or not at all where that is promised, and the next one connects again',
    { parts: ['cut'] },
    async (sample, target) => {
      const size = late === 'superseded' ? 2_000 : 150;
      const of = (version: number): TargetRow[] =>
        Array.from({ length: size }, (_, i) =>
          row({ id: `id ${i}`, version, offset: version * size + i, text: `v${version}` }),
        );
      for (let version = 1; version <= 10; version++) {
        const writing = target.write(of(version)).catch((error: unknown) => {
          assert.ok(error instanceof Fault && error.code === 'TARGET_UNAVAILABLE', String(error));
          return undefined;
        });
        await Promise.all([sample.cut(), writing]);
        const there = versionsOf(await sample.stored());
        if (whole) for (const [each, count] of there) assert.equal(count, size, `${count} rows of version ${each}`);
        if ((await writing) !== undefined) assert.equal(there.get(BigInt(version)), size);
        for (const outcome of await writeUntilUp(target, of(version)))
          assert.ok(outcome === 'written' || outcome === 'unchanged', String(outcome));
      }
      const wanted = late === 'superseded' ? [10] : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
      assert.deepEqual(versionsOf(await sample.stored()), new Map(wanted.map((version) => [BigInt(version), size])));
    },
  );

  check(
    'never more connections than it may have, whatever is asked of it at once',
    { parts: ['connections'] },
    async (sample, target) => {
      for (let batch = 0; batch < 4; batch++) {
        const rows = Array.from({ length: 200 }, (_, i) =>
          row({ id: `id ${i}`, version: batch, offset: batch * 200 + i }),
        );
        const finds = Array.from({ length: 20 }, (_, i) => target.find?.(`id ${i}`));
        await Promise.all([target.write(rows), ...finds]);
      }
      const { cap, peak } = sample.connections;
      assert.ok(peak() >= 1 && peak() <= cap, `${peak()} connections, ${cap} are allowed`);
    },
  );

  test('finds a row by id without having been opened, deleted ones too; nothing where nothing was made', {
    timeout: 60_000,
    ...(fixture.lacks?.find !== undefined && { skip: fixture.lacks.find }),
  }, async (t) => {
    const sample = await fixture.prepare(t, schema);
    const reader = sample.create();
    assert.ok(reader.find !== undefined, 'it cannot look up, and the fixture gives no reason');
    const writer = sample.create();
    try {
      assert.equal(await reader.find('a'), undefined, 'there is no table yet');
      await writer.open();
      const high = row({ id: 'a', topic: 't', partition: 3, offset: 7, revision: 2 });
      high.version = 2n ** 62n + 1n;
      await writer.write([high, row({ id: 'gone', version: 3, offset: 8, text: null })]);
      const { version, revision, topic, partition, offset } = high;
      assert.deepEqual(await reader.find('a'), { version, revision, topic, partition, offset, deleted: false });
      assert.equal((await reader.find('gone'))?.deleted, true);
      assert.equal(await reader.find("'; --"), undefined);
      assert.equal(await reader.find(sample.poison ?? 'none'), undefined);
      if (sample.down !== undefined) {
        await sample.down();
        await assert.rejects(reader.find('a'), (error) => error instanceof Fault && error.class === 'dependency');
        await sample.up?.();
      }
      assert.equal((await reader.find('a'))?.revision, 2);
    } finally {
      await reader.close();
      await writer.close();
    }
  });

  check('two instances writing the same ids in opposite order both come through', {}, async (sample, target) => {
    const size = late === 'superseded' ? 300 : 80;
    const other = sample.create();
    await other.open();
    try {
      for (let version = 1; version <= 10; version++) {
        const of = (partition: number) =>
          Array.from({ length: size }, (_, i) =>
            row({
              id: `id ${i}`,
              version: version * 2 + partition,
              partition,
              offset: version * size + i,
              text: `p${partition}`,
            }),
          );
        const ordered = of(1);
        await Promise.all([target.write(of(0)), other.write(again === 'position' ? ordered : ordered.reverse())]);
      }
    } finally {
      await other.close();
    }
    const stored = distinct(await sample.stored());
    assert.equal(stored.length, late === 'superseded' ? size : 20 * size);
    const newest = stored.filter((there) => there.version === 21n && there.text === 'p1');
    assert.equal(newest.length, size);
  });
}

/** How many distinct rows there are of each version. */
function versionsOf(stored: StoredRow[]): Map<bigint, number> {
  const counts = new Map<bigint, number>();
  for (const { version } of distinct(stored)) counts.set(version, (counts.get(version) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => Number(a - b)));
}
