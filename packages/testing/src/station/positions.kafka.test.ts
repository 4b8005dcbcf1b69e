import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stationGroup } from '@quadrille/record';
import {
  assertBalanced,
  committed,
  drained,
  guardAgainstLeaks,
  noServers,
  parts,
  records,
  startStation,
  until,
} from '../harness/index.ts';
import { deleteBelow, say } from './orders.ts';
import { feedItems, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const ONE = `
flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true }, FLOW.out: { partitions: 1 } }
stations:
  judge: { transformer: rules/steer.ts, from: FLOW.in, to: FLOW.out }
`;

test('records deleted before they were judged stop the partition until the loss is accepted, and stand in the books', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(ONE);
  const topic = flow.text('FLOW.in');
  await feedItems(flow, 'FLOW.in', passing(10, 'a'));
  const first = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  await first.stop();

  await feedItems(flow, 'FLOW.in', passing(10, 'b'));
  await deleteBelow(flow, 'FLOW.in', 15);
  await using station = await startStation(flow, 'judge');
  const { reason } = await station.until(({ state }) => state === 'stuck');
  assert.equal(reason?.code, 'OFFSETS_LOST');
  assert.match(reason!.message, /10 to 14/);
  assert.match(reason!.help, /accept-loss/);
  assert.equal((await station.get('/ready')).status, 503);
  assert.equal((await committed(flow, 'judge'))[0]?.offset, 10, 'nothing is skipped');
  assert.equal((await records(flow, 'FLOW.out')).length, 10);

  await say(flow, { kind: 'resume', station: 'judge', acceptLoss: true });
  await drained(flow, 'judge');
  await station.running();
  const written = await parts(flow, 'judge');
  const expired = written.find(({ kind }) => kind === 'expired');
  assert.deepEqual([expired?.from, expired?.to, expired?.commit], [10, 15, 15]);
  const { edges, stations } = await assertBalanced(flow);
  assert.equal(edges.find((edge) => edge.topic === topic)?.expired, 5);
  assert.equal(stations.judge?.passed, 15);
});

test('records deleted under a running station that is behind are noticed, not jumped over', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(ONE);
  await using station = await startStation(flow, 'judge');
  await feedItems(flow, 'FLOW.in', passing(5, 'a'));
  await drained(flow, 'judge');
  // Stopped like this it cannot fetch what comes; its session outlives the two calls.
  station.pause();
  await feedItems(flow, 'FLOW.in', passing(10, 'b'));
  await deleteBelow(flow, 'FLOW.in', 12);
  station.resume();
  // The fetch that was under way may have been answered with the records before they were deleted.
  const reached = await until('stuck or through', async () => {
    if (station.status?.state === 'stuck') return 'stuck';
    return (await committed(flow, 'judge'))[0]?.offset === 15 ? 'through' : undefined;
  });
  if (reached === 'stuck') {
    assert.equal((await committed(flow, 'judge'))[0]?.offset, 5);
    await say(flow, { kind: 'resume', station: 'judge', acceptLoss: true });
    await drained(flow, 'judge');
  }
  await assertBalanced(flow);
});

test('a position set back by a foreign tool is taken back to the end of a part; what comes twice counts as duplicate', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(ONE);
  const topic = flow.text('FLOW.in');
  const before = await startStation(flow, 'judge');
  for (const round of ['a', 'b', 'c']) {
    await feedItems(flow, 'FLOW.in', passing(10, round));
    await drained(flow, 'judge');
  }
  await before.stop();
  await flow.clients.raw.setOffsets({
    groupId: stationGroup(flow.name, 'judge'),
    topic,
    partitions: [{ partition: 0, offset: '15' }],
  });

  await using station = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  const { edges, stations, ends } = await assertBalanced(flow);
  assert.equal(stations.judge?.passed, 30);
  assert.equal(stations.judge?.received, 30);
  assert.equal(edges.find((edge) => edge.topic === topic)?.verdicts, 30);
  const out = ends.find((end) => end.topic === flow.text('FLOW.out'))!;
  assert.equal(out.claimed, 30);
  assert.equal(out.duplicate, out.records - 30);
  assert.ok(out.duplicate >= 15, `${out.duplicate} duplicates`);
  await station.running();
});

test('a position set beyond what was judged is a loss, not a shortcut', { skip: noServers }, async () => {
  await using flow = await sampleFlow(ONE);
  const topic = flow.text('FLOW.in');
  await feedItems(flow, 'FLOW.in', passing(10, 'a'));
  const before = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  await before.stop();
  await feedItems(flow, 'FLOW.in', passing(10, 'b'));
  await flow.clients.raw.setOffsets({
    groupId: stationGroup(flow.name, 'judge'),
    topic,
    partitions: [{ partition: 0, offset: '17' }],
  });
  await using station = await startStation(flow, 'judge');
  const { reason } = await station.until(({ state }) => state === 'stuck');
  assert.equal(reason?.code, 'OFFSETS_LOST');
  assert.match(reason!.message, /10 to 16/);
});
