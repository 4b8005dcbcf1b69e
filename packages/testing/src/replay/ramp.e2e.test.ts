import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page, Replay, ReplayItem } from '@quadrille/replay/api';
import { guardAgainstLeaks, noServers, startReplayService, until } from '../harness/index.ts';
import { deleteBelow } from '../station/orders.ts';
import { encoded, feed } from '../station/sample.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

test('a step of a ramp whose records are partly gone is waited for, and stops what fails again', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  const { flow } = chain;
  const items = Array.from({ length: 8 }, (_, n) => ({ id: `r${n}`, n }));
  const messages = await encoded(flow, 'FLOW.in', items);
  await feed(
    flow,
    'FLOW.in',
    messages.map((message) => ({ ...message, partition: 0 })),
  );
  await chain.drained();
  await chain.judge.stop();
  const records = { flow: flow.name, station: 'judge', partition: 0, offsets: { from: 0, to: 7 } };
  // What was judged is known to the service a moment later.
  const { id } = await until('a re-run is accepted', () =>
    chain.service.replay({ records, ramp: [1, 3], stopAt: 0.5 }).catch(() => undefined),
  );
  const sent = async (): Promise<number> => (await chain.service.call<Replay>(`/v1/replays/${id}`)).sent;
  await until('the first step is sent', async () => (await sent()) === 1);
  // What is loaded already would be sent.
  await chain.service.kill();
  await deleteBelow(flow, 'FLOW.in', 3);
  chain.service = await startReplayService(flow);
  await chain.service.ready();
  await chain.deploy(`return record.n === 3 ? reject('NOW_BAD', 'it is bad', { field: 'n' }) : record;`);

  const over = await chain.service.over(id);
  assert.deepEqual(
    [over.state, over.fault?.code, over.sent, over.passed, over.rejected, over.withdrawn],
    ['stopped', 'FAILED_AGAIN', 2, 1, 1, 6],
  );
  const { items: told } = await chain.service.call<Page<ReplayItem>>(`/v1/replays/${id}/items`);
  assert.deepEqual(
    told.map(({ state, code }) => [state, code]),
    [
      ['passed', null],
      ['withdrawn', 'OFFSETS_GONE'],
      ['withdrawn', 'OFFSETS_GONE'],
      ['rejected', 'NOW_BAD'],
      ...Array.from({ length: 4 }, () => ['withdrawn', null]),
    ],
  );
});
