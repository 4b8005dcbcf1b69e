import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Blow } from './disturb.ts';
import type { RunResult } from './result.ts';
import type { Run } from './run-flow.ts';
import { problemsOf, sumOf } from './verdict.ts';

const contents = { claimed: 10, duplicate: 2, stray: 0, foreign: 0, provisional: 0, unreadable: 0 };
const edge = { ...contents, verdicts: 12, inFlight: 0, compacted: 0, expired: 0, beforeStart: 0 };
const replays = { received: 0, dropped: 0, rejected: 0, previewed: 0, inFlight: 0 };
const totals = { dropped: 0, rejected: 0, inFlight: 0, replays, first: 1, last: 2 };

const result = (): RunResult => ({
  tables: { flights: { rows: 9, checksum: 'a' } },
  deadLetters: { records: 1, checksum: 'b', standing: 1 },
  books: {
    balanced: true,
    unaccounted: 0,
    drained: true,
    conflicts: 0,
    stations: { reported: { kind: 'extractor', received: 10, passed: 10, ...totals } },
    edges: [
      { topic: 'in', station: 'one', ...edge },
      { topic: 'in', station: 'two', ...edge },
    ],
    ends: [],
    findings: [],
    strays: [],
  },
});

const run = (changed: Partial<Run> = {}): Run => ({
  result: result(),
  seconds: 1,
  blows: [],
  unasked: [],
  hung: [],
  stuck: undefined,
  ...changed,
});

test('an equal result is no problem, also with duplicates and a client that gave up', () => {
  assert.deepEqual(problemsOf(run({ unasked: [{ instance: 'one-1', code: 70, signal: null }] }), result()), []);
});

test('a topic with two readers is counted once', () => {
  assert.equal(sumOf(result().books, 'duplicate'), 2);
});

for (const [what, changed, pattern] of [
  ['a lost row', { tables: { flights: { rows: 8, checksum: 'x' } } }, /rows of flights: 8, and must be 9/],
  ['a changed row', { tables: { flights: { rows: 9, checksum: 'x' } } }, /checksum of flights/],
  ['a missing table', { tables: {} }, /rows of flights: undefined/],
  ['a lost dead letter', { deadLetters: { records: 0, checksum: 'b', standing: 0 } }, /dead letters: 0/],
  ['another dead letter', { deadLetters: { records: 1, checksum: 'x', standing: 1 } }, /checksum of dead letters/],
] as const) {
  test(`${what} is a problem`, () => {
    assert.match(problemsOf(run({ result: { ...result(), ...changed } as RunResult }), result()).join('\n'), pattern);
  });
}

for (const [what, changed] of [
  ['unbalanced', { balanced: false }],
  ['unaccounted', { unaccounted: 3 }],
  ['drained', { drained: false }],
  ['conflicts', { conflicts: 1 }],
] as const) {
  test(`books: ${what}`, () => {
    const { books, ...rest } = result();
    assert.equal(problemsOf(run({ result: { ...rest, books: { ...books, ...changed } } }), result()).length, 1);
  });
}

test('rows read twice by an extractor are a problem, though the target took them once', () => {
  const twice = result();
  twice.books.stations.reported!.received = 11;
  assert.deepEqual(problemsOf(run({ result: twice }), result()), ['records of reported: 11, and must be 10']);
});

test('a blow that fell when all was done proves nothing', () => {
  const blow = { struckAt: 1, detail: 'kill -9 one-1' } as Blow;
  assert.match(problemsOf(run({ blows: [blow] }), result()).join(), /too late to prove anything: kill -9 one-1/);
});

test('a run without end, a station that fails, one that hangs', () => {
  const problems = problemsOf(
    run({
      result: undefined,
      stuck: 'one by 4',
      unasked: [{ instance: 'one-1', code: 1, signal: null }],
      hung: ['two-1'],
    }),
    result(),
  );
  assert.equal(problems.length, 3);
});
