import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readElection } from './elect-leaders.ts';

test('an answer is counted by what became of each partition', () => {
  const topic = Buffer.from('flights.reported');
  const length = Buffer.alloc(2);
  length.writeInt16BE(topic.length);
  const partition = (index: number, error: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(index);
    bytes.writeInt16BE(error, 4);
    bytes.writeInt16BE(-1, 6);
    return bytes;
  };
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  // throttle time, no error, one topic of three partitions: moved, not needed (84), not in sync (80)
  const head = [int32(0), Buffer.alloc(2), int32(1), length, topic, int32(3)];
  const body = Buffer.concat([...head, partition(0, 0), partition(1, 84), partition(2, 80)]);
  assert.deepEqual(readElection(body), { moved: 1, refused: 1 });
});

test('a refused request is an error', () => {
  const body = Buffer.alloc(10);
  body.writeInt16BE(31, 4);
  assert.throws(() => readElection(body), /error 31/);
});
