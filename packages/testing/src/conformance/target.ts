/** What every target must hold to (packages/flow/src/target.ts): run over each target type in `<type>.<server>.test.ts`. */
import assert from 'node:assert/strict';
import type { TargetFeatures } from '@quadrille/flow';
import { describe } from './registration.ts';
import { type Check, checksOf } from './target-check.ts';
import { failureTests } from './target-failures.ts';
import { guardedTests } from './target-guarded.ts';
import { keptTests } from './target-kept.ts';
import { killTests } from './target-kill.ts';
import { row, seen, type TargetFixture } from './target-sample.ts';

/** Registers the tests of a target. */
export function targetConformance(fixture: TargetFixture): void {
  const options = fixture.skip === undefined ? {} : { skip: fixture.skip };
  describe('target', fixture.name, options, () => {
    const check = checksOf(fixture);
    basicTests(check, fixture.features);
    guardedTests(check);
    keptTests(check, fixture.features);
    failureTests(check, fixture);
    killTests(check, fixture.features);
  });
}

function basicTests(check: Check, features: TargetFeatures): void {
  check('writes rows, and answers for each in its place', {}, async (sample, target) => {
    assert.deepEqual(await target.write([]), []);
    assert.deepEqual(
      await target.write([row({ id: 'b', text: 'two' }), row({ id: 'a', offset: 1, text: 'ünï 😀', amount: null })]),
      ['written', 'written'],
    );
    assert.deepEqual(seen(await sample.stored()), [
      { id: 'a', version: 1n, revision: 0, deleted: false, text: 'ünï 😀', amount: null },
      { id: 'b', version: 1n, revision: 0, deleted: false, text: 'two', amount: 1 },
    ]);
  });

  check('a dry run answers as it would, and leaves nothing', { dryRun: ['target'] }, async (sample, target) => {
    await target.write([row({ id: 'a', text: 'one', version: 2 })]);
    const before = await sample.stored();
    const rows = [row({ id: 'a', text: 'old', version: 1, offset: 1 }), row({ id: 'b', text: 'new', offset: 2 })];
    const wanted = [features.late === 'superseded' ? 'superseded' : 'written', 'written'];
    assert.deepEqual(await target.write(rows, true), wanted);
    assert.deepEqual(await sample.stored(), before);
    assert.deepEqual(await target.write(rows), wanted);
  });

  check('a dry run that only checks sends nothing', { dryRun: ['checks'] }, async (sample, target) => {
    assert.deepEqual(await target.write([row({ id: 'a' }), row({ id: 'b', offset: 1 })], true), ['written', 'written']);
    assert.deepEqual(await sample.stored(), []);
  });

  check(
    'the same rows again, at other offsets and from another instance too: unchanged, and not touched',
    { again: ['version'] },
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
    'at one version, other content: the higher offset of a partition stands; between partitions it is a conflict',
    { again: ['version'] },
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
}
