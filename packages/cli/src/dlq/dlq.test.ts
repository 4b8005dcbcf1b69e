import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterHeaders, Fault, InputRecord } from '@quadrille/record';
import { type DeadLetter, deadLetterOf, Grouping, nameOf } from './index.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');

function letter(
  offset: number,
  code: 'FIELD_INVALID' | 'FIELD_MISSING' = 'FIELD_INVALID',
  at = NOW,
  live = true,
): DeadLetter {
  const record = new InputRecord(
    'f.in',
    1,
    100 + offset,
    at,
    Buffer.from(`k${offset}`),
    Buffer.from('x'),
    undefined,
    undefined,
  );
  const headers = deadLetterHeaders(
    record,
    new Fault(code, `no ${offset}`, { field: 'a.b', place: 'in.csv:7' }),
    { group: 'f.judge', station: 'judge', service: '1' },
    at,
  );
  const message = { key: record.key, value: record.bytes, timestamp: String(at), offset: String(offset), headers };
  const read = deadLetterOf('dlq.f.in', 0, message, live);
  assert.ok(read);
  return read;
}

test('a dead letter is read back from the headers that a station writes', () => {
  const read = letter(5);
  assert.equal(nameOf(read), 'dlq.f.in[0]@5');
  assert.deepEqual(read.source, { topic: 'f.in', partition: 1, offset: 105 });
  assert.deepEqual(
    [read.code, read.class, read.station, read.group, read.field, read.place, read.deliveries, read.key, read.last],
    ['FIELD_INVALID', 'data', 'judge', 'f.judge', 'a.b', 'in.csv:7', 1, 'k5', '2026-05-01T12:00:00.000Z'],
  );
  assert.equal(
    deadLetterOf('dlq.f.in', 0, { key: null, value: null, timestamp: '0', offset: '1', headers: {} }, true),
    undefined,
  );
});

test('groups: one cause, one group, the largest first, with the newest message', () => {
  const grouping = new Grouping();
  for (const each of [
    letter(1, 'FIELD_MISSING'),
    letter(2),
    letter(3, 'FIELD_INVALID', NOW + 5),
    letter(4, 'FIELD_INVALID', NOW - 5),
  ])
    grouping.add(each);
  const [first, second] = grouping.groups;
  assert.deepEqual([first?.code, first?.count, first?.field, first?.topics], ['FIELD_INVALID', 3, 'a.b', ['dlq.f.in']]);
  assert.match(first?.message ?? '', /no 3$/);
  assert.deepEqual([first?.first, first?.last], [new Date(NOW - 5).toISOString(), new Date(NOW + 5).toISOString()]);
  assert.deepEqual([second?.code, second?.count], ['FIELD_MISSING', 1]);
});
