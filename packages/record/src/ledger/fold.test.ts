import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerPart } from './entry.ts';
import { foldLedger } from './fold.ts';
import { committed, entries, FLOW, good, part, picture, ref, STATIONS } from './model/example.ts';
import type { FoldInput } from './reconciliation.ts';

/** The findings of a picture in which `qualify` stands at the end of `raw`. */
function findings(parts: LedgerPart[], rest: Partial<FoldInput> & { ends?: Record<string, number> } = {}): string[] {
  const end = parts.at(-1)?.commit ?? 0;
  const position = committed('qualify', 'raw', end, ref(parts.length - 1));
  const input = picture({
    entries: entries('qualify', ...parts),
    committed: [position],
    ...rest,
    ends: { raw: end, good: end, ...rest.ends },
  });
  return foldLedger(input)
    .reconcile()
    .findings.map(({ text }) => text);
}

test('the worked example of docs/explanation/ledger.md: a crash, a zombie and a foreign record', () => {
  const zombie = part(4, 8, { claims: [good(9, 4)], prev: ref(0) });
  const fold = foldLedger(
    picture({
      entries: entries(
        'qualify',
        part(0, 4, {
          drop: 1,
          runs: [{ verdict: 'drop', code: 'CANCELLED', offset: 2, last: 2, count: 1, deadLetter: null }],
          claims: [good(0, 3)],
        }),
        part(4, 10, {
          reject: 1,
          runs: [
            {
              verdict: 'reject',
              code: 'LOOKUP_MISSING',
              offset: 7,
              last: 7,
              count: 1,
              deadLetter: { topic: 'dlq.raw', partition: 0, offset: 0 },
            },
          ],
          claims: [good(4, 5)],
          prev: ref(0),
        }),
        zombie,
      ),
      committed: [committed('qualify', 'raw', 10, ref(1))],
      ends: { raw: 12, good: 13, 'dlq.raw': 1 },
    }),
  );
  const ranges = fold.unclaimed.filter(({ topic }) => topic === 'good').map(({ from, to }) => [from, to]);
  assert.deepEqual(ranges, [
    [3, 4],
    [9, 13],
  ]);
  assert.equal(fold.read('good', 0, 3, null), 'foreign');
  const from = [4, 5, 6, 7];
  assert.deepEqual(
    from.map((offset, i) => fold.read('good', 0, 9 + i, { topic: 'raw', partition: 0, offset })),
    ['duplicate', 'duplicate', 'duplicate', 'stray'],
  );
  const result = fold.reconcile();
  assert.deepEqual(result.findings, []);
  assert.ok(result.balanced && !result.drained);
  const none = { provisional: 0, unreadable: 0, compacted: 0, expired: 0, beforeStart: 0 };
  // Nobody produces to `raw` but other systems.
  assert.deepEqual(result.edges[0], {
    topic: 'raw',
    station: 'qualify',
    claimed: 0,
    duplicate: 0,
    stray: 0,
    foreign: 12,
    ...none,
    verdicts: 10,
    inFlight: 2,
  });
  assert.deepEqual(result.edges[1], {
    topic: 'good',
    station: 'load',
    claimed: 8,
    duplicate: 3,
    stray: 1,
    foreign: 1,
    ...none,
    verdicts: 0,
    inFlight: 13,
  });
  assert.deepEqual(result.strays, [{ topic: 'good', partition: 0, from: 12, to: 13 }]);
  assert.deepEqual(result.stations.qualify, {
    kind: 'transformer',
    received: 10,
    passed: 8,
    dropped: 1,
    rejected: 1,
    inFlight: 2,
    replays: { received: 0, passed: 0, dropped: 0, rejected: 0, previewed: 0, inFlight: 0 },
    first: 1_000,
    last: 1_001,
  });
  assert.deepEqual(result.ends.find(({ topic }) => topic === 'dlq.raw')?.claimed, 1);
  assert.deepEqual(fold.verdictAt('qualify', 'raw', 0, 2), { verdict: 'drop', code: 'CANCELLED' });
  assert.deepEqual(fold.verdictAt('qualify', 'raw', 0, 7), {
    verdict: 'reject',
    code: 'LOOKUP_MISSING',
    deadLetter: { topic: 'dlq.raw', partition: 0, offset: 0 },
  });
  assert.deepEqual(fold.verdictAt('qualify', 'raw', 0, 10), { verdict: 'none', why: 'waiting' });
  assert.deepEqual(fold.claimantOf('good', 0, 5)?.at.ref, ref(1));
  assert.equal(fold.claimantOf('good', 0, 9), undefined);
});

test('outputs of a part that no commit names yet are provisional', () => {
  const fold = foldLedger(
    picture({
      entries: entries('qualify', part(0, 4, { claims: [good(0, 4)] })),
      committed: [committed('qualify', 'raw', 0, null)],
      ends: { raw: 4, good: 4 },
    }),
  );
  for (let offset = 0; offset < 4; offset++)
    assert.equal(fold.read('good', 0, offset, { topic: 'raw', partition: 0, offset }), 'provisional');
  const { balanced, edges } = fold.reconcile();
  assert.ok(balanced);
  assert.equal(edges[1]?.provisional, 4);
});

test('what does not add up is said in a sentence with its place', () => {
  const one = part(0, 4, { claims: [good(0, 4)] });
  assert.deepEqual(findings([one]), []);
  assert.deepEqual(findings([one, part(5, 6, { prev: ref(0), claims: [good(4, 2)], pass: 1, outputs: 2 })]), [
    'example.qualify: raw[0] offset 4: judged by nobody, the chain of parts has a gap',
  ]);
  assert.deepEqual(findings([part(0, 4, { claims: [good(0, 3)], outputs: 4 })], { ends: { good: 3 } }), [
    'example.qualify: raw[0] offsets 0-3: 4 outputs of passes and 3 claims',
  ]);
  assert.deepEqual(findings([one], { ends: { good: 2 } }), [
    'good[0] offsets 2-3: claimed by example.qualify, but the topic ends at 2: the broker has lost acknowledged records',
  ]);
  assert.deepEqual(findings([part(0, 4, { pass: 3, claims: [good(0, 4)] })]), [
    'example.qualify: raw[0] offsets 0-3: 3 verdicts for 4 records, and nothing compacts the topic: 1 skipped',
  ]);
  assert.deepEqual(findings([part(0, 4, { pass: 3, claims: [good(0, 4)] })], { sparse: new Set(['raw']) }), []);
});

test('claims, positions and dead letters that others contradict', () => {
  const twice = [part(0, 2, { claims: [good(0, 2)] }), part(2, 4, { claims: [good(1, 3)], prev: ref(0) })];
  assert.deepEqual(findings(twice), ['good[0] offset 1: claimed twice, by example.qualify and by example.qualify']);
  const unnamed = { committed: [committed('qualify', 'raw', 9, ref(0))], ends: { raw: 9, good: 4 } };
  assert.match(findings([part(0, 4, { claims: [good(0, 4)] })], unnamed)[0] as string, /offsets 4-8: skipped/);
  const run = {
    verdict: 'reject',
    code: 'RULE_THREW',
    offset: 0,
    last: 3,
    count: 4,
    deadLetter: { topic: 'dlq.raw', partition: 0, offset: 0 },
  } as const;
  assert.deepEqual(findings([part(0, 4, { reject: 4, runs: [run] })], { ends: { good: 0, 'dlq.raw': 3 } }), [
    'dlq.raw[0] offset 3: claimed by example.qualify, but the topic ends at 3: the broker has lost acknowledged records',
  ]);
  assert.match(
    findings([part(2, 4, { claims: [good(0, 2)] })], { ends: { good: 2 } })[0] as string,
    /offsets 0-1: skipped: the station reads from the beginning/,
  );
});

test('unclaimed records below the beginning of a topic balance as unreadable', () => {
  const base = picture({
    entries: entries('qualify', part(0, 4, { claims: [good(2, 4)] })),
    committed: [committed('qualify', 'raw', 4, ref(0))],
    ends: { raw: 4 },
  });
  const watermarks = base.watermarks.map((each) => (each.topic === 'good' ? { ...each, low: 3, high: 6 } : each));
  const fold = foldLedger({ ...base, watermarks });
  const { edges } = fold.reconcile();
  assert.equal(edges[1]?.unreadable, 2);
  assert.equal(edges[1]?.claimed, 4);
  assert.equal(edges[1]?.beforeStart, 3);
});

test('two hundred thousand parts are folded in seconds', () => {
  const parts = 200_000;
  const entry = (i: number) => {
    const each = part(i * 10, i * 10 + 10, { claims: [good(i * 10, 10)], prev: i === 0 ? null : ref(i - 1) });
    return {
      partition: 0,
      offset: i,
      entry: { flow: 'example', station: 'qualify', instance: 'q', at: i, parts: [each] },
    };
  };
  const input = picture({
    entries: Array.from({ length: parts }, (_, i) => entry(i)),
    committed: [committed('qualify', 'raw', parts * 10, ref(parts - 1))],
    ends: { raw: parts * 10, good: parts * 10 },
  });
  const start = performance.now();
  const fold = foldLedger(input);
  assert.deepEqual(fold.reconcile().findings, []);
  for (let i = 0; i < 100_000; i++) assert.equal(fold.verdictAt('qualify', 'raw', 0, i * 17).verdict, 'pass');
  assert.ok(performance.now() - start < 5_000, `${performance.now() - start} ms`);
});

test('what a removed station had done goes on counting when its group is gone; its flow no longer waits for it', () => {
  const work = part(0, 10, { claims: [good(0, 10)] });
  const retired = part(10, 10, { kind: 'retired', prev: ref(0) });
  const shape = { flow: FLOW, stations: STATIONS.filter(({ name }) => name === 'load') };
  const loaded = part(0, 10, {
    topic: 'good',
    outcomes: { written: 10, unchanged: 0, superseded: 0, conflicts: 0 },
  });
  const fold = (...parts: LedgerPart[]) =>
    foldLedger(
      picture({
        shape,
        entries: [
          ...entries('qualify', ...parts),
          ...entries('load', loaded).map((each) => ({ ...each, partition: 1 })),
        ],
        committed: [committed('load', 'good', 10, { partition: 1, offset: 0, part: 0 })],
        ends: { raw: 15, good: 10 },
      }),
    );

  assert.equal(fold(work).reconcile().balanced, false, 'a group that is gone without a word is a loss');
  const kept = fold(work, retired);
  assert.deepEqual(kept.unclaimed, []);
  const { balanced, drained, edges } = kept.reconcile();
  assert.deepEqual([balanced, drained, edges[0]?.claimed, edges[0]?.inFlight], [true, true, 10, 0]);
});

test('a topic that is gone is no finding where nothing was ever judged in it', () => {
  const retired = part(0, 0, { kind: 'retired', topic: `replay.${FLOW}.qualify` });
  const input = picture({ entries: entries('qualify', retired) });
  assert.deepEqual(foldLedger(input).reconcile().findings, []);
});

test('what a station of another flow has skipped is that flow’s to tell', () => {
  const own = part(0, 10, { claims: [good(0, 10)] });
  const [theirs] = entries('qualify', part(0, 10, { topic: 'theirs' }));
  const skipped = { group: 'other.judge', topic: 'theirs', partition: 0, offset: 20, metadata: '' };
  const input = picture({
    entries: [
      ...entries('qualify', own),
      { ...theirs!, partition: 1, entry: { ...theirs!.entry, flow: 'other', station: 'judge' } },
    ],
    committed: [committed('qualify', 'raw', 10, ref(0)), skipped],
    ends: { raw: 10, good: 10 },
  });
  assert.deepEqual(foldLedger(input).reconcile().findings, []);
});
