import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORMER_HEADER, HEADER, packFormer, packHeader, unpackFormer, unpackHeader } from '@quadrille/record';
import type { ItemRow, ReplayRow } from './rows.ts';
import { COPY_HEADER, ITEM_HEADER, recordOf } from './send.ts';

const replay = (kind: ReplayRow['kind']): ReplayRow => ({ id: 'flights-7', number: 7, kind }) as ReplayRow;
const item = (more: Partial<ItemRow> = {}): ItemRow =>
  ({
    seq: 3,
    revision: 7,
    partition: 2,
    from_topic: 'flights.raw',
    from_partition: 1,
    from_offset: 40,
    letter_topic: 'dlq.flights.raw',
    former: null,
    ...more,
  }) as ItemRow;

const key = Buffer.from('UA1');
const packed = packHeader(
  { id: 'UA1', version: 99n, revision: 2, extractedAt: 1_000, from: undefined, replay: 'flights-5' },
  true,
);
const headers = (...more: [string, string][]) =>
  [
    [HEADER, packed],
    ['__dlq.errors.offset', Buffer.from('40')],
    ['__dlq.errors.delivery.count', Buffer.from('2')],
    ['quadrille.fault.code', Buffer.from('TOO_BAD')],
    [ITEM_HEADER, Buffer.from('12')],
    ['tenant', Buffer.from('a')],
    ['tenant', Buffer.from('b')],
    ...more.map(([name, value]) => [name, Buffer.from(value)] as const),
  ] as const;

test('a dead letter is sent with its headers, its own identity, and the revision of the replay', () => {
  const value = Buffer.from('corrected');
  const former = packFormer([{ topic: 't', partition: 0, key: null, id: 'x' }]).toString();
  const sent = recordOf(replay('replay'), item(), {
    key,
    value,
    headers: headers([FORMER_HEADER, former]),
    timestamp: 5,
  });
  assert.deepEqual([sent.key, sent.value, sent.partition, sent.timestamp], [key, value, 2, '5']);
  assert.deepEqual(unpackHeader(sent.headers[HEADER] as Buffer, key), {
    id: 'UA1',
    version: 99n,
    revision: 7,
    extractedAt: 1_000,
    from: { topic: 'flights.raw', partition: 1, offset: 40, index: 0 },
    replay: 'flights-7',
  });
  assert.equal(String(sent.headers[ITEM_HEADER]), '3');
  assert.equal(String(sent.headers['__dlq.errors.delivery.count']), '2', 'so that the next failure counts up');
  assert.equal(String(sent.headers[FORMER_HEADER]), former, 'what a re-run has to delete it still has to');
  assert.deepEqual((sent.headers.tenant as Buffer[]).map(String), ['a', 'b']);
});

test('a dry run says so', () => {
  const { headers: own } = recordOf(replay('preview'), item(), { key, value: null, headers: headers(), timestamp: 5 });
  assert.equal(unpackHeader(own[HEADER] as Buffer, key).preview, true);
});

test('a record of another system has its key as id and its place as version, as its station saw it', () => {
  for (const each of [[], [[HEADER, Buffer.from('broken')] as const]]) {
    const { headers: own } = recordOf(replay('replay'), item(), { key, value: null, headers: each, timestamp: 5 });
    const { id, version, extractedAt } = unpackHeader(own[HEADER] as Buffer, key);
    assert.deepEqual([id, version, extractedAt], ['UA1', 40n, 5]);
  }
  const { headers: own } = recordOf(replay('replay'), item(), { key: null, value: null, headers: [], timestamp: 5 });
  assert.equal(unpackHeader(own[HEADER] as Buffer, null).id, '');
});

test('a re-run tells the original place for the dead letter that it may become, and what stands of it', () => {
  const former = JSON.parse(packFormer([{ topic: 't', partition: 1, key, id: 'UA1/0' }]).toString()) as unknown[];
  const rerun = item({ letter_topic: null, former });
  const { headers: own } = recordOf(replay('rerun'), rerun, { key, value: null, headers: headers(), timestamp: 5 });
  const text = (name: string): string | undefined => own[name]?.toString();
  assert.deepEqual(
    ['topic', 'partition', 'offset', 'delivery.count'].map((name) => text(`__dlq.errors.${name}`)),
    ['flights.raw', '1', '40', undefined],
  );
  assert.equal(text('quadrille.fault.code'), undefined);
  assert.deepEqual(unpackFormer(own[FORMER_HEADER] as Buffer), [{ topic: 't', partition: 1, key, id: 'UA1/0' }]);
});

test('a copy to a whole topic bears none of our headers but the mark by which it is found again', () => {
  const { headers: own } = recordOf(replay('copy'), item(), { key, value: null, headers: headers(), timestamp: 5 });
  assert.deepEqual(Object.keys(own).sort(), [COPY_HEADER, 'tenant'].sort());
  assert.equal(String(own[COPY_HEADER]), 'flights-7/3');
});
