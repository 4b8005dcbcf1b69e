import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { openDatabase } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { createMetrics } from './metrics.ts';
import { openByStation } from './open-letters.ts';

const { DATABASE_URL = '' } = process.env;

test('open dead letters by station with the longest wait, as figures too; settled ones and absent databases are left out', {
  skip: DATABASE_URL === '' && 'no DATABASE_URL: run `npm test -- PATH`',
}, async () => {
  const schema = `replay_t${randomBytes(4).toString('hex')}`;
  const database = openDatabase(DATABASE_URL, schema, 2);
  try {
    await migrate(database, schema);
    const now = Date.now();
    const rows = [
      { id: 'a', station: 'judge', state: 'open', last_at: now - 60_000 },
      { id: 'b', station: 'judge', state: 'corrected', last_at: now - 600_000 },
      { id: 'c', station: 'judge', state: 'resolved', last_at: now - 6_000_000 },
      { id: 'd', station: 'store', state: 'open', last_at: now },
      { id: 'e', station: 'done', state: 'discarded', last_at: now },
    ];
    for (const { id, station, state, last_at } of rows)
      await database.query(
        `insert into dead_letter (id, state, flow, station, topic, revision, code, class, fingerprint, message, attempts,
           first_at, last_at, letter_partition, letter_offset, source_topic, source_partition, source_offset, bytes)
         values ($1, $2, 'f', $3, 't', 0, 'X', 'rule', '00', '', 1, $4, $4, 0, 0, 't', 0, 0, 1)`,
        [id, state, station, new Date(last_at)],
      );
    const open = (await openByStation(database)).sort((a, b) => (a.station < b.station ? -1 : 1));
    assert.deepEqual(open, [
      { flow: 'f', station: 'judge', letters: 2, oldest: now - 600_000 },
      { flow: 'f', station: 'store', letters: 1, oldest: now },
    ]);
    const metrics = createMetrics({ open: () => openByStation(database), leading: () => true });
    const text = await metrics.metrics();
    assert.match(text, /^quadrille_dead_letters_open\{flow="f",station="judge"\} 2$/m);
    assert.match(text, /^quadrille_dead_letters_oldest_seconds\{flow="f",station="judge"\} 6\d\d(\.\d+)?$/m);
    assert.match(text, /^quadrille_replay_leader 1$/m);
    const away = await createMetrics({ open: () => Promise.reject(new Error()), leading: () => false }).metrics();
    assert.doesNotMatch(away, /^quadrille_dead_letters_open\{/m);
    assert.match(away, /^quadrille_replay_leader 0$/m);
  } finally {
    await database.query(`drop schema ${schema} cascade`);
    await database.close();
  }
});
