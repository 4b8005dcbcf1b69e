/** What becomes of a replay while its servers are away. A stack of its own, since these tests stop servers. */
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeState, type Stack, startStack } from '@quadrille/devstack';
import type { Replay } from '@quadrille/replay/api';
import {
  assertBalanced,
  drained,
  guardAgainstLeaks,
  noServers,
  startReplayService,
  startStation,
  until,
} from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { type Chain, startChain } from './sample.ts';

guardAgainstLeaks();

let stack: Stack;
let dir: string;

before(async () => {
  if (noServers !== false) return;
  dir = await mkdtemp(join(tmpdir(), 'quadrille-outage-'));
  const { KAFKA_BROKERS: _, SCHEMA_REGISTRY_URL: __, DATABASE_URL: ___, ...env } = process.env;
  stack = await startStack({ dir, env });
});

after(async () => {
  if (noServers !== false) return;
  await stack.stop();
  await removeState(dir);
});

/** Starts again what has ended by itself, as `quadrille up` and Kubernetes do. */
async function revive(chain: Chain): Promise<void> {
  const { flow } = chain;
  if (!flow.stations.has(chain.judge)) chain.judge = await startStation(flow, 'judge');
  if (!flow.stations.has(chain.store)) chain.store = await startStation(flow, 'store');
  if (!flow.stations.has(chain.service)) chain.service = await startReplayService(flow);
}

test('broker and database are stopped and started in mid-replay: it goes on by itself, nothing lost, nothing twice', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(undefined, stack);
  const { flow } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 400 }, (_, n) => ({ id: `r${n}`, does: 'reject', n })),
  );
  await chain.drained();
  await chain.letters(400);
  await chain.deploy('return record;');
  const { id } = await chain.service.replay({ deadLetters: { code: 'TOO_BAD' }, rate: 60 });
  const now = (): Promise<Replay> => chain.service.call<Replay>(`/v1/replays/${id}`);

  await until('some are sent', async () => (await now()).sent >= 40);
  await stack.database.stop();
  await until('the service says that its database is away', async () => chain.service.status?.state === 'held');
  await stack.database.start();
  await until('it goes on', async () => ((await now().catch(() => undefined))?.sent ?? 0) >= 120, 60_000);
  await stack.broker(0).kill();
  await stack.broker(0).start();

  let last: Replay | undefined;
  await until(
    'the replay over, and its outcomes known',
    async () => {
      await revive(chain);
      last = chain.service.status?.url === undefined ? last : await now().catch(() => last);
      return last?.state === 'done' && (last.outcomes.pending ?? 0) === 0;
    },
    120_000,
    () => JSON.stringify(last),
  );
  assert.deepEqual([last!.passed, last!.rejected, last!.withdrawn], [400, 0, 0]);
  await chain.letters(400, 'resolved');
  await drained(flow, 'store');
  assert.equal((await chain.rows()).size, 400);
  await assertBalanced(flow);
});
