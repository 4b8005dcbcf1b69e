import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER } from '@quadrille/record';
import type { Page, Replay, ReplayAnswer, ReplayItem } from '@quadrille/replay/api';
import { ApiError, assertBalanced, guardAgainstLeaks, noServers, records } from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

const refused = (code: string) => (error: unknown) => error instanceof ApiError && error.codes.includes(code);

test('a dry run tells verdicts and outputs, in steps too, and leaves no trace', { skip: noServers }, async () => {
  await using chain = await startChain();
  const { flow, service } = chain;
  const does = ['reject', 'reject', 'reject'];
  await feedItems(
    flow,
    'FLOW.in',
    does.map((each, n) => ({ id: `r${n}`, does: each, n })),
  );
  await chain.drained();
  const letters = await chain.letters(3);
  // With the rule that is to be deployed: one passes, one is dropped, one fails in another way.
  await chain.deploy(`
    if (record.n === 0) return record;
    return record.n === 1 ? drop('NOT_WANTED') : reject('STILL_BAD', 'as bad as before', { field: 'n' });`);
  const before = await records(flow, 'FLOW.out');
  const selection = { ids: letters.map(({ id }) => id) };
  const { id } = await service.replay({ deadLetters: selection, preview: true, ramp: [1], stopAt: 1 });
  const over = await service.over(id);
  assert.deepEqual(
    [over.kind, over.state, over.sent, over.passed, over.dropped, over.rejected, over.outcomes],
    ['preview', 'done', 3, 1, 1, 1, {}],
  );
  const { items } = await service.call<Page<ReplayItem>>(`/v1/replays/${id}/items`);
  const told = items.map(({ recordId, state, code, field, outputs }) => [recordId, state, code, field, outputs]);
  assert.deepEqual(told.sort(), [
    ['r0', 'passed', null, null, [{ topic: `${flow.name}.out`, key: 'r0', value: { id: 'r0', does: 'reject', n: 0 } }]],
    ['r1', 'dropped', 'NOT_WANTED', null, []],
    ['r2', 'rejected', 'STILL_BAD', 'n', []],
  ]);
  assert.deepEqual(await chain.letters(3), letters, 'not even the edition has changed');
  assert.deepEqual(await records(flow, 'FLOW.out'), before);
  assert.equal((await records(flow, 'dlq.FLOW.in')).length, 3);
  await assertBalanced(flow);
});

test('a copy goes to the whole topic, without our headers, and resolves nothing', { skip: noServers }, async () => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedItems(flow, 'FLOW.in', [
    { id: 'a', does: 'reject' },
    { id: 'b', does: 'reject' },
  ]);
  await chain.drained();
  const letters = await chain.letters(2);
  const to = `${flow.name}.others`;
  await flow.clients.admin.createTopics([{ topic: to, partitions: 3, config: {} }], 1);
  flow.atEnd(() => flow.clients.raw.deleteTopics({ topics: [to] }));
  const request = { deadLetters: { code: 'TOO_BAD' }, to, execute: true };
  const { replays } = await service.call<ReplayAnswer>('/v1/replays', request);
  const over = await service.over(replays[0]!.id);
  assert.deepEqual([over.kind, over.state, over.sent, over.passed], ['copy', 'done', 2, 0]);
  const dead = await records(flow, 'dlq.FLOW.in');
  const copies = await records(flow, to);
  const seen = copies.map(({ key, value, timestamp }) => ({ key, value, timestamp }));
  const wanted = dead.map(({ key, value, timestamp }) => ({ key, value, timestamp }));
  const byKey = (a: { key: Buffer | null }, b: { key: Buffer | null }): number => Buffer.compare(a.key!, b.key!);
  assert.deepEqual(seen.sort(byKey), wanted.sort(byKey));
  assert.ok(copies.every(({ headers }) => headers[HEADER] === undefined));
  assert.deepEqual(await chain.letters(2), letters);
});

test('two who ask for the same at once: one replay, the other is told', { skip: noServers }, async () => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 50 }, (_, n) => ({ id: `r${n}`, does: 'reject', n })),
  );
  await chain.drained();
  await chain.letters(50);
  const request = { deadLetters: { code: 'TOO_BAD' }, execute: true };
  const answers = await Promise.allSettled(
    [1, 2, 3].map(() => service.call<ReplayAnswer>('/v1/replays', { ...request, stopAt: 1 })),
  );
  const done = answers.filter(({ status }) => status === 'fulfilled');
  assert.equal(done.length, 1, JSON.stringify(answers));
  for (const answer of answers)
    if (answer.status === 'rejected')
      assert.ok(refused('REPLAYING_ALREADY')(answer.reason) || refused('SELECTION_EMPTY')(answer.reason));
  const { items: replays } = await service.call<Page<Replay>>('/v1/replays');
  assert.equal(replays.length, 1);
  assert.equal((await service.over(replays[0]!.id)).rejected, 50);
  assert.equal((await records(flow, 'replay.FLOW.judge')).length, 50);
});

test('a re-run resolves the dead letter of a record that passes now; a second failure is its second attempt', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedItems(flow, 'FLOW.in', [
    { id: 'good' },
    { id: 'mended', does: 'reject', n: 1 },
    { id: 'bad', does: 'reject', n: 2 },
  ]);
  await chain.drained();
  const letters = await chain.letters(2);
  await chain.deploy(`if (record.n === 2) return reject('STILL_BAD', 'bad'); return record;`);
  const records = { flow: flow.name, station: 'judge', where: 'n > 0' };
  await assert.rejects(service.call('/v1/replays', { records: { flow: flow.name, station: 'judge' }, execute: true }));
  const over = await service.over((await service.replay({ records, stopAt: 1 })).id);
  assert.deepEqual([over.kind, over.records, over.passed, over.rejected], ['rerun', 2, 1, 1]);
  const [resolved] = await chain.letters(1, 'resolved');
  assert.equal(resolved!.recordId, 'mended');
  const [open] = await chain.letters(1);
  assert.deepEqual([open!.recordId, open!.code, open!.attempts], ['bad', 'STILL_BAD', 2]);
  const before = letters.find(({ recordId }) => recordId === 'bad')!;
  assert.deepEqual([open!.id, open!.source], [before.id, before.source], 'the same dead letter, of the same place');
  assert.equal((await chain.rows()).size, 2);
  await assertBalanced(flow);
});
