import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deadLetterHeaders, Fault, InputRecord } from '@quadrille/record';
import {
  type DeadLetter,
  deadLetterOf,
  Grouping,
  matches,
  nameOf,
  offsetsOf,
  placeFrom,
  selectionOf,
  timeOf,
} from './index.ts';

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

describe('selection', () => {
  const selects = (options: Record<string, string | boolean>, of: DeadLetter): boolean =>
    matches(of, selectionOf(options, NOW + 3_600_000));

  test('every flag narrows', () => {
    const one = letter(5);
    assert.ok(selects({}, one));
    assert.ok(
      selects({ station: 'judge' }, one) && selects({ station: 'f.judge' }, one) && !selects({ station: 'other' }, one),
    );
    assert.ok(selects({ code: 'field_invalid' }, one) && !selects({ code: 'FIELD_MISSING' }, one));
    assert.ok(selects({ key: 'k5' }, one) && !selects({ key: 'k' }, one));
    assert.ok(selects({ group: one.fingerprint.slice(0, 6) }, one) && !selects({ group: 'zz' }, one));
    assert.ok(selects({ since: '61m' }, one) && !selects({ since: '59m' }, one));
    assert.ok(selects({ until: '59m' }, one) && !selects({ until: '2026-05-01T12:00:00Z' }, one));
  });

  test('what no live part claims is left out unless asked for', () => {
    assert.ok(!selects({}, letter(5, 'FIELD_INVALID', NOW, false)));
    assert.ok(selects({ all: true }, letter(5, 'FIELD_INVALID', NOW, false)));
  });

  test('topics with or without dlq., limits', () => {
    assert.equal(selectionOf({ topic: 'f.in' }).topic, 'dlq.f.in');
    assert.equal(selectionOf({ topic: 'dlq.f.in' }).topic, 'dlq.f.in');
    assert.equal(selectionOf({}).limit, 100);
    assert.throws(() => selectionOf({ limit: '0' }), /--limit 0/);
    assert.throws(() => selectionOf({ limit: 'x' }), /--limit x/);
  });

  test('offsets, times and places, and what they are not', () => {
    assert.deepEqual(offsetsOf('5-9'), { from: 5, to: 9 });
    assert.deepEqual(offsetsOf('5'), { from: 5, to: 5 });
    assert.deepEqual(offsetsOf('5-'), { from: 5, to: Number.MAX_SAFE_INTEGER });
    for (const wrong of ['9-5', 'a', '', '-5']) assert.throws(() => offsetsOf(wrong), /--offsets/);
    assert.equal(timeOf('2h', '--since', NOW), NOW - 7_200_000);
    assert.equal(timeOf('2026-05-01', '--since', NOW), Date.parse('2026-05-01T00:00:00Z'));
    for (const wrong of ['soon', '5', '2026-99-99']) assert.throws(() => timeOf(wrong, '--since', NOW), /--since/);
    const place = { topic: 'dlq.f.in', partition: 0, offset: 12 };
    assert.deepEqual(placeFrom(['dlq.f.in[0]@12']), place);
    assert.deepEqual(placeFrom(['f.in', '0', '12']), place);
    assert.throws(() => placeFrom(['f.in', '0']), /no place/);
  });
});
