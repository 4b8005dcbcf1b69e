import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import {
  dropReplaySchema,
  type FlowFixture,
  guardAgainstLeaks,
  noServers,
  replaySchema,
  startReplayService,
  until,
} from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { startChain } from './sample.ts';

guardAgainstLeaks();

/** Rows of a table of the service, without what depends on when it was made. */
async function rowsOf(flow: FlowFixture, columns: string, table: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: flow.clients.addresses.databaseUrl });
  await client.connect();
  try {
    return (await client.query(`SELECT ${columns} FROM ${replaySchema(flow)}.${table} ORDER BY 1, 2, 3`)).rows;
  } finally {
    await client.end();
  }
}

const LETTERS =
  'id, state, code, field, record_id, version::text, revision, attempts, letter_partition, letter_offset, source_topic, source_offset';

test('dead letters count once a live part claims them; dropped, the database is made again as it was', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  const { flow } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 600 }, (_, n) => ({ id: `r${n}`, does: n % 3 === 0 ? 'reject' : 'pass', n })),
  );
  await chain.drained();
  // What an attempt has left that did not count: a dead letter like the others, which no part claims.
  const [copied] = await chain.clientRecords(`dlq.${flow.name}.in`);
  await flow.clients.producer.send({
    topic: `dlq.${flow.name}.in`,
    acks: -1,
    messages: [{ key: 'zombie', value: copied!.value, partition: copied!.partition, headers: copied!.headers }],
  });
  const letters = () => rowsOf(flow, LETTERS, 'dead_letter');
  await until(
    'all dead letters',
    async () => (await letters()).length === 200,
    20_000,
    async () => (await letters()).length,
  );
  await until(
    'the copy is taken in',
    async () => (await rowsOf(flow, 'count(*)::int AS n, 1, 2', 'letter_record'))[0]!.n === 201,
  );
  const before = await letters();
  assert.ok(before.every(({ state, attempts, code }) => state === 'open' && attempts === 1 && code === 'TOO_BAD'));
  const groups = () => rowsOf(flow, 'code, state, letters', 'letter_group');
  assert.deepEqual(await groups(), [{ code: 'TOO_BAD', state: 'open', letters: '200' }]);

  await chain.service.stop();
  await dropReplaySchema(flow);
  chain.service = await startReplayService(flow);
  await chain.service.ready();
  assert.deepEqual(await letters(), before);
  assert.deepEqual(await groups(), [{ code: 'TOO_BAD', state: 'open', letters: '200' }]);
});
