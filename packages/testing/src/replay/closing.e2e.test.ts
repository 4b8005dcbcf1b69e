import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CorrectionResult, ReplayAnswer, SetAsideResult, Trace } from '@quadrille/replay/api';
import { assertBalanced, guardAgainstLeaks, noServers } from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

test('diagnosed, corrected, replayed: resolved once its station has passed it and its row is written', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedItems(flow, 'FLOW.in', [{ id: 'good' }, { id: 'bad', does: 'reject', n: 7 }]);
  await chain.drained();
  const [letter] = await chain.letters(1);
  assert.deepEqual(
    [letter!.code, letter!.field, letter!.station, letter!.recordId, letter!.attempts, letter!.key],
    ['TOO_BAD', 'does', 'judge', 'bad', 1, 'bad'],
  );
  const detail = await chain.letter(letter!.id);
  assert.deepEqual(detail.value, { id: 'bad', does: 'reject', n: 7 });
  assert.deepEqual(
    detail.fields.map(({ name }) => name),
    ['id', 'does', 'n'],
  );

  const corrected = await service.call<CorrectionResult>('/v1/corrections', {
    items: [{ deadLetter: letter!.id, edition: letter!.edition, value: { id: 'bad', does: 'pass', n: 8 } }],
    reason: 'the field was mistyped',
    execute: true,
  });
  assert.deepEqual(corrected, { accepted: 1, unchanged: 0, problems: [] });
  assert.equal((await chain.letter(letter!.id)).state, 'corrected');

  const { plan } = await service.call<ReplayAnswer>('/v1/replays', { deadLetters: { ids: [letter!.id] } });
  assert.deepEqual(
    [plan!.records, plan!.stations[0]!.destination, plan!.stations[0]!.corrected, plan!.stations[0]!.problemCount],
    [1, `replay.${flow.name}.judge`, 1, 0],
  );
  assert.equal((await chain.letter(letter!.id)).state, 'corrected', 'a plan changes nothing');

  const replay = await service.replay({ deadLetters: { ids: [letter!.id] }, reason: 'corrected' });
  const over = await service.over(replay.id);
  assert.deepEqual([over.state, over.passed, over.outcomes.written], ['done', 1, 1]);
  const resolved = await chain.letter(letter!.id);
  assert.equal(resolved.state, 'resolved');
  assert.equal(resolved.resolution?.verdict, 'pass');
  assert.deepEqual(
    resolved.downstream.map(({ station, verdict, outcome }) => [station, verdict, outcome]),
    [['store', 'pass', 'written']],
  );
  const row = (await chain.rows()).get('bad')!;
  assert.deepEqual([row.n, row.does, Number(row._revision)], [8, 'pass', over.revision]);

  const trace = await service.call<Trace>(`/v1/trace?flow=${flow.name}&record=bad`);
  const kinds = trace.steps.map(({ kind, station, verdict, outcome }) =>
    [kind, station, verdict, outcome].filter((x) => x !== null).join(' '),
  );
  for (const expected of [
    'verdict judge reject',
    'correction judge',
    'verdict judge pass',
    'verdict store pass written',
  ])
    assert.ok(
      kinds.some((kind) => kind.startsWith(expected)),
      `${expected} is not in\n${kinds.join('\n')}`,
    );
  assert.ok(kinds.some((kind) => kind.startsWith('row')));
  await assertBalanced(flow);
});

test('failed again: the same dead letter, attempt 2; then discarded with a reason, and restored', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedItems(flow, 'FLOW.in', [{ id: 'bad', does: 'reject' }]);
  await chain.drained();
  const [before] = await chain.letters(1);
  const first = await service.over((await service.replay({ deadLetters: { ids: [before!.id] } })).id);
  assert.deepEqual([first.state, first.rejected], ['done', 1]);
  const [letter] = await chain.letters(1);
  assert.deepEqual(
    [letter!.id, letter!.attempts, letter!.revision, letter!.source],
    [before!.id, 2, first.revision, before!.source],
  );
  const { history } = await chain.letter(letter!.id);
  assert.deepEqual(
    history.map(({ revision }) => revision),
    [0, first.revision],
  );

  const aside = { selection: { ids: [letter!.id] }, reason: 'nobody needs it', execute: true };
  assert.equal((await service.call<SetAsideResult>('/v1/discards', aside)).changed, 1);
  assert.equal((await chain.letter(letter!.id)).resolution?.reason, 'nobody needs it');
  assert.equal((await chain.letter(letter!.id)).state, 'discarded');
  assert.equal((await service.call<SetAsideResult>('/v1/restores', { ...aside, reason: 'they do' })).changed, 1);
  assert.equal((await chain.letter(letter!.id)).state, 'open');
});

test('a newer version of the same record was loaded meanwhile: resolved as superseded, the newer row untouched', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedItems(flow, 'FLOW.in', [{ id: 'x', does: 'reject', n: 1 }]);
  // A later offset of the same key is the newer version of a record of another system.
  await feedItems(flow, 'FLOW.in', [{ id: 'x', does: 'pass', n: 2 }]);
  await chain.drained();
  const newer = (await chain.rows()).get('x')!;
  const [letter] = await chain.letters(1);
  await service.call('/v1/corrections', {
    items: [{ deadLetter: letter!.id, edition: letter!.edition, value: { id: 'x', does: 'pass', n: 1 } }],
    execute: true,
  });
  const over = await service.over((await service.replay({ deadLetters: { ids: [letter!.id] } })).id);
  assert.deepEqual(over.outcomes, { superseded: 1 });
  const resolved = await chain.letter(letter!.id);
  assert.equal(resolved.state, 'resolved');
  assert.equal(resolved.downstream[0]?.outcome, 'superseded');
  assert.deepEqual((await chain.rows()).get('x'), newer);
  await assertBalanced(flow);
});
