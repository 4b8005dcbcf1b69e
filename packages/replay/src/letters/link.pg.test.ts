import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Letters, noServers } from './letters.fixture.ts';
import { linkRange } from './link.ts';

test('a record and its claim that are added at the same time make a dead letter', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const { database } = letters.ground;
  await letters.add({ id: 'a', offset: 1 });
  // As they stand before anybody has linked them: the record in one transaction, the claim in another.
  const [record] = await database.query('delete from letter_record returning *');
  const [claim] = await database.query('delete from rejected_run returning *');
  await database.query('delete from dead_letter');
  const range = { topic: `dlq.${letters.topic}`, partition: 0, from: 1, to: 2 };

  const bothAdded = Promise.withResolvers<void>();
  let added = 0;
  const add = (table: string, row: object): Promise<void> =>
    database.transaction(async (tx) => {
      await tx.query(`insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`, [
        JSON.stringify({ ...row, ...('key' in row ? { dead_letter: null, key: null, value: null } : {}) }),
      ]);
      if (++added === 2) bothAdded.resolve();
      await bothAdded.promise;
      await linkRange(tx, range);
    });
  await Promise.all([add('letter_record', record!), add('rejected_run', claim!)]);
  assert.deepEqual(await database.query('select record_id, attempts from dead_letter'), [
    { record_id: 'a', attempts: 1 },
  ]);
});

test('new dead letters are linked as fast behind many thousands of others', { skip: noServers }, async (t) => {
  await using letters = await Letters.open();
  const { database } = letters.ground;
  const topic = `dlq.${letters.topic}`;
  const [before, fresh] = [200_000, 1_000];
  await database.query(
    `insert into rejected_run
     select $1, 0, n, n + 1, 'f', 'judge', $2, 0, n, now() from generate_series(0, $3::integer) n`,
    [topic, letters.topic, before + fresh - 1],
  );
  await database.query(
    `insert into letter_record (topic, partition, record_offset, flow, station, record_id, version, revision, code, class,
       fingerprint, message, deliveries, first_at, last_at, source_topic, source_partition, source_offset, record_timestamp,
       headers)
     select $1, 0, n, 'f', 'judge', 'r' || n, n, 0, 'TOO_BAD', 'rule', '00000000000000a1', '', 1, now(), now(), $2, 0, n, 0,
       '[]' from generate_series($3::integer, $4::integer) n`,
    [topic, letters.topic, before, before + fresh - 1],
  );
  const begun = performance.now();
  await database.transaction((tx) => linkRange(tx, { topic, partition: 0, from: before, to: before + fresh }));
  const ms = performance.now() - begun;
  t.diagnostic(`${fresh} behind ${before}: ${ms.toFixed(0)} ms`);
  assert.ok(ms < 5_000, `${ms.toFixed(0)} ms`);
  assert.deepEqual(await database.query('select count(*) as n from dead_letter'), [{ n: fresh }]);
});
