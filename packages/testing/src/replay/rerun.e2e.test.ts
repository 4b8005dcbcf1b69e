import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplayAnswer } from '@quadrille/replay/api';
import { assertBalanced, guardAgainstLeaks, noServers } from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

/** `n` outputs for each record, but one where it is 1. */
const SEVERAL = (n: string): string => `
  const n = ${n};
  if (n === 0) return drop('NOT_WANTED');
  return n === 1 ? record : Array.from({ length: n }, (_, i) => ({ ...record, n: i }));`;

test('a rule that after its fix makes fewer outputs: the surplus rows are gone, and come back with the old rule', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(SEVERAL('3'));
  const { flow, service } = chain;
  await feedItems(flow, 'FLOW.in', [{ id: 'a' }, { id: 'b' }]);
  await chain.drained();
  const standing = async (): Promise<string[]> =>
    [...(await chain.rows())]
      .filter(([, row]) => row._deleted !== true)
      .map(([id]) => id)
      .sort();
  assert.deepEqual(await standing(), ['a/0', 'a/1', 'a/2', 'b/0', 'b/1', 'b/2']);

  const rerun = async (): Promise<void> => {
    const { id } = await service.replay({
      records: { flow: flow.name, station: 'judge', key: 'a' },
      reason: 'rule fixed',
    });
    const over = await service.over(id);
    assert.deepEqual([over.kind, over.state, over.records], ['rerun', 'done', 1]);
    await chain.drained();
  };
  await chain.deploy(SEVERAL('2'));
  const { plan } = await service.call<ReplayAnswer>('/v1/replays', {
    records: { flow: flow.name, station: 'judge', key: 'a' },
  });
  assert.deepEqual([plan!.records, plan!.stations[0]!.formerOutputs, plan!.stations[0]!.orphans], [1, 3, 0]);
  await rerun();
  assert.deepEqual(await standing(), ['a/0', 'a/1', 'b/0', 'b/1', 'b/2'], 'the other record was not run again');

  await chain.deploy(SEVERAL('1'));
  await rerun();
  assert.deepEqual(await standing(), ['a', 'b/0', 'b/1', 'b/2']);

  await chain.deploy(SEVERAL('0'));
  await rerun();
  assert.deepEqual(await standing(), ['b/0', 'b/1', 'b/2'], 'dropped now');

  await chain.deploy(SEVERAL('3'));
  await rerun();
  assert.deepEqual(await standing(), ['a/0', 'a/1', 'a/2', 'b/0', 'b/1', 'b/2'], 'back with the old rule');
  await assertBalanced(flow);
});

test('a rule that was wrong for some records is mended: these alone are run again, their rows change, no others do', {
  skip: noServers,
}, async () => {
  const classify = (from: number): string =>
    `return { ...record, does: record.n >= 200 && record.n < 300 && record.n % 10 >= ${from} ? 'late' : 'on time' };`;
  await using chain = await startChain(classify(5));
  const { flow, service } = chain;
  const items = Array.from({ length: 1_000 }, (_, n) => ({ id: `r${n}`, n }));
  await feedItems(flow, 'FLOW.in', items);
  await chain.drained();
  const before = await chain.rows();
  assert.equal([...before.values()].filter(({ does }) => does === 'late').length, 50);

  await chain.deploy(classify(2));
  const selection = { flow: flow.name, station: 'judge', where: 'n BETWEEN 200 AND 299' };
  const { plan } = await service.call<ReplayAnswer>('/v1/replays', { records: selection });
  assert.equal(plan!.records, 100);
  const over = await service.over((await service.replay({ records: selection, reason: 'classes were wrong' })).id);
  assert.deepEqual([over.passed, over.outcomes.written], [100, 100]);
  await chain.drained();

  const after = await chain.rows();
  assert.equal(after.size, 1_000);
  for (const [id, row] of after) {
    const affected = Number(row.n) >= 200 && Number(row.n) < 300;
    if (!affected) assert.deepEqual(row, before.get(id), `${id} was touched`);
    else assert.equal(row.does, Number(row.n) % 10 >= 2 ? 'late' : 'on time');
  }
  await assertBalanced(flow);
});
