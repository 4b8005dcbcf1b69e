import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Typed } from '../e2e/command.ts';
import {
  assertBalanced,
  drained,
  dropReplaySchema,
  dropTable,
  type FlowFixture,
  guardAgainstLeaks,
  noServers,
  replaySchema,
  rows,
} from '../harness/index.ts';
import { Crew } from './crew.ts';
import { Load } from './load.ts';
import { assertSame, resultOf } from './outcome.ts';
import { allThrough, flowFile, KINDS, ordersFlow, schemas, tableOf, undisturbed } from './sample.ts';

guardAgainstLeaks();

const ROUND = 40;
const ARCHIVE = '  archive:\n    loader: { type: postgres, table: archive-FLOW }\n    from: FLOW.placed\n';
const RECENT =
  '  recent:\n    loader: { type: postgres, table: recent-FLOW }\n    from: FLOW.placed\n    start: latest\n';
const RETELL = '  retell:\n    transformer: rules/same.ts\n    from: FLOW.placed\n    to: FLOW.told\n';
const TOLD = '  told:\n    loader: { type: postgres, table: told-FLOW }\n    from: FLOW.told\n';
const EXTERNAL = '  FLOW.told: { external: true }\n';
const SAME = `
import { rule } from '@quadrille/flow';
export default rule({ doc: 'Says it again.', examples: [], apply: (record) => record });
`;

/** `quadrille …` in the folder of the flow. */
async function quadrille(
  flow: FlowFixture,
  ...words: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const typed = new Typed(flow.folder, words, { NO_COLOR: '1', QUADRILLE_REPLAY_SCHEMA: replaySchema(flow) });
  return typed.ended;
}

const ids = async (flow: FlowFixture, table: string): Promise<string[]> =>
  (await rows(flow, `${table}-${flow.name}`)).map(({ _id }) => String(_id)).sort();

test('stations are grafted from the beginning and from now, and removed again, while orders keep coming', {
  skip: noServers,
}, async (t) => {
  await using flow = await ordersFlow(ROUND, { 'FLOW.told': schemas['FLOW.placed'] });
  for (const table of ['orders', 'archive', 'recent', 'told'])
    flow.atEnd(() => dropTable(flow, `${table}-${flow.name}`));
  flow.atEnd(() => dropReplaySchema(flow));
  await flow.write('rules/same.ts', SAME);
  const deploy = async (stations: string, topics = ''): Promise<void> => {
    await flow.write('flow.yaml', flowFile(ROUND, stations, topics));
    const { code, err } = await quadrille(flow, 'flow', 'provision', '.', '--execute');
    assert.equal(code, 0, err);
    await flow.provision();
  };
  await using crew = new Crew(flow);
  await using load = new Load(flow);
  for (const station of ['places', ...KINDS]) await crew.join(station);
  await crew.flowing('store', 2_000);

  await deploy(ARCHIVE + RECENT + RETELL + TOLD);
  for (const station of ['archive', 'recent', 'retell', 'told']) {
    await crew.join(station);
    await crew.flowing(station);
  }

  // One that runs, or that has work left, is not removed.
  const running = await quadrille(flow, 'station', 'remove', '.', 'retell', '--execute');
  assert.equal(running.code, 1, running.err);
  assert.match(running.err, /^STATION_RUNNING.* 2 members/m);
  await crew.leave('retell');
  await crew.flowing('store');
  const waiting = await quadrille(flow, 'station', 'remove', '.', 'retell', '--execute');
  assert.equal(waiting.code, 1, waiting.err);
  assert.match(waiting.err, /^STATION_NEEDED .*records and 0 replays wait/m);

  // Given up with records waiting, what it has made goes on counting.
  await deploy(ARCHIVE + RECENT + TOLD, EXTERNAL);
  const plan = await quadrille(flow, 'station', 'remove', '.', 'retell', '--accept-waiting');
  assert.equal(plan.code, 0, plan.err);
  assert.match(plan.err, /nothing was changed/);
  const given = await quadrille(flow, 'station', 'remove', '.', 'retell', '--accept-waiting', '--execute');
  assert.equal(given.code, 0, given.err);
  const left = new Set((await flow.clients.raw.listGroups()).groups.map(({ groupId }) => groupId));
  assert.ok(!left.has(`${flow.name}.retell`) && !left.has(`${flow.name}.retell.replay`));
  assert.equal((await flow.clients.raw.listTopics()).includes(`replay.${flow.name}.retell`), false, 'it was empty');
  const orders = await load.end();
  await allThrough(flow, orders);
  for (const station of ['archive', 'recent', 'told']) await drained(flow, station);
  const told = (await assertBalanced(flow)).edges.find(({ topic }) => topic === `${flow.name}.told`)!;
  assert.ok(told.claimed > 0);
  assert.deepEqual([told.claimed, told.foreign, told.stray], [told.verdicts, 0, 0]);

  // One that has done all is removed as it is; brought back, it goes on where it stood.
  await crew.leave('recent');
  const done = await quadrille(flow, 'station', 'remove', '.', 'recent', '--execute', '-o', 'json');
  assert.equal(done.code, 0, done.err);
  assert.equal(JSON.parse(done.out).removed, true);
  assert.match(done.err, /the flow file still names recent/);
  await assertBalanced(flow);
  await deploy(ARCHIVE + RECENT + TOLD, EXTERNAL);
  await crew.join('recent');
  await drained(flow, 'recent');
  await crew.end();

  const { code, out, err } = await quadrille(flow, 'station', 'remove', '.', 'price', '-o', 'json');
  assert.equal(code, 1, err);
  assert.match(err, /STATION_NEEDED .*dead letters are open/);

  await using calm = await undisturbed(flow, orders);
  calm.atEnd(() => dropTable(calm, tableOf(calm)));
  const { books, tables } = await assertSame(flow, calm);
  assert.equal(JSON.parse(out).openDeadLetters, books.stations.price?.rejected);
  assert.deepEqual(tables['archive-FLOW'], (await resultOf(calm)).tables['orders-FLOW'], 'archived from the beginning');
  const recent = books.edges.find(({ station }) => station === 'recent')!;
  assert.ok(recent.beforeStart > 0, 'it began in the middle');
  const [all, some] = [await ids(flow, 'orders'), await ids(flow, 'recent')];
  assert.equal(recent.beforeStart + recent.verdicts, recent.claimed + recent.duplicate);
  assert.ok(some.length > 0 && some.length < all.length, `${some.length} of ${all.length}`);
  t.diagnostic(
    `${orders} orders, ${all.length} rows, ${some.length} from now on, ${books.edges.length} edges balanced`,
  );
});
