import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { stationGroup } from '@quadrille/record';
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
import { feedItems, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const FOUR = `
flow: FLOW
topics: { FLOW.in: { partitions: 4, external: true }, FLOW.out: { partitions: 4 } }
stations:
  judge: { transformer: rules/steer.ts, from: FLOW.in, to: FLOW.out, round: { records: 40 } }
`;

test('instances join, leave, are killed and come back as zombies under load: every record has one verdict', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(FOUR);
  const total = 8_000;
  let fed = 0;
  const more = async (count: number): Promise<void> => {
    await feedItems(flow, 'FLOW.in', passing(count, `x${fed}`));
    fed += count;
  };
  await more(2_000);
  const first = await startStation(flow, 'judge');
  await first.until(({ totals }) => totals.rounds > 0);
  const second = await startStation(flow, 'judge');
  await second.running();
  await more(2_000);
  // A zombie: silent for longer than its session, then at work again as if nothing had happened.
  first.pause();
  const third = await startStation(flow, 'judge');
  await more(2_000);
  await third.running();
  await until('the others hold all partitions', async () => {
    const { members } = await flow.clients.admin.describeGroup(stationGroup(flow.name, 'judge'));
    return members.length === 2;
  });
  first.resume();
  await more(2_000);
  await second.kill();
  await third.stop();
  await drained(flow, 'judge');
  await first.stop();

  const { stations, ends } = await assertBalanced(flow);
  assert.equal(stations.judge?.passed, total);
  const out = ends.find(({ topic }) => topic === flow.text('FLOW.out'))!;
  assert.equal(out.claimed, total);
  assert.equal(out.foreign + out.stray, 0);
  const ids = new Set((await records(flow, 'FLOW.out')).map(({ key }) => key!.toString()));
  assert.equal(ids.size, total);
});

test('SIGTERM: what was taken is settled, and the group is left at once', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  await feedItems(flow, 'FLOW.in', passing(3_000));
  const station = await startStation(flow, 'judge');
  await station.until(({ totals }) => totals.received > 0);
  const begun = performance.now();
  const { code } = await station.stop();
  assert.equal(code, 0);
  assert.ok(performance.now() - begun < 10_000);
  const { members } = await flow.clients.admin.describeGroup(stationGroup(flow.name, 'judge'));
  assert.deepEqual(members, []);
  const { ends, stations } = await assertBalanced(flow);
  const out = ends.find(({ topic }) => topic === flow.text('FLOW.out'))!;
  assert.equal(out.duplicate + out.provisional, 0, 'nothing was sent that does not count');
  assert.equal(stations.judge!.received, out.claimed);
});

test('what kills the process is counted beside the committed position; the third attempt finds the record', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(FOUR);
  await feedItems(
    flow,
    'FLOW.in',
    passing(3, 'a').map((item) => ({ ...item, id: 'same' })),
  );
  const before = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  await before.stop();
  await feedItems(flow, 'FLOW.in', [{ id: 'same', does: 'die' }]);
  for (let attempt = 1; attempt <= 2; attempt++) {
    const station = await startStation(flow, 'judge');
    assert.equal((await station.exited).signal, 'SIGKILL');
    const at = (await committed(flow, 'judge')).find(({ offset }) => offset === 3);
    assert.equal(at?.mark?.attempts, attempt);
    assert.notEqual(at?.mark?.ref, null, 'the chain is not lost by it');
  }
  await feedItems(
    flow,
    'FLOW.in',
    passing(2, 'b').map((item) => ({ ...item, id: 'same' })),
  );
  await using _third = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  const dead = await records(flow, 'dlq.FLOW.in');
  assert.equal(dead.length, 1);
  assert.equal(dead[0]!.headers['quadrille.fault.code']!.toString(), 'RECORD_CRASHED');
  assert.equal(dead[0]!.headers['__dlq.errors.offset']!.toString(), '3');
  const { stations } = await assertBalanced(flow);
  assert.equal(stations.judge!.rejected, 1);
  assert.equal(stations.judge!.passed, 5, 'those beside it went their way');
});
