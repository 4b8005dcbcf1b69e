/** The short form of `npm run copy`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noLogicalReplication } from '../conformance/logical-replication.ts';
import { guardAgainstLeaks, noServers } from '../harness/index.ts';
import { copy } from './copy.ts';
import { WAYS } from './ways.ts';

guardAgainstLeaks();

for (const way of Object.values(WAYS)) {
  const skip = noServers || (way.type === 'postgres-replication' && ((await noLogicalReplication()) ?? false));
  test(`${way.type}: a table under four writers, its extractor killed twice: the copy is the table`, {
    skip,
    // A slot waits for every transaction of the server that runs when it is made.
    timeout: 280_000,
  }, async (t) => {
    const result = await copy({ way, rows: 4_000, writers: 4, kills: 2 });
    assert.deepEqual([result.kills, result.differences, result.unaccounted], [2, 0, 0]);
    t.diagnostic(JSON.stringify(result));
  });
}
