import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane } from './lane.ts';
import { recordsAt } from './test-round.ts';

function laneAt(offset: number): Lane {
  const lane = new Lane(3);
  lane.open({ partition: 3, offset, from: offset, prev: null, attempts: 0, fresh: false });
  return lane;
}

test('a batch that was under way when the partition was sought does not show that what lies before it is gone', () => {
  const lane = laneAt(10);
  assert.equal(lane.isAstray(10), false);
  assert.equal(lane.isAstray(4), false, 'what it holds of before is passed over');
  assert.equal(lane.isAstray(60), true, 'the client is sent back to 10');
  assert.equal(lane.isAstray(11), false, 'it has come back, and has nothing for us at 10');
  for (const record of recordsAt(10, 11)) lane.push(record);
  assert.equal(lane.isAstray(12), false);
  assert.equal(lane.isAstray(60), true);
});

test('a slice answers for the offsets since the last one, also for those that are not there', () => {
  const lane = laneAt(10);
  for (const record of recordsAt(12, 13)) lane.push(record);
  const slice = lane.take('in', 100, 1_000_000)!;
  assert.deepEqual([slice.from, slice.to, slice.records.length], [10, 14, 2]);
  lane.settle(slice, { partition: 0, offset: 7, part: 0 });
  assert.deepEqual([lane.settled, lane.prev], [14, { partition: 0, offset: 7, part: 0 }]);
});

test('what is given back comes first again, and not before its time', () => {
  const lane = laneAt(10);
  for (const record of recordsAt(10, 11, 12)) lane.push(record);
  const slice = lane.take('in', 2, 1_000_000)!;
  lane.giveBack(slice, slice.cut(1), 500);
  assert.deepEqual([lane.waiting, lane.taken, lane.notBefore], [2, 11, 500]);
  assert.deepEqual(
    lane.take('in', 9, 1_000_000)!.records.map(({ offset }) => offset),
    [11, 12],
  );
});
