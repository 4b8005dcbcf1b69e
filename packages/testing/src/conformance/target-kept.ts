/** Targets in which several versions of an id stand: beside each other (`kept`), in order of time (`placed`), or sent on. */
import assert from 'node:assert/strict';
import type { TargetFeatures, TargetRow } from '@quadrille/flow';
import type { Check } from './target-check.ts';
import { distinct, random, row, type StoredRow, seen } from './target-sample.ts';

const byVersion = (a: Omit<StoredRow, 'mark'>, b: Omit<StoredRow, 'mark'>): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : Number(a.version - b.version) || a.revision - b.revision;
const versions = (stored: StoredRow[]): string[] =>
  seen(stored)
    .sort(byVersion)
    .map(({ id, version, revision, text }) => `${id} ${version}.${revision} ${text}`);

export function keptTests(check: Check, { late }: TargetFeatures): void {
  check(
    'every version stands once, whatever the order, and from another instance too',
    { late: ['kept', 'placed'], again: ['version'] },
    async (sample, target) => {
      const at = (version: number, offset: number) => row({ version, offset, text: `v${version}` });
      assert.deepEqual(await target.write([at(3, 0)]), ['written']);
      assert.deepEqual(await target.write([at(1, 1), at(2, 2), at(3, 3)]), ['written', 'written', 'unchanged']);
      const before = await sample.stored();
      const other = sample.create();
      await other.open();
      try {
        const again = [1, 2, 3].map((version) => ({ ...at(version, version), partition: 7 }));
        assert.deepEqual(await other.write(again), ['unchanged', 'unchanged', 'unchanged']);
      } finally {
        await other.close();
      }
      assert.deepEqual(await sample.stored(), before);
      assert.deepEqual(versions(before), ['a 1.0 v1', 'a 2.0 v2', 'a 3.0 v3']);
    },
  );

  check('a revision is a row of its own', { late: ['kept'], again: ['version'] }, async (sample, target) => {
    await target.write([row({ text: 'wrong' })]);
    assert.deepEqual(await target.write([row({ revision: 1, topic: 'replay', text: 'mended' })]), ['written']);
    assert.deepEqual(versions(await sample.stored()), ['a 1.0 wrong', 'a 1.1 mended']);
  });

  check('a revision takes the place of the one before', { late: ['placed'] }, async (sample, target) => {
    await target.write([row({ text: 'wrong' }), row({ version: 2, offset: 1, text: 'newer' })]);
    assert.deepEqual(await target.write([row({ revision: 1, topic: 'replay', text: 'mended' })]), ['written']);
    assert.deepEqual(await target.write([row({ offset: 9, text: 'wrong' })]), ['superseded']);
    assert.deepEqual(versions(await sample.stored()), ['a 1.1 mended', 'a 2.0 newer']);
  });

  check(
    'a deletion is told with its id and version, and a late older version after it too',
    { late: ['kept', 'placed', 'sent'] },
    async (sample, target) => {
      await target.write([row({ version: 2, offset: 0 })]);
      assert.deepEqual(await target.write([row({ version: 3, offset: 1, text: null })]), ['written']);
      assert.deepEqual(await target.write([row({ version: 1, offset: 2, text: 'late' })]), ['written']);
      assert.deepEqual(
        distinct(await sample.stored()).sort(byVersion),
        [
          { version: 1n, deleted: false, text: 'late', amount: 1 },
          { version: 2n, deleted: false, text: 'x', amount: 1 },
          { version: 3n, deleted: true, text: null, amount: null },
        ].map((wanted) => ({ id: 'a', revision: 0, ...wanted })),
      );
    },
  );

  check(
    'however rows are cut into batches, sent twice and shuffled: each version stands once, with the content put down last',
    { late: ['kept', 'placed'], again: ['version'] },
    async (sample, target, t) => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      t.diagnostic(`seed ${seed}`);
      const pick = random(seed);
      const rows = Array.from({ length: 1_200 }, (_, offset) => {
        const given = { id: `id ${pick(50)}`, version: 1 + pick(8), revision: pick(3), offset };
        return row({ ...given, text: `${given.id} ${offset}` });
      });
      const expected = new Map<string, TargetRow>();
      for (const next of rows) {
        const place = `${next.id}/${next.version}${late === 'placed' ? '' : `/${next.revision}`}`;
        const best = expected.get(place);
        if (best === undefined || (next.revision - best.revision || next.offset - best.offset) > 0)
          expected.set(place, next);
      }
      const sent = [...rows, ...rows].sort(() => pick(3) - 1);
      for (let at = 0; at < sent.length; ) {
        const size = 1 + pick(300);
        await target.write(sent.slice(at, at + size));
        at += size;
      }
      const stored = versions(await sample.stored());
      const wanted = [...expected.values()].map(
        ({ id, version, revision, value }) => `${id} ${version}.${revision} ${value?.text}`,
      );
      assert.deepEqual(new Set(stored), new Set(wanted));
      assert.equal(stored.length, wanted.length);
    },
  );

  check(
    'the same places of the input again: unchanged, from another instance too; each stands once however batches are cut',
    { again: ['position'] },
    async (sample, target) => {
      const pick = random(Math.floor(Math.random() * 2 ** 31));
      const rows = Array.from({ length: 900 }, (_, i) =>
        row({ id: `id ${i % 40}`, version: i, partition: i % 3, offset: Math.floor(i / 3), text: `text ${i}` }),
      );
      const other = sample.create();
      await other.open();
      try {
        for (let at = 0; at < rows.length; ) {
          const batch = rows.slice(at, at + 1 + pick(200));
          const turns = [target, other].slice(pick(2), 2);
          for (const [turn, each] of [...turns, ...turns].entries()) {
            const outcomes = new Set(await each.write(batch));
            assert.deepEqual(outcomes, new Set([turn === 0 ? 'written' : 'unchanged']));
          }
          at += batch.length;
        }
        assert.deepEqual(new Set(await other.write(rows)), new Set(['unchanged']));
      } finally {
        await other.close();
      }
      const stored = seen(await sample.stored()).sort((a, b) => Number(a.version - b.version));
      assert.deepEqual(
        stored.map(({ id, text }) => [id, text]),
        rows.map(({ id, value }) => [id, value?.text]),
      );
    },
  );

  check('the versions of an id go out in order', { late: ['sent'], parts: ['order'] }, async (sample, target) => {
    const rows = Array.from({ length: 240 }, (_, i) =>
      row({ id: `id ${i % 20}`, version: i, offset: i, text: `${i}` }),
    );
    assert.deepEqual(new Set(await target.write(rows)), new Set(['written']));
    const stored = seen(await sample.stored());
    assert.equal(stored.length, 240);
    for (const [i, next] of stored.entries()) {
      const before = stored[i - 1];
      if (before?.id === next.id)
        assert.ok(before.version < next.version, `${next.id} ${before.version} ${next.version}`);
    }
  });

  check('what is sent again bears the same id, version and content', { late: ['sent'] }, async (sample, target) => {
    const rows = Array.from({ length: 60 }, (_, i) => row({ id: `id ${i % 20}`, version: i, offset: i, text: `${i}` }));
    await target.write(rows);
    const other = sample.create();
    await other.open();
    try {
      assert.deepEqual(new Set(await other.write(rows.slice(20))), new Set(['written']));
    } finally {
      await other.close();
    }
    const once = distinct(await sample.stored());
    assert.deepEqual(
      once.map(({ id, version, text }) => `${id} ${version} ${text}`).sort(),
      rows.map(({ id, version, value }) => `${id} ${version} ${value?.text}`).sort(),
    );
  });
}
