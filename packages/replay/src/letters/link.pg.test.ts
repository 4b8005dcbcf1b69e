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
