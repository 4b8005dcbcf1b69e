import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CorrectionResult, DeadLetterGroup, Replay } from '@quadrille/replay/api';
import { assertBalanced, guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

/** Refuses a broken field. */
const STRICT = `
  if (record.does !== 'ok') return reject('BROKEN', 'the field is broken', { field: 'does' });
  return record;`;

test('a thousand dead letters corrected by one rule, ten of them still wrong: 990 resolved, 10 open with attempt 2', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(STRICT);
  const { flow, service } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 1_000 }, (_, n) => ({ id: `r${n}`, does: 'oк', n })),
  );
  await chain.drained();
  const letters = await chain.letters(1_000);
  const { items: groups } = await service.call<{ items: DeadLetterGroup[] }>('/v1/groups');
  assert.deepEqual(
    groups.map(({ code, field, count }) => [code, field, count]),
    [['BROKEN', 'does', 1_000]],
  );

  const mended = letters.map((letter) => {
    const n = Number(letter.recordId!.slice(1));
    return {
      deadLetter: letter.id,
      edition: letter.edition,
      value: { id: `r${n}`, does: n < 10 ? 'still wrong' : 'ok', n },
    };
  });
  const result = await service.call<CorrectionResult>('/v1/corrections', {
    items: mended,
    reason: 'one rule',
    execute: true,
  });
  assert.deepEqual(result, { accepted: 1_000, unchanged: 0, problems: [] });
  const again = await service.call<CorrectionResult>('/v1/corrections', {
    items: mended.slice(0, 5).map((item) => ({ ...item, edition: item.edition + 1 })),
    execute: true,
  });
  assert.deepEqual([again.accepted, again.unchanged], [0, 5], 'the same correction again changes nothing');

  const over = await service.over((await service.replay({ deadLetters: { code: 'BROKEN' }, stopAt: 1 })).id);
  assert.deepEqual([over.records, over.passed, over.rejected], [1_000, 990, 10]);
  await chain.letters(990, 'resolved');
  const open = await chain.letters(10);
  assert.ok(open.every(({ attempts, recordId }) => attempts === 2 && Number(recordId!.slice(1)) < 10));
  assert.equal((await chain.rows()).size, 990);
  await assertBalanced(flow);
});

test('a ramp stops when too many fail again: the rest is not sent, and open as before', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(STRICT);
  const { flow, service } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 300 }, (_, n) => ({ id: `r${n}`, does: 'bad', n })),
  );
  await chain.drained();
  await chain.letters(300);
  const over = await service.over(
    (await service.replay({ deadLetters: { code: 'BROKEN' }, ramp: [1, 10, 50], stopAt: 0.5 })).id,
  );
  assert.deepEqual(
    [over.state, over.fault?.code, over.sent, over.rejected, over.withdrawn],
    ['stopped', 'FAILED_AGAIN', 1, 1, 299],
  );
  const open = await chain.letters(300);
  assert.equal(open.filter(({ attempts }) => attempts === 2).length, 1);
});

test('cancelled in mid-way: what was sent gets its verdict, the rest is open as before, nothing is lost', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(STRICT);
  const { flow, service } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 500 }, (_, n) => ({ id: `r${n}`, does: 'bad', n })),
  );
  await chain.drained();
  await chain.letters(500);
  await chain.deploy('return record;');
  const { id } = await service.replay({ deadLetters: { code: 'BROKEN' }, rate: 50 });
  await until('some are sent', async () => (await service.call<Replay>(`/v1/replays/${id}`)).sent >= 20);
  await service.call(`/v1/replays/${id}/cancel`, { reason: 'enough' });
  const over = await service.over(id);
  assert.equal(over.state, 'cancelled');
  assert.ok(over.sent > 0 && over.sent < 500, `${over.sent} sent`);
  assert.deepEqual([over.passed, over.withdrawn], [over.sent, 500 - over.sent]);
  await chain.letters(over.sent, 'resolved');
  await chain.letters(500 - over.sent);
  const rest = await service.over((await service.replay({ deadLetters: { states: ['open'], code: 'BROKEN' } })).id);
  assert.equal(rest.passed, 500 - over.sent);
  await chain.drained();
  assert.equal((await chain.rows()).size, 500);
  await assertBalanced(flow);
});
