import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTROL_TOPIC, deadLetterTopic } from '@quadrille/record';
import {
  assertBalanced,
  committed,
  drained,
  guardAgainstLeaks,
  noServers,
  records,
  startStation,
  until,
} from '../harness/index.ts';
import { say } from './orders.ts';
import { feedItems, type Item, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const TWO = `
flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true }, FLOW.other: { partitions: 1, external: true }, FLOW.out: { partitions: 1 }, FLOW.rest: { partitions: 1 } }
stations:
  judge:
    transformer: rules/steer.ts
    stopTheLine: { rejects: 5, of: 20 }
    round: { records: 50 }
    from: FLOW.in
    to: FLOW.out
  beside:
    transformer: rules/steer.ts
    from: FLOW.other
    to: FLOW.rest
`;
const FIELDS = {
  type: 'record',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'does', type: 'string' },
    { name: 'n', type: 'int' },
  ],
};

test('a station that meets only poison stops its line, durably; the others go on; a resume lets it go on', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(TWO, {
    schemas: { 'FLOW.other': { ...FIELDS, name: 'Other' }, 'FLOW.rest': { ...FIELDS, name: 'Rest' } },
  });
  const poison: Item[] = Array.from({ length: 40 }, (_, n) => ({ id: `p${n}`, does: 'reject' }));
  await feedItems(flow, 'FLOW.in', [...passing(3), ...poison]);
  const judge = await startStation(flow, 'judge');
  await using beside = await startStation(flow, 'beside');

  const { reason } = await judge.until(({ state }) => state === 'paused');
  assert.equal(reason?.code, 'LINE_STOPPED');
  assert.match(reason!.message, /more than 5 of the last 20 records, the last one TOO_BAD/);
  assert.match(reason!.help, /station resume/);
  const pauses = (await records(flow, CONTROL_TOPIC)).filter(
    ({ key }) => key?.toString() === `${flow.name}/judge/line`,
  );
  assert.equal(pauses.length, 1);

  // The longest prefix up to the trip is settled, the rest was neither sent nor judged.
  await until('the prefix is committed', async () => (await committed(flow, 'judge'))[0]?.offset === 9);
  assert.equal((await records(flow, deadLetterTopic('FLOW.in'))).length, 6);
  assert.equal((await judge.get('/ready')).status, 503);
  assert.equal((await judge.get('/live')).status, 200);

  await feedItems(flow, 'FLOW.other', passing(10));
  await drained(flow, 'beside');
  // It may have drained before it has said anything.
  await beside.running();
  await judge.stop();

  // It is not forgotten by a restart.
  await using again = await startStation(flow, 'judge');
  assert.equal((await again.until(({ state }) => state === 'paused')).reason?.code, 'LINE_STOPPED');
  assert.equal((await committed(flow, 'judge'))[0]?.offset, 9);

  // An operator lets it go on; it stops again a window later, having moved.
  await say(flow, { kind: 'resume', station: 'judge' });
  await until('the next prefix is committed', async () => (await committed(flow, 'judge'))[0]?.offset === 15);
  await again.until(({ state }) => state === 'paused');
  const result = await assertBalanced(flow);
  assert.equal(result.stations.judge?.rejected, 12);
  assert.equal(result.stations.judge?.inFlight, 28);
  assert.equal(result.stations.beside?.passed, 10);
});

test('an operator pauses and resumes a station', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  await using station = await startStation(flow, 'judge');
  await station.running();
  await say(flow, { kind: 'pause', station: 'judge', reason: 'maintenance' });
  await station.until(({ state, reason }) => state === 'paused' && /maintenance/.test(reason!.message));
  await feedItems(flow, 'FLOW.in', passing(10));
  await say(flow, { kind: 'resume', station: 'judge' });
  await drained(flow, 'judge');
  assert.equal((await assertBalanced(flow)).stations.judge?.passed, 10);
});
