import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flow } from '@quadrille/flow';
import { replayTopic } from '@quadrille/record';
import type { Decision } from '@quadrille/station';
import { Letters, noServers } from '../letters/letters.fixture.ts';
import { jobApplies } from './apply.ts';
import { items, replayOf, replays } from './query.ts';
import type { ItemsBody, PlannedReplay, StateBody } from './rows.ts';
import { markSent, withdraw } from './sent.ts';
import { replayVerdicts, settleSent } from './verdicts.ts';

const skip = noServers;
const FLOW = 'f';
const TOPIC = replayTopic(FLOW, 'judge');
const AT = '2026-01-02T03:04:05.678Z';

const decision = (kind: string, id: string, body: object): Decision => ({
  kind,
  id,
  at: Date.parse(AT),
  by: 'anna',
  reason: '',
  body: JSON.stringify(body),
  bytes: null,
});

/** Decides a replay of these dead letters, as `requestReplay` does. */
async function decide(of: Letters, number: number, letters: string[], kind: PlannedReplay['kind'] = 'replay') {
  const id = `${FLOW}-${number}`;
  const planned: PlannedReplay = {
    id,
    number,
    kind,
    flow: FLOW,
    station: 'judge',
    destination: TOPIC,
    records: letters.length,
    rate: null,
    ramp: [],
    stopAt: 0.5,
    request: {},
    reason: '',
    by: 'anna',
    createdAt: AT,
  };
  const body: ItemsBody = {
    replay: id,
    items: letters.map((deadLetter, seq) => ({
      seq,
      deadLetter,
      recordId: `r${seq}`,
      from: { topic: of.topic, partition: 0, offset: 1_000 + seq },
      letter: { topic: `dlq.${of.topic}`, partition: 0, offset: seq },
      correction: null,
      revision: number,
      partition: 0,
      former: null,
    })),
  };
  await apply(of, decision('replay', id, planned), decision('items', `${id}/0`, body));
  return id;
}

const apply = (of: Letters, ...decisions: Decision[]): Promise<void> =>
  of.ground.database.transaction(async (tx) => {
    for (const each of decisions) await jobApplies[each.kind]!(tx, each);
  });

const sent = (of: Letters, id: string, offsets: number[]): Promise<void> =>
  of.ground.database.transaction((tx) =>
    markSent(
      tx,
      id,
      offsets.map((offset, seq) => ({ seq, partition: 0, offset })),
    ),
  );

/** A live part of the judge over its replay topic: the first record passes, the second is dropped, the third rejected. */
async function judge(of: Letters, from: number, tell: boolean): Promise<void> {
  const runs = [
    { verdict: 'drop', code: 'NOT_WANTED', offset: from + 1, last: from + 1, count: 1, deadLetter: null },
    {
      verdict: 'reject',
      code: 'TOO_BAD',
      offset: from + 2,
      last: from + 2,
      count: 1,
      deadLetter: { topic: `dlq.${of.topic}`, partition: 0, offset: 50 },
    },
  ] as const;
  const part = { topic: TOPIC, partition: 0, from, to: from + 3, commit: from + 3, pass: 1, drop: 1, reject: 1 };
  await of.ground.database.transaction(async (tx) => {
    await tx.query(
      `insert into ledger_part (ledger_partition, ledger_offset, part, flow, station, instance, at, kind, topic, partition,
         from_offset, to_offset, commit_offset, pass, dropped, rejected, outputs, runs, claims, outcome_runs, live)
       values (0, $1, 0, $2, 'judge', 'i', $3, 'work', $4, 0, $1, $5, $5, 1, 1, 1, 1, $6, '[]', '[]', true)`,
      [from, FLOW, AT, TOPIC, from + 3, JSON.stringify(runs)],
    );
    if (!tell) return;
    const whole = { ...part, kind: 'work' as const, outputs: 1, runs: [...runs], claims: [], outcomes: null };
    await replayVerdicts(tx, [
      {
        flow: FLOW,
        station: 'judge',
        at: Date.parse(AT),
        ref: { partition: 0, offset: from, part: 0 },
        part: { ...whole, outcomeRuns: [], prev: null },
      },
    ]);
  });
}

const states = async (of: Letters, ids: string[]) => {
  const rows = await of.ground.database.query<{ id: string; state: string; code: string | null; by: string | null }>(
    'select id, state, resolved_verdict, resolved_code as code, settled_by as by from dead_letter',
  );
  return ids.map((id) => {
    const { state, code, by } = rows.find((row) => row.id === id)!;
    return [state, code, by].filter((each) => each !== null).join(' ');
  });
};

test('replaying, then as the ledger says: in whatever order sending and verdicts become known', { skip }, async (t) => {
  for (const order of ['sent first', 'verdict first'])
    await t.test(order, async () => {
      await using of = await Letters.open();
      const letters = await of.add({ id: 'r0', offset: 0 }, { id: 'r1', offset: 1 }, { id: 'r2', offset: 2 });
      const id = await decide(of, 1, letters);
      assert.deepEqual(await states(of, letters), ['replaying', 'replaying', 'replaying']);
      if (order === 'verdict first') await judge(of, 70, true);
      await sent(of, id, [70, 71, 72]);
      if (order === 'sent first') await judge(of, 70, true);
      else assert.equal(await settleSent(of.ground.database, FLOW, 'judge', id), 3);
      assert.deepEqual(await states(of, letters), ['resolved anna', 'resolved NOT_WANTED anna', 'replaying']);
      // Its next dead letter is taken in, with the revision that was sent.
      await of.add({ id: 'r2', offset: 50, revision: 1 });
      assert.deepEqual((await states(of, letters))[2], 'open');
      const { passed, dropped, rejected, outcomes } = await replayOf(of.ground, id);
      assert.deepEqual([passed, dropped, rejected, outcomes], [1, 1, 1, { pending: 1 }]);
      assert.equal(await settleSent(of.ground.database, FLOW, 'judge', id), 0, 'once is enough');
    });
});

test('decisions applied twice, and late ones, change nothing', { skip }, async () => {
  await using of = await Letters.open();
  const letters = await of.add({ id: 'r0', offset: 0 }, { id: 'r1', offset: 1 }, { id: 'r2', offset: 2 });
  const id = await decide(of, 1, letters);
  const state = (to: StateBody['state'], begin: StateBody['begin'] = null) =>
    apply(of, decision('state', id, { replay: id, state: to, at: AT, fault: null, begin } satisfies StateBody));
  await state('running', { [TOPIC]: [[0, 70]] });
  await sent(of, id, [70, 71, 72]);
  await judge(of, 70, true);
  await state('done');
  await decide(of, 1, letters);
  await state('running');
  await sent(of, id, [90, 91, 92]);
  const { records, passed, state: over, sent: count } = await replayOf(of.ground, id);
  assert.deepEqual([records, passed, over, count], [3, 1, 'done', 3]);
  const { items: shown } = await items(of.ground, id, { limit: 10, cursor: undefined });
  assert.deepEqual(
    shown.map(({ seq, state, sent }) => [seq, state, sent?.offset]),
    [
      [0, 'passed', 70],
      [1, 'dropped', 71],
      [2, 'rejected', 72],
    ],
  );
  assert.deepEqual((await states(of, letters)).slice(0, 2), ['resolved anna', 'resolved NOT_WANTED anna']);
});

test('what is withdrawn is as it was before, corrections included; dry runs and copies change no dead letter', {
  skip,
}, async () => {
  await using of = await Letters.open();
  const { database } = of.ground;
  const letters = await of.add({ id: 'r0', offset: 0 }, { id: 'r1', offset: 1 });
  await database.query(
    `insert into correction (dead_letter, number, by_whom, at, reason, value) values ($1, 1, 'anna', $2, '', '')`,
    [letters[1], AT],
  );
  await database.query(`update dead_letter set state = 'corrected', correction = 1 where id = $1`, [letters[1]]);
  const id = await decide(of, 1, letters);
  await database.transaction((tx) => withdraw(tx, id));
  assert.deepEqual(await states(of, letters), ['open', 'corrected']);
  for (const [i, kind] of (['preview', 'copy'] as const).entries()) await decide(of, 2 + i, letters, kind);
  assert.deepEqual(await states(of, letters), ['open', 'corrected']);
});

test('replays of the flows that are known are listed page by page, the newest first', { skip }, async () => {
  await using of = await Letters.open();
  const letters = await of.add({ id: 'r0', offset: 0 });
  for (let number = 1; number <= 5; number++) await decide(of, number, letters, 'copy');
  await decide(of, 6, letters, 'copy');
  await of.ground.database.query(`update replay set flow = 'other' where id = 'f-6'`);
  const ground = { ...of.ground, flows: new Map([[FLOW, {} as Flow]]) };
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof replays>> = await replays(ground, {
      flow: FLOW,
      limit: 2,
      cursor: cursor ?? undefined,
    } as never);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== null);
  assert.deepEqual(seen, ['f-5', 'f-4', 'f-3', 'f-2', 'f-1']);
  assert.deepEqual((await replays(ground, { states: ['done'], limit: 2, cursor: undefined })).items, []);
  await assert.rejects(replays(ground, { limit: 2, cursor: 'none' }), { code: 'REQUEST_INVALID' });
});

test('whoever looks for verdicts waits for whoever makes parts live, instead of both for each other', {
  skip,
}, async () => {
  await using of = await Letters.open();
  const { database } = of.ground;
  const letters = await of.add({ id: 'r0', offset: 0 }, { id: 'r1', offset: 1 }, { id: 'r2', offset: 2 });
  const id = await decide(of, 1, letters);
  await sent(of, id, [10, 11, 12]);
  await judge(of, 10, false);
  await database.query("insert into chain values ($1, 'judge', $2, 0, 10, null, null, null)", [FLOW, TOPIC]);
  let settling: Promise<number> | undefined;
  await database.transaction(async (tx) => {
    // In the order of follow/liveness.ts: the chain, dead letters of new attempts, the items that were judged.
    await tx.query('select from chain for update');
    await tx.query('update dead_letter set last_at = last_at where id = any($1)', [letters]);
    settling = settleSent(database, FLOW, 'judge', id);
    settling.catch(() => {});
    for (let waiting = 0; waiting === 0; )
      [{ waiting }] = (await database.query<{ waiting: number }>(
        `select count(*) as waiting from pg_stat_activity
         where wait_event_type = 'Lock' and query like 'select from chain%' and not pid = pg_backend_pid()`,
      )) as [{ waiting: number }];
    await tx.query('select from replay_item where replay = $1 order by seq for update', [id]);
  });
  assert.equal(await settling, 3);
});
