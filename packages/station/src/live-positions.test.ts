import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerPart, LedgerRef, PlacedPart } from '@quadrille/record';
import { livePositions } from './live-positions.ts';

const refOf = (offset: number): LedgerRef => ({ partition: 0, offset, part: 0 });

/** A part at ledger offset `at` that judged `from` up to `to` and whose position stands at `position`. */
function part(at: number, from: number, to: number, position: number, prev: number | null): PlacedPart {
  const rest = {
    pass: to - from,
    drop: 0,
    reject: 0,
    outputs: to - from,
    runs: [],
    claims: [],
    outcomes: null,
    outcomeRuns: [],
  };
  const own: LedgerPart = {
    kind: 'work',
    topic: 'positions.f.s',
    partition: 0,
    from,
    to,
    commit: position + 1,
    prev: prev === null ? null : refOf(prev),
    ...rest,
  };
  return { ref: refOf(at), at: 0, part: own };
}

test('a zombie’s late position does not count, though it stands below the committed offset', () => {
  // The zombie puts its position at 2 (ledger 12) after its heir has gone on (ledger 11), the heir its next one at 3.
  const parts = [
    part(10, 0, 100, 0, null),
    part(11, 100, 200, 1, 10),
    part(12, 100, 150, 2, 10),
    part(13, 200, 300, 3, 11),
  ];
  assert.deepEqual(livePositions(parts, refOf(13)), new Set([0, 1, 3]));
});

test('before the first part none counts', () => {
  assert.deepEqual(livePositions([part(10, 0, 100, 0, null)], null), new Set());
});

test('without a ledger all count', () => {
  assert.equal(livePositions([], refOf(0)), undefined);
});
