import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeFields } from './log.ts';

test('a place in a topic is told by fields; any other as it stands', () => {
  assert.deepEqual(placeFields('a.b-c[3]@70'), { topic: 'a.b-c', partition: 3, offset: 70 });
  assert.deepEqual(placeFields('a.b[0]'), { topic: 'a.b', partition: 0 });
  assert.deepEqual(placeFields('data/a.csv:7'), { place: 'data/a.csv:7' });
  assert.deepEqual(placeFields(undefined), {});
});
