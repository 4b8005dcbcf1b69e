import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Encoder } from '@quadrille/flow';
import { type Fault, HEADER, InputRecord, packHeader, partitionOf, to, unpackHeader } from '@quadrille/record';
import { Emitter, emitAll, passTombstones } from './emitter.ts';
import type { Outlet } from './kafka/producer.ts';
import { REJECT, Slice } from './round.ts';

const LIMIT = 1_000;
const encoder = {
  encode: (value: { n?: number; size?: number }) => Buffer.alloc(value.size ?? 8, value.n),
} as unknown as Encoder;
const outlet = {
  fits: (_: string, { value }: { value: Buffer | null }) => (value?.length ?? 0) <= LIMIT,
} as unknown as Outlet;
const emitter = (partitions = 4, fromPartitions = 4, fits = outlet.fits) =>
  new Emitter({ topic: 'out', partitions, encoder, outlet: { ...outlet, fits } as Outlet, from: 'in', fromPartitions });

const input = (key: string | null, header?: Buffer) =>
  new InputRecord('in', 3, 70, 1_234, key === null ? null : Buffer.from(key), Buffer.of(0), header, undefined);
const ENVELOPE = {
  id: 'k',
  version: 9n,
  revision: 2,
  extractedAt: 55,
  from: { topic: 'before', partition: 0, offset: 1, index: 4 },
};
const envelopeOf = ({ headers, key }: { headers: object; key: Buffer | null }) =>
  unpackHeader((headers as Record<string, Buffer>)[HEADER]!, key);

test('one output keeps key, version, revision, extraction time and timestamp, and names its input', () => {
  const output = emitter().make(input('k', packHeader(ENVELOPE, true)), {}, 0, 1);
  assert.deepEqual(envelopeOf(output), { ...ENVELOPE, from: { topic: 'in', partition: 3, offset: 70, index: 0 } });
  assert.equal(output.key?.toString(), 'k');
  assert.equal(output.timestamp, '1234');
  assert.equal(output.partition, 3, 'same key, same number of partitions: same partition');
});

test('an id of its own travels on; a replay’s mark does not', () => {
  const header = packHeader({ ...ENVELOPE, id: 'other', replay: 'job-1', preview: true }, false);
  const envelope = envelopeOf(emitter().make(input('k', header), {}, 0, 1));
  assert.equal(envelope.id, 'other');
  assert.equal(envelope.replay, undefined);
  assert.equal(envelope.preview, undefined);
});

test('the trace of a record travels on in its own header, unless the output would not fit with it', () => {
  const traceparent = Buffer.from('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  const header = packHeader(ENVELOPE, true);
  const record = new InputRecord('in', 3, 70, 1, Buffer.from('k'), Buffer.of(0), header, {
    quadrille: header,
    traceparent,
  });
  assert.deepEqual(Object.keys(emitter().make(record, {}, 0, 1).headers), ['quadrille', 'traceparent']);
  const tight = emitter(4, 4, (_, { headers }) => headers.traceparent === undefined);
  assert.deepEqual(Object.keys(tight.make(record, {}, 0, 1).headers), ['quadrille']);
});

test('a replay’s mark in an otherwise plain header does not travel on', () => {
  const envelope = envelopeOf(emitter().make(input('k', packHeader({ ...ENVELOPE, replay: 'job-1' }, true)), {}, 0, 1));
  assert.equal(envelope.replay, undefined);
  assert.equal(envelope.revision, 2);
});

test('a record of another system counts as version = offset, revision 0', () => {
  const envelope = envelopeOf(emitter().make(input('k'), {}, 0, 1));
  assert.deepEqual([envelope.id, envelope.version, envelope.revision, envelope.extractedAt], ['k', 70n, 0, 1_234]);
});

test('several outputs take path ids under the root id, and the partitions of their keys', () => {
  const slice = new Slice('in', 3, 70, [input('k', packHeader(ENVELOPE, true))], false);
  emitAll([emitter()], slice, 0, [{ n: 1 }, { n: 2 }]);
  const outputs = slice.outputs.get('out')!;
  assert.deepEqual(
    outputs.map((output) => envelopeOf(output).id),
    ['k/0', 'k/1'],
  );
  assert.deepEqual(
    outputs.map((output) => envelopeOf(output).from?.index),
    [0, 1],
  );
  for (const { key, partition } of outputs) assert.equal(partition, partitionOf(key!, 4));
});

test('where the numbers of partitions differ, the key decides', () => {
  assert.equal(emitter(7).make(input('k'), {}, 0, 1).partition, partitionOf(Buffer.from('k'), 7));
  assert.equal(emitter(2).make(input(null), {}, 0, 1).partition, 1);
});

test('one output that does not fit rejects the record, and leaves none of the others behind', () => {
  const slice = new Slice('in', 3, 70, [input('k')], false);
  emitAll([emitter()], slice, 0, [{ n: 1 }, { size: LIMIT + 1 }]);
  assert.equal(slice.verdicts[0], REJECT);
  assert.equal((slice.reasons.get(0) as Fault).code, 'RECORD_TOO_LARGE');
  assert.equal(slice.outputs.size, 0);
});

test('a tombstone has no value', () => {
  assert.equal(emitter().make(input('k'), null, 0, 1).value, null);
});

const to2 = () => {
  const shared = { encoder, outlet, from: 'in', fromPartitions: 4 };
  return [
    new Emitter({ ...shared, topic: 'out', partitions: 4 }),
    new Emitter({ ...shared, topic: 'aside', partitions: 7 }),
  ] as const;
};

test('outputs of one record in several topics: indexes and path ids count over all of them', () => {
  const slice = new Slice('in', 3, 70, [input('k', packHeader(ENVELOPE, true)), input('l')], false);
  emitAll(to2(), slice, 0, [{ n: 1 }, to('aside', { n: 2 }), { n: 3 }]);
  emitAll(to2(), slice, 1, [to('aside', { n: 4 })]);
  const told = (topic: string) =>
    slice.outputs
      .get(topic)!
      .map((output) => [envelopeOf(output).id, envelopeOf(output).from?.index, output.partition]);
  assert.deepEqual(told('out'), [
    ['k/0', 0, partitionOf(Buffer.from('k/0'), 4)],
    ['k/2', 2, partitionOf(Buffer.from('k/2'), 4)],
  ]);
  assert.deepEqual(told('aside'), [
    ['k/1', 1, partitionOf(Buffer.from('k/1'), 7)],
    ['l', 0, partitionOf(Buffer.from('l'), 7)],
  ]);
});

test('one that does not fit leaves nothing behind in any topic', () => {
  const slice = new Slice('in', 3, 70, [input('k')], false);
  emitAll(to2(), slice, 0, [{ n: 1 }, to('aside', { size: LIMIT + 1 })]);
  assert.equal((slice.reasons.get(0) as Fault).code, 'RECORD_TOO_LARGE');
  assert.equal(slice.outputs.size, 0);
});

test('a deletion goes to every topic under the id of its record', () => {
  const gone = new InputRecord('in', 3, 70, 1, Buffer.from('k'), null, packHeader(ENVELOPE, true), undefined);
  const slice = new Slice('in', 3, 70, [gone], false);
  passTombstones({ epoch: 0, slices: [slice], records: 1, startedAt: 0 }, to2());
  assert.deepEqual(
    [...slice.outputs].map(([topic, [output]]) => [
      topic,
      output!.value,
      envelopeOf(output!).id,
      envelopeOf(output!).from?.index,
    ]),
    [
      ['out', null, 'k', 0],
      ['aside', null, 'k', 1],
    ],
  );
});
