/** What the servers do to a station. A stack of its own, since these tests stop servers. */
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeState, type Stack, startStack } from '@quadrille/devstack';
import {
  assertBalanced,
  drained,
  dropTable,
  guardAgainstLeaks,
  noServers,
  rows,
  startStation,
} from '../harness/index.ts';
import { encoded, feed, feedItems, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const FLOW = `
flow: FLOW
topics: { FLOW.in: { partitions: 2, external: true }, FLOW.out: { partitions: 2 } }
stations:
  judge: { transformer: rules/steer.ts, from: FLOW.in, to: FLOW.out }
  store: { loader: { type: postgres, table: FLOW }, from: FLOW.out }
`;

let stack: Stack;
let dir: string;

before(async () => {
  if (noServers !== false) return;
  dir = await mkdtemp(join(tmpdir(), 'quadrille-faults-'));
  const { KAFKA_BROKERS: _, SCHEMA_REGISTRY_URL: __, DATABASE_URL: ___, ...env } = process.env;
  stack = await startStack({ dir, env });
});

after(async () => {
  if (noServers !== false) return;
  await stack.stop();
  await removeState(dir);
});

test('database down: the loader holds, not ready and alive, loses nothing, and goes on by itself; the others go on', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(FLOW, { addresses: stack });
  await using judge = await startStation(flow, 'judge');
  await using store = await startStation(flow, 'store');
  await feedItems(flow, 'FLOW.in', passing(100, 'a'));
  await drained(flow, 'judge');
  await drained(flow, 'store');

  await stack.database.stop();
  await feedItems(flow, 'FLOW.in', passing(100, 'b'));
  const { reason } = await store.until(({ state }) => state === 'held');
  assert.equal(reason?.code, 'TARGET_UNAVAILABLE');
  assert.equal((await store.get('/ready')).status, 503);
  assert.equal((await store.get('/live')).status, 200);
  await drained(flow, 'judge');
  assert.equal(judge.status?.state, 'running');

  await stack.database.start();
  await drained(flow, 'store');
  await store.running();
  assert.equal((await rows(flow, flow.name)).length, 200);
  const { stations } = await assertBalanced(flow);
  assert.equal(stations.store?.rejected, 0);
  assert.equal((stations.store?.written ?? 0) + (stations.store?.unchanged ?? 0), 200);
  await dropTable(flow, flow.name);
});

test('registry down: running stations go on with the schemas they have; a new one waits for it', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(FLOW, { addresses: stack });
  await using judge = await startStation(flow, 'judge');
  await feedItems(flow, 'FLOW.in', passing(10, 'a'));
  await drained(flow, 'judge');
  const next = await encoded(flow, 'FLOW.in', passing(10, 'b'));
  await stack.registry.stop();
  await feed(flow, 'FLOW.in', next);
  await drained(flow, 'judge');
  await judge.running();

  await using store = await startStation(flow, 'store');
  await store.says(/REGISTRY_UNAVAILABLE/);
  await stack.registry.start();
  await drained(flow, 'store');
  assert.equal((await assertBalanced(flow)).stations.store?.written, 20);
  await dropTable(flow, flow.name);
});

test('broker down: stations hold and go on when it is back, balanced', { skip: noServers }, async () => {
  await using flow = await sampleFlow(FLOW, { addresses: stack });
  await using judge = await startStation(flow, 'judge');
  await using store = await startStation(flow, 'store');
  await feedItems(flow, 'FLOW.in', passing(6_000, 'a'));
  await judge.until(({ totals }) => totals.received > 0);
  await stack.broker(0).kill();
  await judge.says(/ECONNREFUSED|closed connection|Connection error/i);
  await stack.broker(0).start();
  await feedItems(flow, 'FLOW.in', passing(100, 'b'));
  await drained(flow, 'judge');
  await drained(flow, 'store');
  await Promise.all([judge.running(), store.running()]);
  const { stations, edges } = await assertBalanced(flow);
  // The test's own producer may have sent some of its records twice; all of them were judged, once.
  const fed = edges.find(({ topic }) => topic === flow.text('FLOW.in'))!.foreign;
  assert.ok(fed >= 6_100);
  assert.equal(stations.judge?.passed, fed);
  assert.equal((await rows(flow, flow.name)).length, 6_100);
  await dropTable(flow, flow.name);
});
