import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DLQ, deadLetterHeaders, FAULT, Fault, HEADER, InputRecord, packHeader } from '@quadrille/record';
import { deadLetterId, type KafkaRecord, letterRow } from './letter-row.ts';

const AT = Date.parse('2026-05-01T12:00:00Z');
const by = { group: 'f.judge', station: 'judge', service: '1' };

interface Given {
  id?: string;
  key?: string | null;
  version?: bigint;
  revision?: number;
  replay?: string;
  offset?: number;
  packed?: boolean;
  headers?: InputRecord['headers'];
}

/** A record as a station rejects it. */
function rejected(given: Given = {}): KafkaRecord {
  const { key = 'k1', version = 7n, revision = 0, offset = 40, packed = true, replay, headers } = given;
  const id = given.id ?? key ?? '';
  const envelope = { id, version, revision, extractedAt: AT, from: undefined, ...(replay !== undefined && { replay }) };
  const header = packed ? packHeader(envelope, id === key) : undefined;
  const bytes = key === null ? null : Buffer.from(key);
  const input = new InputRecord('f.in', 1, offset, AT, bytes, Buffer.from([0, 255]), header, headers);
  const fault = new Fault('FIELD_INVALID', 'no', { field: 'a.b', place: 'in.csv:7' });
  return {
    offset: '3',
    timestamp: String(AT),
    key: bytes,
    value: input.bytes,
    headers: deadLetterHeaders(input, fault, by, AT + 5),
  };
}

const rowOf = (given?: Given) => {
  const row = letterRow('dlq.f.in', 0, rejected(given));
  assert.ok(row);
  return row;
};

test('a row holds what the headers tell, and every byte', () => {
  const bytes = Buffer.from([0, 128, 255]);
  const row = rowOf({ version: 2n ** 62n, revision: 3, replay: 'f-3', headers: { other: [bytes, 'x'], plain: 'ü' } });
  const { headers, ...rest } = row;
  assert.deepEqual(rest, {
    topic: 'dlq.f.in',
    partition: 0,
    record_offset: 3,
    flow: 'f',
    station: 'judge',
    record_id: 'k1',
    version: '4611686018427387904',
    revision: 3,
    replay: 'f-3',
    code: 'FIELD_INVALID',
    class: 'data',
    field: 'a.b',
    fingerprint: row.fingerprint,
    message: 'field cannot be read as its type: no',
    place: 'in.csv:7',
    stack: null,
    service: '1',
    deliveries: 1,
    first_at: '2026-05-01T12:00:00.005Z',
    last_at: '2026-05-01T12:00:00.005Z',
    source_topic: 'f.in',
    source_partition: 1,
    source_offset: 40,
    record_timestamp: AT,
    key: Buffer.from('k1').toString('base64'),
    value: Buffer.from([0, 255]).toString('base64'),
  });
  const others = headers.filter(([name]) => name === 'other' || name === 'plain');
  assert.deepEqual(others, [
    ['other', bytes.toString('base64')],
    ['other', Buffer.from('x').toString('base64')],
    ['plain', Buffer.from('ü').toString('base64')],
  ]);
});

describe('who it is', () => {
  const idOf = (given?: Given): string => deadLetterId(rowOf(given));

  test('attempts and occurrences of one record are one dead letter, wherever they stand', () => {
    assert.match(idOf(), /^[0-9a-f]{12}$/);
    assert.equal(idOf({ revision: 4, replay: 'f-4' }), idOf());
    assert.equal(idOf({ offset: 41 }), idOf());
  });

  test('other records, other versions, and records without an id at other places are others', () => {
    const ids = [{}, { key: 'k2' }, { version: 8n }, { key: null, offset: 1 }, { key: null, offset: 2 }].map(idOf);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(idOf({ key: null, revision: 2, offset: 1 }), idOf({ key: null, offset: 1 }));
  });

  test('of a record of another system the key is the id and the place the version, before and after a replay', () => {
    const row = rowOf({ packed: false, offset: 40 });
    assert.deepEqual([row.record_id, row.version, row.revision], ['k1', '40', 0]);
    assert.equal(deadLetterId(row), idOf({ version: 40n, revision: 9, replay: 'f-9', offset: 2 }));
  });

  test('a packed header that cannot be read is passed over', () => {
    const record = rejected();
    const row = letterRow('dlq.f.in', 0, { ...record, headers: { ...record.headers, [HEADER]: Buffer.from('?') } });
    assert.deepEqual([row?.record_id, row?.version, row?.revision], ['k1', '40', 0]);
  });
});

test('what carries no headers of ours is no dead letter', () => {
  const record = rejected();
  assert.equal(letterRow('dlq.f.in', 0, { ...record, headers: {} }), undefined);
  for (const name of [`${DLQ}group`, `${FAULT}code`, `${DLQ}topic`]) {
    const { [name]: _, ...headers } = record.headers!;
    assert.equal(letterRow('dlq.f.in', 0, { ...record, headers }), undefined, name);
  }
});

test('what imitates a dead letter and cannot be stored is none either: it must not stop those after it', () => {
  const record = rejected();
  const imitations: [string, string][] = [
    [`${DLQ}offset`, 'x'],
    [`${DLQ}offset`, '-1'],
    [`${DLQ}partition`, '1e99'],
    [`${DLQ}partition`, ''],
    [`${DLQ}delivery.count`, 'many'],
    [`${FAULT}first`, 'yesterday'],
    [`${FAULT}last`, ''],
  ];
  for (const [name, value] of imitations)
    assert.equal(
      letterRow('dlq.f.in', 0, { ...record, headers: { ...record.headers, [name]: value } }),
      undefined,
      `${name}: ${value}`,
    );
});

test('PostgreSQL takes every text of a row: none has a NUL', () => {
  const record = rejected({ id: 'a\0b' });
  const poisoned = Object.fromEntries(
    ['field', 'place', 'stack', 'service', 'class', 'fingerprint'].map((name) => [`${FAULT}${name}`, 'a\0b']),
  );
  const row = letterRow('dlq.f.in', 0, { ...record, headers: { ...record.headers, ...poisoned, 'h\0': 'x' } });
  assert.ok(row);
  assert.doesNotMatch(JSON.stringify(row), /\\u0000/);
});
