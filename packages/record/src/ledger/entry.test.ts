import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMark, parseMark } from './entry.ts';

test('what is committed with a position comes back as it was, with a session and without', () => {
  const ref = { partition: 1, offset: 4711, part: 2 };
  for (const mark of [
    { ref: null, attempts: 0 },
    { ref, attempts: 3 },
    { ref, attempts: 0, session: '00ff' },
    { ref: null, attempts: 1, session: 'a1' },
  ])
    assert.deepEqual(parseMark(formatMark(mark)), mark);
  assert.equal(formatMark({ ref, attempts: 0, session: '00ff' }), 'q1:1.4711.2:0:00ff');
  for (const foreign of ['', null, undefined, 'q1:1.2:0', 'q1:-:0:', 'q1:-:0:not-ours'])
    assert.equal(parseMark(foreign), undefined);
});
