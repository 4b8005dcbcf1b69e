import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerEntry, LedgerPart } from '@quadrille/record';
import avsc from 'avsc';
import { ledgerCodec } from './own-topics.ts';

const part = (outcomeRuns: LedgerPart['outcomeRuns']): LedgerPart => ({
  kind: 'work',
  topic: 't.in',
  partition: 1,
  from: 5,
  to: 9,
  commit: 9,
  pass: 4,
  drop: 0,
  reject: 0,
  outputs: 0,
  runs: [],
  claims: [],
  outcomes: { written: 2, unchanged: 0, superseded: 2, conflicts: 0 },
  outcomeRuns,
  prev: { partition: 0, offset: 3, part: 0 },
});
const entry = (...parts: LedgerPart[]): LedgerEntry => ({ flow: 't', station: 's', instance: 'i', at: 1_000, parts });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('an entry comes back as it was, each part with its own outcome runs', () => {
  ledgerCodec.id = 7;
  const given = entry(part([]), part([{ outcome: 'superseded', offset: 6, last: 7 }]));
  assert.deepEqual(plain(ledgerCodec.decode(ledgerCodec.encode(given), 'here')), plain(given));
});

test('an entry that an earlier version wrote, without outcome runs, is read', () => {
  const schema = JSON.parse(ledgerCodec.text) as { fields: { since?: number }[] };
  const earlier = avsc.Type.forSchema(
    { ...schema, fields: schema.fields.filter(({ since }) => since === undefined) } as never,
    { wrapUnions: 'never' },
  );
  const given = entry(part([]), part([]));
  const bytes = Buffer.concat([Buffer.of(0, 0, 0, 0, 3), earlier.toBuffer(given)]);
  assert.deepEqual(plain(ledgerCodec.decode(bytes, 'here')), plain(given));
});

test('bytes that are cut off, or go on behind the entry, are refused', () => {
  ledgerCodec.id = 7;
  const bytes = ledgerCodec.encode(entry(part([{ outcome: 'conflict', offset: 5, last: 5 }])));
  assert.throws(() => ledgerCodec.decode(bytes.subarray(0, -2), 'here'), { code: 'DECODE_FAILED', place: 'here' });
  assert.throws(() => ledgerCodec.decode(Buffer.concat([bytes, Buffer.of(1)]), 'here'), { code: 'DECODE_FAILED' });
});
