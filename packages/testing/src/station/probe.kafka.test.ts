import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMark, stationGroup } from '@quadrille/record';
import {
  assertBalanced,
  drained,
  dropTable,
  type FlowFixture,
  guardAgainstLeaks,
  noServers,
  rows,
  startStation,
} from '../harness/index.ts';
import { feedItems, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const LOADER = `
flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true } }
stations:
  store: { loader: { type: postgres, table: FLOW }, from: FLOW.in }
`;

/** As two instances leave it that have died at their first round. */
async function diedTwice(flow: FlowFixture, station: string): Promise<void> {
  const topic = flow.text('FLOW.in');
  const consumer = flow.clients.kafka.consumer({ groupId: stationGroup(flow.name, station) });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: async () => {} });
  await joined;
  const metadata = formatMark({ ref: null, attempts: 2 });
  await consumer.commitOffsets([{ topic, partition: 0, offset: '0', metadata }]);
  await consumer.disconnect();
}

test('what is examined apart leaves nothing in the target: it is written once, by the station itself', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(LOADER);
  await feedItems(flow, 'FLOW.in', passing(3));
  await diedTwice(flow, 'store');
  await using station = await startStation(flow, 'store');
  await station.says(/judging record by record, apart/);
  await drained(flow, 'store');
  const { written, unchanged } = (await assertBalanced(flow)).stations.store as { written: number; unchanged: number };
  assert.deepEqual({ written, unchanged }, { written: 3, unchanged: 0 });
  assert.equal((await rows(flow, flow.name)).length, 3);
  await station.stop();
  await dropTable(flow, flow.name);
});
