import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { CorrectionRequest, CorrectionResult, SetAsideRequest } from '../api/index.ts';
import { auditOf, note } from '../audit.ts';
import type { Caller } from '../model.ts';
import { applyPending, letterApplies } from './apply.ts';
import { correct } from './correct.ts';
import { ANNA, BEN, Letters, noServers } from './letters.fixture.ts';
import { deadLetter } from './query.ts';
import { forget } from './retention.ts';
import { setAside } from './set-aside.ts';

const code = (expected: string) => (error: unknown) => error instanceof Fault && error.code === expected;
const codes = ({ problems }: CorrectionResult): string[] => problems.map(({ fault }) => fault.code);

const value = (id: string, n: unknown = 1): object => ({ id, n, at: '2013-01-01T00:00:00.000Z', secret: 's' });

const corrected = (
  letters: Letters,
  items: CorrectionRequest['items'],
  caller: Caller = ANNA,
  execute = true,
): Promise<CorrectionResult> =>
  correct(letters.ground, letters.decisions, caller, { items, reason: 'mistyped', execute });

const aside = (
  letters: Letters,
  kind: 'discard' | 'restore',
  request: Partial<SetAsideRequest>,
): ReturnType<typeof setAside> =>
  setAside(letters.ground, letters.decisions, ANNA, kind, {
    selection: {},
    reason: 'nobody needs it',
    execute: true,
    ...request,
  });

test('two edit one dead letter at once: one is accepted, the other is told; the original stays', {
  skip: noServers,
}, async () => {
  await using letters = await Letters.open();
  const [id] = await letters.add({ id: 'a', offset: 0, n: 5 });
  for (let round = 0; round < 10; round++) {
    const { edition } = await deadLetter(letters.ground, id!);
    const [one, two] = await Promise.all([
      corrected(letters, [{ deadLetter: id!, edition, value: value('a', 2 * round) }]),
      corrected(letters, [{ deadLetter: id!, edition, value: value('a', 2 * round + 1) }], BEN),
    ]);
    assert.equal(one.accepted + two.accepted, 1);
    assert.deepEqual([...codes(one), ...codes(two)], ['EDIT_CONFLICT']);
  }
  const detail = await deadLetter(letters.ground, id!);
  assert.deepEqual([detail.state, detail.corrected, detail.corrections.length], ['corrected', true, 10]);
  assert.deepEqual(
    detail.corrections.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  assert.deepEqual(detail.value, detail.corrections.at(-1)!.value);
  const [row] = await letters.ground.database.query<{ value: Buffer }>('select value from letter_record');
  assert.deepEqual(row!.value, letters.encode({ id: 'a', n: 5 }));
});

test('the same correction again changes nothing, with the edition before or after it', {
  skip: noServers,
}, async () => {
  await using letters = await Letters.open();
  const [id] = await letters.add({ id: 'a', offset: 0 });
  const { edition } = await deadLetter(letters.ground, id!);
  const item = { deadLetter: id!, edition, value: value('a') };
  const planned = await corrected(letters, [item], ANNA, false);
  assert.deepEqual(planned, { accepted: 1, unchanged: 0, problems: [] });
  assert.equal((await deadLetter(letters.ground, id!)).state, 'open', 'a plan changes nothing');
  assert.deepEqual(await corrected(letters, [item]), { accepted: 1, unchanged: 0, problems: [] });
  const after = await deadLetter(letters.ground, id!);
  assert.deepEqual([after.state, after.edition], ['corrected', edition + 1]);
  assert.deepEqual(await corrected(letters, [item]), { accepted: 0, unchanged: 1, problems: [] });
  assert.deepEqual(await corrected(letters, [{ ...item, edition: edition + 1 }]), {
    accepted: 0,
    unchanged: 1,
    problems: [],
  });
  assert.deepEqual(await deadLetter(letters.ground, id!), after);
  assert.deepEqual(
    after.corrections.map(({ by, reason, revision }) => [by, reason, revision]),
    [['anna', 'mistyped', null]],
  );
});

test('every item stands for itself; what does not fit names every field, and no value', {
  skip: noServers,
}, async () => {
  await using letters = await Letters.open();
  const { ground } = letters;
  const ids = await letters.add(...['a', 'b', 'c', 'd', 'e'].map((id, offset) => ({ id, offset })), {
    id: 'raw',
    offset: 9,
    raw: true,
    bytes: Buffer.from('{"n":"x"}'),
  });
  const [a, b, c, d, e, raw] = ids as [string, string, string, string, string, string];
  await ground.database.query(`update dead_letter set state = 'replaying' where id = $1`, [c]);
  await ground.database.query(`update dead_letter set state = 'resolved' where id = $1`, [d]);
  await ground.database.query(`update dead_letter set state = 'discarded' where id = $1`, [e]);
  const result = await corrected(letters, [
    { deadLetter: a, edition: 1, value: value('a') },
    { deadLetter: b, edition: 1, value: { id: 5, n: 'SECRET', at: 0, more: true } },
    { deadLetter: c, edition: 1, value: value('c') },
    { deadLetter: d, edition: 1, value: value('d') },
    { deadLetter: e, edition: 1, value: value('e') },
    { deadLetter: 'ffffffffffff', edition: 1, value: {} },
    { deadLetter: raw, edition: 1, value: value('raw') },
    { deadLetter: a, edition: 1, value: value('a', 2) },
  ]);
  assert.equal(result.accepted, 2);
  assert.deepEqual(codes(result), [
    'CORRECTION_INVALID',
    'REPLAYING_ALREADY',
    'STATE_FORBIDS',
    'STATE_FORBIDS',
    'NOT_FOUND',
    'EDIT_CONFLICT',
  ]);
  const [{ deadLetter: named, fault }] = result.problems as [CorrectionResult['problems'][number]];
  assert.equal(named, b);
  for (const field of ['id', 'n', 'secret', 'more']) assert.match(fault.message, new RegExp(`\`${field}\``));
  assert.doesNotMatch(JSON.stringify(fault), /SECRET/);
  assert.equal(fault.field, 'id');
  assert.equal((await deadLetter(ground, b)).edition, 1);
  // An item of an extractor becomes a record of its output topic.
  assert.deepEqual((await deadLetter(ground, raw)).value, value('raw'));
});

test('a decision that is not written changes nothing', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const [id] = await letters.add({ id: 'a', offset: 0 });
  const before = await deadLetter(letters.ground, id!);
  const away = {
    decide: async () => {
      throw new Fault('BROKER_UNAVAILABLE', 'away');
    },
  };
  const items = [{ deadLetter: id!, edition: 1, value: value('a') }];
  await assert.rejects(correct(letters.ground, away, ANNA, { items, execute: true }), code('BROKER_UNAVAILABLE'));
  assert.deepEqual(await deadLetter(letters.ground, id!), before);
});

test('discarded with a reason, restored to what it was', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const { ground } = letters;
  const [a, b, c, d] = await letters.add(...['a', 'b', 'c', 'd'].map((id, offset) => ({ id, offset })));
  await corrected(letters, [{ deadLetter: b!, edition: 1, value: value('b') }]);
  await ground.database.query(
    `update dead_letter set state = 'resolved', resolved_verdict = 'pass', settled_at = now() where id = $1`,
    [c],
  );
  await ground.database.query(`update dead_letter set state = 'replaying' where id = $1`, [d]);
  const states = async (): Promise<string[]> =>
    (await ground.database.query<{ state: string }>('select state from dead_letter order by record_id')).map(
      ({ state }) => state,
    );
  const was = ['open', 'corrected', 'resolved', 'replaying'];

  await assert.rejects(aside(letters, 'discard', {}), code('SELECTION_UNBOUNDED'));
  await assert.rejects(aside(letters, 'discard', { selection: { limit: 1 } }), code('SELECTION_UNBOUNDED'));
  await assert.rejects(aside(letters, 'discard', { selection: { code: 'NEVER' } }), code('SELECTION_EMPTY'));
  assert.deepEqual(await aside(letters, 'discard', { execute: false }), { changed: 2, refused: 1 });
  assert.deepEqual(await states(), was);

  assert.deepEqual(await aside(letters, 'discard', { selection: { code: 'TOO_BAD' } }), { changed: 2, refused: 1 });
  assert.deepEqual(await states(), ['discarded', 'discarded', 'resolved', 'replaying']);
  const shown = await deadLetter(ground, a!);
  assert.deepEqual(
    [shown.resolution?.verdict, shown.resolution?.reason, shown.resolution?.by],
    ['discarded', 'nobody needs it', 'anna'],
  );
  // What is resolved is discarded when it is named; what is replaying never is.
  assert.deepEqual(await aside(letters, 'discard', { selection: { ids: [c!, d!] } }), { changed: 1, refused: 1 });
  await assert.rejects(aside(letters, 'restore', { selection: { ids: [] } }), code('SELECTION_EMPTY'));
  assert.deepEqual(await aside(letters, 'restore', { all: true }), { changed: 3, refused: 0 });
  assert.deepEqual(await states(), was);
  const restored = await deadLetter(ground, b!);
  assert.deepEqual([restored.corrected, restored.value], [true, value('b')]);
  assert.equal((await deadLetter(ground, a!)).resolution, null);
});

test('decisions that come before their dead letters wait for them, and once again change nothing', {
  skip: noServers,
}, async () => {
  await using letters = await Letters.open();
  const { database } = letters.ground;
  const [a] = await letters.add({ id: 'a', offset: 0 }, { id: 'b', offset: 1 });
  const decided: Parameters<typeof letters.decisions.decide>[1][number][] = [];
  const recording = {
    decide: async (...[tx, some]: Parameters<typeof letters.decisions.decide>) => {
      decided.push(...some);
      await letters.decisions.decide(tx, some);
    },
  };
  const items = [{ deadLetter: a!, edition: 1, value: value('a', 3) }];
  await correct(letters.ground, recording, ANNA, { items, execute: true });
  const request = { selection: { record: 'b' }, reason: 'gone', execute: true };
  await setAside(letters.ground, recording, BEN, 'discard', request);
  const columns = `id, state, correction, set_aside_reason, settled_by, settled_at from dead_letter order by record_id`;
  const before = await database.query(`select ${columns}`);
  const groups = () => database.query('select code, state, letters from letter_group where letters > 0 order by state');
  const grouped = await groups();

  for (const table of ['dead_letter', 'correction', 'letter_record', 'rejected_run'])
    await database.query(`delete from ${table}`);
  const applyAll = () =>
    database.transaction(async (tx) => {
      for (const decision of decided) await letterApplies[decision.kind]!(tx, decision);
    });
  await applyAll();
  assert.equal((await database.query('select 1 from pending_decision')).length, 1);
  const ids = await letters.add({ id: 'a', offset: 0 }, { id: 'b', offset: 1 });
  assert.deepEqual(await database.query(`select ${columns}`), before);
  assert.deepEqual(await groups(), grouped);
  assert.equal((await database.query('select 1 from pending_decision')).length, 0);
  await applyAll();
  await database.transaction((tx) => applyPending(tx, ids));
  assert.deepEqual(await database.query(`select ${columns}`), before);
});

test('what was settled long ago is forgotten, nothing else', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const { database } = letters.ground;
  await letters.add(...['a', 'b', 'c', 'd'].map((id, offset) => ({ id, offset })));
  const settle = (id: string, state: string, days: number): Promise<unknown> =>
    database.query(
      `update dead_letter set state = $2, settled_at = now() - make_interval(days => $3) where record_id = $1`,
      [id, state, days],
    );
  await settle('a', 'resolved', 31);
  await settle('b', 'discarded', 31);
  await settle('c', 'resolved', 29);
  assert.equal(await forget(letters.ground, 30), 2);
  const left = await database.query<{ record_id: string }>('select record_id from dead_letter order by 1');
  assert.deepEqual(
    left.map(({ record_id }) => record_id),
    ['c', 'd'],
  );
  assert.equal((await database.query('select 1 from letter_record')).length, 2);
  assert.equal(await forget(letters.ground, 30), 0);
});

test('the audit: newest first, narrowed, page by page; nothing changes or takes back an entry', {
  skip: noServers,
}, async () => {
  await using letters = await Letters.open();
  const { database } = letters.ground;
  for (let i = 0; i < 5; i++)
    await note(letters.ground, letters.decisions, {
      by: i % 2 === 0 ? 'anna' : 'ben',
      role: 'operate',
      action: i === 4 ? 'replay' : 'discard',
      reason: `reason ${i}`,
      plan: { number: i },
      result: null,
      outcome: i === 3 ? 'NOT_ALLOWED' : 'ok',
    });
  const reasons = async (query: object): Promise<string[]> =>
    (await auditOf(letters.ground, { limit: 100, cursor: undefined, ...query })).items.map(({ reason }) => reason);
  const every = await reasons({});
  assert.deepEqual([...every].sort(), ['reason 0', 'reason 1', 'reason 2', 'reason 3', 'reason 4']);
  assert.deepEqual((await reasons({ by: 'ben' })).sort(), ['reason 1', 'reason 3']);
  assert.deepEqual(await reasons({ action: 'replay' }), ['reason 4']);
  assert.deepEqual(await reasons({ until: '2020-01-01T00:00:00.000Z' }), []);
  const first = await auditOf(letters.ground, { limit: 2, cursor: undefined });
  const second = await auditOf(letters.ground, { limit: 3, cursor: first.cursor! });
  assert.deepEqual(
    [...first.items, ...second.items].map(({ reason }) => reason),
    every,
  );
  assert.equal(second.cursor, null);
  assert.deepEqual(first.items[0]!.plan, { number: Number(every[0]!.at(-1)) });
  for (const change of [`update audit set reason = ''`, 'delete from audit', 'truncate audit'])
    await assert.rejects(database.query(change), /append-only/);
});
