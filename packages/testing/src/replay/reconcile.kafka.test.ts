import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StationTotals } from '@quadrille/record';
import { reconcile } from '@quadrille/replay/lineage';
import { reconcile as balance, guardAgainstLeaks, noServers, records, until } from '../harness/index.ts';
import { feedItems, passing } from '../station/sample.ts';
import { groundOf, liveAt, placeOf, sendAgain } from './lineage.fixture.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

test('the books of a flow with its dead letters, narrowed by station, topic and time', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  await using ground = groundOf(chain);
  const { flow } = chain;
  const began = new Date().toISOString();
  await feedItems(flow, 'FLOW.in', [
    ...passing(20),
    { id: 'a', does: 'reject' },
    { id: 'b', does: 'reject' },
    { id: 'c', does: 'drop' },
  ]);
  await chain.drained();
  const out = (await records(flow, 'FLOW.out')).map(({ partition, offset }) => ({
    topic: flow.text('FLOW.out'),
    partition,
    offset,
  }));
  await liveAt(chain, ground.database, 'store', out);
  const between = new Date(Date.now() + 1).toISOString();
  await until('its time is past', async () => new Date().toISOString() > between);
  const places = [await placeOf(chain, 'FLOW.in', 'a')];
  await sendAgain(chain, ground.database, 1, places, [{ id: 'a', does: 'drop' }]);
  await until('the dead letters', async () => {
    const [row] = await ground.database.query<{ n: number }>('select count(*) as n from dead_letter where flow = $1', [
      flow.name,
    ]);
    return row!.n === 2;
  });

  const whole = await reconcile(ground, { flow: flow.name });
  const expected = await balance(flow);
  for (const key of [
    'balanced',
    'unaccounted',
    'drained',
    'conflicts',
    'stations',
    'edges',
    'ends',
    'findings',
  ] as const)
    assert.deepEqual(whole[key], expected[key], key);
  assert.equal(whole.balanced, true);
  assert.deepEqual(whole.deadLetters, { open: 2, corrected: 0, replaying: 0, resolved: 0, discarded: 0 });
  const audited = await reconcile(ground, { flow: flow.name, audit: true });
  assert.deepEqual({ ...audited, at: '' }, { ...whole, at: '' });

  const judge = await reconcile(ground, { flow: flow.name, station: 'judge' });
  assert.deepEqual(Object.keys(judge.stations), ['judge']);
  assert.deepEqual(
    (judge.edges as { station: string }[]).map(({ station }) => station),
    ['judge', 'judge'],
  );
  const inOut = await reconcile(ground, { flow: flow.name, topic: flow.text('FLOW.out') });
  assert.deepEqual(
    (inOut.edges as { topic: string; station: string }[]).map(({ topic, station }) => [topic, station]),
    [[flow.text('FLOW.out'), 'store']],
  );
  assert.equal(inOut.deadLetters.open, 0);
  assert.equal((await reconcile(ground, { flow: flow.name, topic: flow.text('FLOW.in') })).deadLetters.open, 2);

  const totals = async (range: { since?: string; until?: string }) =>
    (await reconcile(ground, { flow: flow.name, ...range })).stations as Record<string, StationTotals>;
  assert.deepEqual(await totals({ since: began }), expected.stations, 'all of it lies within');
  const early = await totals({ since: began, until: between });
  assert.deepEqual(early.store, expected.stations.store);
  assert.deepEqual(
    [
      early.judge!.received,
      early.judge!.passed,
      early.judge!.dropped,
      early.judge!.rejected,
      early.judge!.replays.received,
    ],
    [23, 20, 1, 2, 0],
  );
  const late = await totals({ since: between });
  assert.deepEqual(
    [late.judge!.received, late.judge!.first, late.judge!.replays.received, late.judge!.replays.dropped],
    [0, null, 1, 1],
  );
  const { deadLetters } = await reconcile(ground, { flow: flow.name, since: between });
  assert.equal(deadLetters.open, 0, 'they failed before');

  for (const unknown of [{ flow: 'none' }, { flow: flow.name, station: 'none' }, { flow: flow.name, topic: 'none' }])
    await assert.rejects(reconcile(ground, unknown), { code: 'NOT_FOUND' });
});
