/** Targets in which the newest version of an id stands, and no other (`late: superseded`). */
import assert from 'node:assert/strict';
import type { TargetRow } from '@quadrille/flow';
import type { Check } from './target-check.ts';
import { random, row, seen } from './target-sample.ts';

export function guardedTests(check: Check): void {
  check(
    'the newer version stands, then the newer revision, whatever the order and offsets',
    { late: ['superseded'] },
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

  check('several rows of one id in a batch are folded', { late: ['superseded'] }, async (sample, target) => {
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

  check('every outcome in one batch', { late: ['superseded'] }, async (sample, target) => {
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
    { late: ['superseded'] },
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
    { late: ['superseded'] },
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
}
