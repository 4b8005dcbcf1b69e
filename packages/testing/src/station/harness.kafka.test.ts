import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flowFixture, guardAgainstLeaks, leaks, noServers, startStation, until } from '../harness/index.ts';
import { sampleFlow } from './sample.ts';

guardAgainstLeaks();

test('the leak guard sees a station and a connection that a test has left', { skip: noServers }, async () => {
  assert.deepEqual(leaks(), []);
  const flow = await sampleFlow();
  const station = await startStation(flow, 'judge');
  await station.running();
  const left = leaks();
  assert.ok(
    left.some((line) => line.includes(`process`) && line.includes('services/transformer/main.ts')),
    left.join('\n'),
  );
  assert.ok(left.some((line) => line.startsWith('connection to port')));
  await flow[Symbol.asyncDispose]();
  await until('nothing is left', async () => leaks().length === 0);
});

test('a fixture that cannot be made leaves nothing, and says why', { skip: noServers }, async () => {
  await assert.rejects(
    flowFixture({ files: { 'flow.yaml': 'flow: FLOW\nstations: {}\n' } }),
    /FLOW_INVALID|SCHEMA_INVALID/,
  );
});
