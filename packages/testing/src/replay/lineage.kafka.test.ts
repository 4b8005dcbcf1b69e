import assert from 'node:assert/strict';
import { test } from 'node:test';
import { downstreamOf, followDownstream, outputsOf, standingOutputs } from '@quadrille/replay/lineage';
import { guardAgainstLeaks, noServers, records, startStation, until } from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { groundOf, liveAt, MANY, placeOf, sendAgain, stood } from './lineage.fixture.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

test('outputs of records by the claims of their parts; what stands is what the newest attempt made', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(MANY);
  await using ground = groundOf(chain);
  const { flow } = chain;
  await feedItems(flow, 'FLOW.in', [
    { id: 'one' },
    { id: 'two', does: 'many' },
    { id: 'none', does: 'drop' },
    { id: 'bad', does: 'reject' },
  ]);
  await chain.drained();
  const ids = ['one', 'two', 'none', 'bad'];
  const places = await Promise.all(ids.map((id) => placeOf(chain, 'FLOW.in', id)));
  await liveAt(chain, ground.database, 'judge', places);
  const made = async () =>
    (await outputsOf(ground, flow.name, 'judge', places)).map(({ outputs, gone }) => [
      outputs
        .map(({ id, revision, deleted }) => `${id}@${revision}${deleted ? ' deleted' : ''}`)
        .sort()
        .join(' '),
      gone,
    ]);
  assert.deepEqual(await made(), [
    ['one@0', false],
    ['two/0@0 two/1@0', false],
    ['', false],
    ['', false],
  ]);
  const standing = async () =>
    (await standingOutputs(ground, flow.name, 'judge', places)).map(({ outputs }) =>
      outputs
        .map(({ id }) => id)
        .sort()
        .join(' '),
    );
  assert.deepEqual(await standing(), ['one', 'two/0 two/1', '', '']);

  // Again: the first makes two now, the second is dropped, the third passes.
  await sendAgain(chain, ground.database, 1, places, [
    { id: 'one', does: 'many' },
    { id: 'two', does: 'drop' },
    { id: 'none' },
    { id: 'bad', does: 'reject' },
  ]);
  await ground.database.query(`update replay_item set state = 'sent' where replay = $1`, [`${flow.name}-1`]);
  assert.deepEqual(await standing(), ['one', 'two/0 two/1', '', ''], 'as long as no verdict is noted');
  await ground.database.query(
    `update replay_item set state = case record_id when 'two' then 'dropped' when 'bad' then 'rejected' else 'passed' end
     where replay = $1`,
    [`${flow.name}-1`],
  );
  assert.deepEqual(await standing(), ['one/0 one/1', '', 'none', '']);
  assert.equal((await made())[0]![0], 'one@0', 'the record itself led to what it led to');

  // What is deleted from the log cannot be compared any more.
  const out = await records(flow, 'FLOW.out');
  // The client does not look for the leader of a topic that it has not heard of.
  await flow.clients.raw.fetchTopicOffsets(flow.text('FLOW.out'));
  for (const partition of [0, 1]) {
    const end = Math.max(0, ...out.filter((each) => each.partition === partition).map(({ offset }) => offset + 1));
    await flow.clients.raw.deleteTopicRecords({
      topic: flow.text('FLOW.out'),
      partitions: [{ partition, offset: String(end) }],
    });
  }
  const [one, two, , bad] = await made();
  assert.deepEqual([one![1], two![1], bad![1]], [true, true, false], 'a rejected record has made nothing');
});

test('what became of outputs further down, to the loader and to its dead letters, until it is final', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(MANY);
  await using ground = groundOf(chain);
  const { flow } = chain;
  await feedItems(flow, 'FLOW.in', [
    { id: 'a', does: 'reject' },
    { id: 'b', does: 'reject' },
  ]);
  await chain.drained();
  const places = await Promise.all(['a', 'b'].map((id) => placeOf(chain, 'FLOW.in', id)));
  await chain.store.stop();
  // PostgreSQL holds no text with a null character: the loader rejects it.
  const sent = await sendAgain(chain, ground.database, 1, places, [
    { id: 'a', does: 'many' },
    { id: 'b', does: 'a\u0000b' },
  ]);
  await ground.database.query(`update replay_item set state = 'passed' where replay = $1`, [`${flow.name}-1`]);
  const outputs = await outputsOf(ground, flow.name, 'judge', sent);
  const follow = async () =>
    (
      await downstreamOf(
        ground,
        flow.flow,
        outputs.map((each) => each.outputs),
      )
    ).map(({ downstream, final }) => [
      final,
      ...downstream.map(({ station, verdict, code, outcome, deadLetter }) =>
        [station, verdict, code, stood(outcome), deadLetter === null ? '' : 'letter'].filter(Boolean).join(' '),
      ),
    ]);
  assert.deepEqual(await follow(), [
    [false, 'store waiting', 'store waiting'],
    [false, 'store waiting'],
  ]);
  const items = () =>
    ground.database.query<{ downstream: { verdict: string; outcome: string | null }[] | null; followed: boolean }>(
      'select downstream, followed from replay_item where replay = $1 order by seq',
      [`${flow.name}-1`],
    );
  const over = new AbortController();
  const duty = followDownstream(ground)(over.signal);
  try {
    await until('noted as waiting', async () =>
      (await items()).every((item) => item.downstream?.[0]?.verdict === 'waiting'),
    );
    assert.ok((await items()).every(({ followed }) => !followed));
    chain.store = await startStation(flow, 'store');
    await until('followed', async () => (await items()).every(({ followed }) => followed));
    assert.deepEqual(
      (await items()).map(({ downstream }) => downstream!.map(({ verdict, outcome }) => stood(outcome) ?? verdict)),
      [['written', 'written'], ['reject']],
    );
  } finally {
    over.abort();
    await duty;
  }
  assert.deepEqual(await follow(), [
    [true, 'store pass written', 'store pass written'],
    [true, 'store reject TARGET_REFUSED letter'],
  ]);
});
