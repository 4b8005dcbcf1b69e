import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page, Replay } from '@quadrille/replay/api';
import {
  assertBalanced,
  drained,
  dropTable,
  flowFixture,
  guardAgainstLeaks,
  noServers,
  rows,
  startReplayService,
  startStation,
  until,
} from '../harness/index.ts';
import { feedItems, schema } from '../station/sample.ts';

guardAgainstLeaks();

const ruleOf = (body: string): string => `
import { rule } from '@quadrille/flow';
import { drop } from '@quadrille/record';
export default rule({ doc: 'As the test says.', examples: [], apply(record) { ${body} } });
`;

const FLOW = `
flow: FLOW
topics: { FLOW.in: { partitions: 2, external: true }, FLOW.mid: { partitions: 2 }, FLOW.out: { partitions: 2 } }
stations:
  first:
    transformer: rules/first.ts
    from: FLOW.in
    to: FLOW.mid
  second:
    transformer: rules/second.ts
    from: FLOW.mid
    to: FLOW.out
  store:
    loader: { type: postgres, table: FLOW-rows, connections: 2 }
    from: FLOW.out
`;

/** As many outputs as the field says. */
const SPLITS = `
  if (record.n === 0) return drop('NOT_WANTED');
  return Array.from({ length: record.n }, (_, i) => ({ ...record, n: i }));`;

test('a station behind makes fewer of a re-run output: what it made before is gone from the target', {
  skip: noServers,
}, async () => {
  await using flow = await flowFixture({
    files: { 'flow.yaml': FLOW, 'rules/first.ts': ruleOf('return record;'), 'rules/second.ts': ruleOf(SPLITS) },
    schemas: { 'FLOW.in': schema('In'), 'FLOW.mid': schema('Mid'), 'FLOW.out': schema('Out') },
  });
  const table = `${flow.name}-rows`;
  flow.atEnd(() => dropTable(flow, table));
  let first = await startStation(flow, 'first');
  await using second = await startStation(flow, 'second');
  await using store = await startStation(flow, 'store');
  await using service = await startReplayService(flow);
  await Promise.all([first.running(), second.running(), store.running(), service.ready()]);
  const settled = async () => {
    for (const station of ['first', 'second', 'store']) await drained(flow, station);
  };
  let seen: string[] = [];
  const standing = async () => {
    // The loader makes its table with the first rows.
    seen = (await rows(flow, table).catch(() => []))
      .filter(({ _deleted }) => _deleted !== true)
      .map(({ _id }) => String(_id))
      .sort();
    return seen;
  };
  await feedItems(flow, 'FLOW.in', [
    { id: 'a', n: 3 },
    { id: 'b', n: 2 },
  ]);
  const stands = (expected: string[], why = '') =>
    until(
      `rows ${expected} ${why}`,
      async () => (await standing()).join() === expected.join(),
      30_000,
      () => seen,
    );
  await settled();
  await stands(['a/0', 'a/1', 'a/2', 'b/0', 'b/1']);

  const rerun = async (body: string, expected: string[]) => {
    await flow.write('rules/first.ts', ruleOf(body));
    await first.stop();
    first = await startStation(flow, 'first');
    await first.running();
    const { id } = await service.replay({ records: { flow: flow.name, station: 'first', key: 'a' } });
    await service.over(id);
    await stands(expected, id);
    return id;
  };
  const fewer = await rerun('return { ...record, n: 2 };', ['a/0', 'a/1', 'b/0', 'b/1']);
  await rerun('return { ...record, n: 1 };', ['a', 'b/0', 'b/1']);
  await rerun('return { ...record, n: 0 };', ['b/0', 'b/1']);
  await rerun("return drop('NOT_WANTED');", ['b/0', 'b/1']);
  await rerun('return { ...record, n: 3 };', ['a/0', 'a/1', 'a/2', 'b/0', 'b/1']);
  await rerun("return drop('NOT_WANTED');", ['b/0', 'b/1']);

  const { items } = await service.call<Page<Replay>>('/v1/replays');
  const followUps = items.filter(({ flow: name, station }) => name === flow.name && station === 'second');
  assert.ok(followUps.some(({ reason, records }) => reason === `follows ${fewer}` && records === 1));
  await until('balanced', async () => {
    await settled();
    return (await assertBalanced(flow)).drained;
  });
});
