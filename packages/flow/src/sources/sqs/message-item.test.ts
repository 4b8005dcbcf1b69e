import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@aws-sdk/client-sqs';
import { wavesOf } from './in-flight.ts';
import { itemOf } from './message-item.ts';

const message = (body: unknown, attributes: Message['Attributes'] = {}): Message => ({
  MessageId: 'm-1',
  Body: typeof body === 'string' ? body : JSON.stringify(body),
  Attributes: { SentTimestamp: '1357000000123', ApproximateReceiveCount: '1', ...attributes },
});
const read = (of: Message, sns = false) => itemOf(of, 'orders', JSON.parse, sns);

test('a message of a standard queue: its own id, the time it was sent', () => {
  const wanted = { place: 'orders/m-1', id: 'm-1', version: 1_357_000_000_123n, fields: { n: 1 } };
  assert.deepEqual(read(message({ n: 1 })), wanted);
});

test('of a FIFO queue: deduplication id, sequence number within what a version can hold, the group as key', () => {
  const attributes = {
    SequenceNumber: '18849496460467696128',
    MessageGroupId: 'g',
    MessageDeduplicationId: 'd',
  };
  const item = read(message({ n: 1 }, attributes));
  const version = 18_849_496_460_467_696_128n >> 14n;
  assert.ok(version < 2n ** 53n);
  assert.deepEqual(item, { place: 'orders/m-1', id: 'd', key: 'g', version, fields: { n: 1 } });
});

test('a notification of SNS: its id, what it brings; a raw message there is refused, and so is what is not an object', () => {
  const envelope = { Type: 'Notification', MessageId: 's-1', TopicArn: 'arn', Message: '{"n":1}' };
  const item = read(message(envelope), true);
  assert.ok('fields' in item);
  assert.deepEqual([item.id, item.fields], ['s-1', { n: 1 }]);
  for (const [body, sns] of [
    [{ n: 1 }, true],
    [{ ...envelope, Message: 'text' }, true],
    ['[1]', false],
    ['{"n":', false],
  ] as const) {
    const bad = read(message(body), sns);
    assert.ok('fault' in bad);
    assert.equal(bad.fault.code, 'ROW_MALFORMED');
    assert.equal(bad.bytes.toString(), message(body).Body);
    assert.deepEqual([bad.id, bad.version], ['m-1', 1_357_000_000_123n]);
  }
});

test('messages of a FIFO queue are deleted one of each group after the other, others all at once', () => {
  const held = (handle: string, group: string | undefined) => ({ handle, group });
  const handles = (all: ReturnType<typeof held>[]) => wavesOf(all).map((wave) => wave.map(({ handle }) => handle));
  assert.deepEqual(handles([held('a1', 'a'), held('a2', 'a'), held('b1', 'b'), held('a3', 'a'), held('b2', 'b')]), [
    ['a1', 'b1'],
    ['a2', 'b2'],
    ['a3'],
  ]);
  assert.deepEqual(handles([held('1', undefined), held('2', undefined)]), [['1', '2']]);
  assert.deepEqual(handles([]), []);
});
