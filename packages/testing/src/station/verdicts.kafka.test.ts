import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopic, HEADER, unpackHeader } from '@quadrille/record';
import {
  assertBalanced,
  committed,
  drained,
  guardAgainstLeaks,
  noServers,
  parts,
  records,
  startStation,
} from '../harness/index.ts';
import { encoded, feed, feedItems, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const DEAD = deadLetterTopic('FLOW.in');

test('every record gets its own verdict; dead letters keep key, value, headers and timestamp byte for byte', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow();
  const doings = ['pass', 'drop', 'reject', 'throw', 'shape', 'encode', 'many', 'pass'];
  const [known] = await encoded(flow, 'FLOW.in', [{ id: 'x' }]);
  const fed = (
    await encoded(
      flow,
      'FLOW.in',
      doings.map((does, n) => ({ id: `r${n}`, does, n })),
    )
  ).map((message, n) => ({
    ...message,
    partition: 1,
    timestamp: 1_700_000_000_000 + n,
    headers: { foreign: Buffer.of(0, 255, n), empty: Buffer.alloc(0), twice: [Buffer.of(1), Buffer.of(2)] },
  }));
  const garbage = [
    { value: Buffer.from([0x01, 0xff, 0x00, 0x80]), key: 'garbage' },
    { value: Buffer.concat([Buffer.of(0, 0x7f, 0xff, 0xff, 0xff), known!.value!.subarray(5)]), key: 'unknown schema' },
    { value: known!.value!.subarray(0, 7), key: 'cut off' },
  ].map((message, n) => ({
    ...message,
    partition: 1,
    timestamp: 1_700_000_001_000 + n,
    headers: { foreign: Buffer.of(n) },
  }));
  await feed(flow, 'FLOW.in', [...fed, ...garbage]);

  await using station = await startStation(flow, 'judge');
  await drained(flow, 'judge');

  const dead = await records(flow, DEAD);
  const expected = [
    ['r2', 'TOO_BAD', 'rule', 2],
    ['r3', 'RULE_THREW', 'rule', 3],
    ['r4', 'RULE_RESULT', 'rule', 4],
    ['r5', 'ENCODE_FAILED', 'schema', 5],
    ['garbage', 'WIRE_FORMAT', 'schema', 8],
    ['unknown schema', 'SCHEMA_UNKNOWN', 'schema', 9],
    ['cut off', 'DECODE_FAILED', 'schema', 10],
  ];
  const text = (record: (typeof dead)[number], name: string) => record.headers[name]?.toString();
  assert.deepEqual(
    dead.map((d) => [
      d.key?.toString(),
      text(d, 'quadrille.fault.code'),
      text(d, 'quadrille.fault.class'),
      Number(text(d, '__dlq.errors.offset')),
    ]),
    expected,
  );
  const sent = [...fed, ...garbage];
  for (const letter of dead) {
    const original = sent[Number(text(letter, '__dlq.errors.offset'))]!;
    assert.deepEqual(letter.value, original.value);
    assert.equal(letter.timestamp, original.timestamp);
    assert.equal(letter.partition, 1);
    for (const [name, value] of Object.entries(original.headers)) assert.deepEqual(letter.headers[name], value);
    assert.equal(text(letter, '__dlq.errors.topic'), flow.text('FLOW.in'));
    assert.equal(text(letter, '__dlq.errors.partition'), '1');
    assert.equal(text(letter, '__dlq.errors.group'), `${flow.name}.judge`);
    assert.equal(text(letter, '__dlq.errors.delivery.count'), '1');
    assert.equal(text(letter, 'quadrille.fault.station'), 'judge');
    assert.match(text(letter, 'quadrille.fault.fingerprint')!, /^[0-9a-f]{16}$/);
    assert.equal(text(letter, 'quadrille.fault.first'), text(letter, 'quadrille.fault.last'));
    assert.match(text(letter, 'quadrille.fault.first')!, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  }
  assert.equal(text(dead[0]!, 'quadrille.fault.field'), 'n');
  assert.match(text(dead[1]!, '__dlq.errors.message')!, /the rule is broken/);
  assert.match(text(dead[1]!, 'quadrille.fault.stack')!, /steer\.ts:\d+:\d+/);
  assert.match(text(dead[4]!, 'quadrille.fault.place') ?? text(dead[4]!, '__dlq.errors.message')!, /./);

  const out = await records(flow, 'FLOW.out');
  assert.deepEqual(out.map(({ key }) => key?.toString()).sort(), ['r0', 'r6/0', 'r6/1', 'r7']);
  for (const { headers, key } of out) {
    const { id, from, revision } = unpackHeader(headers[HEADER]!, key);
    assert.equal(id, key?.toString());
    assert.equal(revision, 0);
    assert.equal(from?.topic, flow.text('FLOW.in'));
    assert.equal(from?.offset, Number(/r(\d)/.exec(id)![1]));
  }
  const result = await assertBalanced(flow);
  assert.deepEqual(
    { ...result.stations.judge, first: 0, last: 0, replays: 0 },
    {
      kind: 'transformer',
      received: 11,
      passed: 3,
      dropped: 1,
      rejected: 7,
      inFlight: 0,
      first: 0,
      last: 0,
      replays: 0,
    },
  );
  await station.running();
});

test('each part of the ledger names the one before; the commit names the last', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  await using station = await startStation(flow, 'judge');
  for (const round of ['a', 'b', 'c']) {
    await feedItems(flow, 'FLOW.in', passing(20, round));
    await drained(flow, 'judge');
  }
  await station.stop();
  const written = await parts(flow, 'judge');
  const at = await committed(flow, 'judge');
  for (const { partition, offset, mark } of at) {
    const own = written.filter((part) => part.partition === partition);
    assert.ok(own.length >= 3);
    assert.equal(own[0]!.prev, null);
    for (let i = 1; i < own.length; i++) {
      assert.equal(own[i]!.from, own[i - 1]!.to);
      assert.notEqual(own[i]!.prev, null);
    }
    assert.equal(own.at(-1)!.commit, offset);
    assert.ok(mark!.ref !== null && mark!.ref.offset > own.at(-1)!.prev!.offset);
    assert.equal(mark!.attempts, 0);
  }
  const { edges } = await assertBalanced(flow);
  assert.equal(edges.find(({ topic }) => topic === flow.text('FLOW.in'))?.foreign, 60);
});

test('a deletion passes through a transformer, under the version of its record', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  await feed(flow, 'FLOW.in', [{ key: 'gone', value: null }]);
  await using station = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  const [out] = await records(flow, 'FLOW.out');
  assert.equal(out?.key?.toString(), 'gone');
  assert.equal(out?.value, null);
  await assertBalanced(flow);
  await station.stop();
});
