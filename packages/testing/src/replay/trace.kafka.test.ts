import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER, packHeader, partitionOf } from '@quadrille/record';
import type { TraceStep } from '@quadrille/replay/api';
import { trace } from '@quadrille/replay/lineage';
import { guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { encoded, feed, feedItems } from '../station/sample.ts';
import { groundOf, liveAt, MANY, placeOf, sendAgain, stood } from './lineage.fixture.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

const told = (steps: readonly TraceStep[]): string[] =>
  steps.map(({ kind, recordId, revision, station, verdict, code, outcome }) =>
    [kind, `${recordId}@${revision}`, station, verdict, code, stood(outcome)].filter((each) => each !== null).join(' '),
  );

test('the whole way of a record, in order: failed, corrected, sent again, split in two, loaded', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(MANY);
  await using ground = groundOf(chain);
  const { flow } = chain;
  await feedItems(flow, 'FLOW.in', [{ id: 'bad', does: 'reject' }, { id: 'other' }]);
  await chain.drained();
  const place = await placeOf(chain, 'FLOW.in', 'bad');
  const letter = await until('the dead letter', async () => {
    const [row] = await ground.database.query<{ id: string }>('select id from dead_letter where flow = $1', [
      flow.name,
    ]);
    return row?.id;
  });
  await ground.database.query(
    `insert into correction (dead_letter, number, by_whom, at, reason, value, revision) values ($1, 1, 'anna', now(), 'typo', '', 1)`,
    [letter],
  );
  await sendAgain(chain, ground.database, 1, [place], [{ id: 'bad', does: 'many' }]);
  await chain.drained();
  const out = await Promise.all(['bad/0', 'bad/1'].map((id) => placeOf(chain, 'FLOW.out', id)));
  await liveAt(chain, ground.database, 'store', out);

  const { steps } = await trace(ground, flow.name, 'bad');
  const expected = [
    'record bad@0',
    'verdict bad@0 judge reject TOO_BAD',
    'correction bad@1 judge',
    'replay bad@1 judge',
    'verdict bad@1 judge pass',
    'record bad/0@1',
    'record bad/1@1',
    'verdict bad/0@1 store pass written',
    'verdict bad/1@1 store pass written',
    'row bad/0@1 store stands',
    'row bad/1@1 store stands',
  ];
  assert.deepEqual(told(steps).toSorted(), expected.toSorted());
  // Up to the two halves, whose order among each other is that of their partitions.
  assert.deepEqual(told(steps).slice(0, 5), expected.slice(0, 5));
  assert.equal(steps[1]!.deadLetter, letter);
  assert.equal(steps[2]!.by, 'anna');
  assert.equal(steps.at(-1)!.place?.topic, flow.text('FLOW.out'));

  const half = await trace(ground, flow.name, 'bad/1');
  assert.ok(told(half.steps).includes('verdict bad@1 judge pass'), told(half.steps).join('\n'));
  assert.ok(told(half.steps).includes('verdict bad/1@1 store pass written'));

  await assert.rejects(trace(ground, flow.name, 'nobody'), { code: 'NOT_FOUND' });
  await assert.rejects(trace(ground, 'no-flow', 'bad'), { code: 'NOT_FOUND' });
});

test('a record whose id is not its key is found; one that is waited for says so; a target that is away hides nothing else', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  await using ground = groundOf(chain);
  const { flow } = chain;
  await chain.store.stop();
  const [{ value }] = (await encoded(flow, 'FLOW.out', [{ id: 'odd' }])) as [{ value: Buffer }];
  const envelope = { id: 'odd', version: 5n, revision: 0, extractedAt: Date.now(), from: undefined };
  const partition = 1 - partitionOf(Buffer.from('odd'), 2);
  await feed(flow, 'FLOW.out', [{ key: 'k', value, partition, headers: { [HEADER]: packHeader(envelope, false) } }]);
  assert.deepEqual(told((await trace(ground, flow.name, 'odd')).steps), [
    'record odd@0',
    'verdict odd@0 store waiting',
  ]);
  const away = { ...ground, env: { DATABASE_URL: 'postgres://127.0.0.1:1/none' } };
  const { steps } = await trace(away, flow.name, 'odd');
  assert.deepEqual(
    steps.map(({ kind, code }) => [kind, code]),
    [
      ['record', null],
      ['verdict', null],
      ['row', 'TARGET_UNAVAILABLE'],
    ],
  );
});
