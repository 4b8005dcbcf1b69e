import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CorrectionResult, DeadLetter } from '@quadrille/replay/api';
import { ApiError, guardAgainstLeaks, noServers } from '../harness/index.ts';
import { deleteBelow } from '../station/orders.ts';
import { feedItems } from '../station/sample.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

const refused =
  (code: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ApiError, String(error));
    assert.ok(error.codes.includes(code), `${error.codes} instead of ${code}`);
    for (const { help } of error.body.errors) assert.ok(help.length > 0);
    return true;
  };

test('what cannot be done is refused with its reason, and nothing has changed', { skip: noServers }, async (t) => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 12 }, (_, n) => ({ id: `b${n}`, does: 'reject', n })),
  );
  await chain.drained();
  const letters = await chain.letters(12);
  const [letter, other] = letters as [DeadLetter, DeadLetter];
  const value = { id: letter.recordId, does: 'pass', n: 1 };
  const correct = (items: object[]) => service.call<CorrectionResult>('/v1/corrections', { items, execute: true });

  await t.test('two operators edit one dead letter: the second is told', async () => {
    const [one, two] = await Promise.all([
      correct([{ deadLetter: letter.id, edition: letter.edition, value }]),
      correct([{ deadLetter: letter.id, edition: letter.edition, value: { ...value, n: 2 } }]),
    ]);
    assert.equal(one.accepted + two.accepted, 1);
    assert.deepEqual(
      [...one.problems, ...two.problems].map(({ fault }) => fault.code),
      ['EDIT_CONFLICT'],
    );
  });

  await t.test('a correction that does not fit the schema names every field', async () => {
    const { accepted, problems } = await correct([
      { deadLetter: other.id, edition: other.edition, value: { id: 5, does: 'pass', n: 'many', more: true } },
    ]);
    assert.equal(accepted, 0);
    assert.equal(problems[0]?.fault.code, 'CORRECTION_INVALID');
    for (const field of ['id', 'n', 'more']) assert.match(problems[0].fault.message, new RegExp(`\\b${field}\\b`));
    assert.equal((await chain.letter(other.id)).edition, other.edition);
  });

  await t.test('ids, flows and stations that nobody knows', async () => {
    await assert.rejects(service.call('/v1/dead-letters/ffffffffffff'), refused('NOT_FOUND'));
    await assert.rejects(service.call('/v1/replays/none-1'), refused('NOT_FOUND'));
    await assert.rejects(
      service.call('/v1/replays', { records: { flow: 'none', station: 'judge', key: 'x' } }),
      refused('NOT_FOUND'),
    );
    await assert.rejects(
      service.call('/v1/replays', { records: { flow: flow.name, station: 'none', key: 'x' } }),
      refused('NOT_FOUND'),
    );
  });

  await t.test('everything only when it is said, nothing at all', async () => {
    await assert.rejects(
      service.call('/v1/replays', { deadLetters: {}, execute: true }),
      refused('SELECTION_UNBOUNDED'),
    );
    await assert.rejects(
      service.call('/v1/replays', { deadLetters: { code: 'NEVER_SEEN' }, execute: true }),
      refused('SELECTION_EMPTY'),
    );
    await assert.rejects(
      service.call('/v1/discards', { selection: {}, reason: 'tired', execute: true }),
      refused('SELECTION_UNBOUNDED'),
    );
  });

  await t.test('a condition that is no condition, and one that would reach further than the record', async () => {
    for (const where of [
      'n >',
      'nothing = 1',
      '(SELECT count(*) FROM duckdb_settings()) > 0',
      'n = 1; DROP TABLE x',
      'row_number() OVER () > 1',
    ])
      await assert.rejects(service.call('/v1/replays', { deadLetters: { where } }), refused('SQL_INVALID'), where);
  });

  await t.test('offsets that the topic does not hold, or no longer', async () => {
    const records = (from: number, to: number) => ({
      records: { flow: flow.name, station: 'judge', partition: 0, offsets: { from, to } },
    });
    await assert.rejects(service.call('/v1/replays', records(5_000, 6_000)), refused('OFFSETS_GONE'));
    await deleteBelow(flow, 'FLOW.in', 2);
    await assert.rejects(service.call('/v1/replays', records(0, 1)), refused('OFFSETS_GONE'));
  });

  await t.test('not to a topic of the engine', async () => {
    for (const to of ['quadrille.ledger', `dlq.${flow.name}.in`, `replay.${flow.name}.judge`, 'no.such.topic'])
      await assert.rejects(
        service.call('/v1/replays', { deadLetters: { ids: [other.id] }, to, execute: true }),
        ApiError,
        to,
      );
  });

  await t.test('a dead letter that is resolved or discarded is not corrected', async () => {
    const third = letters[2]!;
    await service.call('/v1/discards', { selection: { ids: [third.id] }, reason: 'gone', execute: true });
    const { edition } = await chain.letter(third.id);
    const { problems } = await correct([{ deadLetter: third.id, edition, value: { ...value, id: third.recordId } }]);
    assert.deepEqual(
      problems.map(({ fault }) => fault.code),
      ['STATE_FORBIDS'],
    );
  });

  // A record that is being replayed. No test of its own: it starts a process that outlives it.
  await chain.judge.stop();
  const { id } = await service.replay({ deadLetters: { ids: [other.id] } });
  await assert.rejects(service.replay({ deadLetters: { ids: [other.id] } }), refused('REPLAYING_ALREADY'));
  const now = await chain.letter(other.id);
  const { problems } = await correct([
    { deadLetter: other.id, edition: now.edition, value: { ...value, id: other.recordId } },
  ]);
  assert.deepEqual(
    problems.map(({ fault }) => fault.code),
    ['REPLAYING_ALREADY'],
  );
  await chain.deployAfterStop();
  await service.over(id);
});
