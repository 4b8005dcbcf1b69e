import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopic } from '@quadrille/record';
import { assertBalanced, drained, guardAgainstLeaks, noServers, records, startStation } from '../harness/index.ts';
import { feedItems, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const flowFile = (outBytes: string) => `
flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true }, FLOW.out: { partitions: 1${outBytes} } }
stations:
  judge: { transformer: rules/steer.ts, from: FLOW.in, to: FLOW.out }
`;
const ITEMS = [...passing(3, 'a'), { id: 'large', does: 'grow', n: 2_000_000 }, ...passing(3, 'b')];

test('an output of 2 MB is a reject of its record alone where its topic does not take it', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(flowFile(''));
  await feedItems(flow, 'FLOW.in', ITEMS);
  await using station = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  const [letter, ...others] = await records(flow, deadLetterTopic('FLOW.in'));
  assert.equal(others.length, 0);
  assert.equal(letter?.key?.toString(), 'large');
  assert.equal(letter?.headers['quadrille.fault.code']?.toString(), 'RECORD_TOO_LARGE');
  assert.match(letter!.headers['__dlq.errors.message']!.toString(), /20000\d\d bytes for topic/);
  assert.equal((await records(flow, 'FLOW.out')).length, 6);
  await assertBalanced(flow);
  await station.stop();
});

test('and passes where its topic does', { skip: noServers }, async () => {
  await using flow = await sampleFlow(flowFile(', maxBytes: 3000000'));
  await feedItems(flow, 'FLOW.in', ITEMS);
  await using station = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  const out = await records(flow, 'FLOW.out');
  assert.equal(out.length, 7);
  assert.ok(out.find(({ key }) => key?.toString() === 'large')!.value!.length > 2_000_000);
  await assertBalanced(flow);
  await station.stop();
});

test('a round larger than the broker takes at once is sent in pieces, and claimed whole', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(flowFile(''));
  const items = Array.from({ length: 60 }, (_, n) => ({ id: `m${n}`, does: 'grow', n: 100_000 }));
  await feedItems(flow, 'FLOW.in', items);
  await using station = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  assert.deepEqual(
    (await records(flow, 'FLOW.out')).map(({ key }) => key?.toString()),
    items.map(({ id }) => id),
  );
  const { ends } = await assertBalanced(flow);
  assert.equal(ends.find(({ topic }) => topic === flow.text('FLOW.out'))?.claimed, 60);
  await station.stop();
});
