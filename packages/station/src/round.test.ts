import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER, originOffset, reject } from '@quadrille/record';
import { PASS, Slice } from './round.ts';
import { outputOf, recordsAt } from './test-round.ts';

/** Offsets 10, 11, 14, 15 (12 and 13 were compacted away): two outputs, none, one, one. */
function sample(): Slice {
  const slice = new Slice('in', 3, 10, recordsAt(10, 11, 14, 15), false);
  slice.emit('out', outputOf(10, 0, 0));
  slice.emit('out', outputOf(10, 1, 1));
  slice.pass(0);
  slice.drop(1, 'NOT_WANTED');
  slice.emit('out', outputOf(14));
  slice.pass(2);
  slice.reject(3, reject('BAD', 'bad'));
  return slice;
}

const origins = (slice: Slice) =>
  slice.outputs.get('out')!.map(({ headers }) => originOffset(headers[HEADER] as Buffer));

test('a slice answers for the offsets up to its last record', () => {
  const slice = sample();
  assert.deepEqual([slice.from, slice.to], [10, 16]);
  assert.deepEqual([slice.count(PASS), slice.count(2), slice.count(3)], [2, 1, 1]);
});

test('cut keeps the first records with their verdicts and outputs, and gives back the rest', () => {
  const slice = sample();
  const rest = slice.cut(2);
  assert.deepEqual(
    rest.map(({ offset }) => offset),
    [14, 15],
  );
  assert.deepEqual([slice.from, slice.to], [10, 12]);
  assert.deepEqual([...slice.verdicts], [1, 2]);
  assert.deepEqual([...slice.reasons], [[1, 'NOT_WANTED']]);
  assert.deepEqual(origins(slice), [10, 10]);
});

test('cut at nothing leaves an empty slice that answers for nothing', () => {
  const slice = sample();
  assert.equal(slice.cut(0).length, 4);
  assert.deepEqual([slice.from, slice.to, slice.records.length], [10, 10, 0]);
  assert.deepEqual(origins(slice), []);
});

test('cut behind the last record changes nothing', () => {
  const slice = sample();
  assert.deepEqual(slice.cut(4), []);
  assert.equal(slice.to, 16);
  assert.deepEqual(origins(slice), [10, 10, 14]);
});

test('cut keeps the outcomes of what stays', () => {
  const slice = sample();
  slice.outcomes = Uint8Array.of(0, 1, 2, 3);
  slice.cut(3);
  assert.deepEqual([...slice.outcomes], [0, 1, 2]);
});

test('reset leaves the records undecided', () => {
  const slice = sample();
  slice.reset();
  assert.deepEqual([...slice.verdicts], [0, 0, 0, 0]);
  assert.equal(slice.reasons.size + slice.outputs.size, 0);
});
