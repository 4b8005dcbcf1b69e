import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { openDatabase } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { createMetrics } from './metrics.ts';
import { lettersByCode, openByStation, openReplays } from './open-letters.ts';

const { DATABASE_URL = '' } = process.env;

test('dead letters and replays as figures; what the database does not say is left out, not wrong', {
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
      { flow: 'f', station: 'judge', oldest: now - 600_000 },
      { flow: 'f', station: 'store', oldest: now },
    ]);
    for (const [number, state] of ['running', 'done'].entries())
      await database.query(
        `insert into replay (id, number, kind, flow, station, destination, state, records, ramp, stop_at, request, reason,
           by_whom, created_at) values ($1, $2, 'replay', 'f', 'judge', 'd', $1, 1, '[]', 0, '{}', '', '', now())`,
        [state, number],
      );
    const live = {
      open: () => openByStation(database),
      letters: () => lettersByCode(database),
      replays: () => openReplays(database),
    };
    const text = await createMetrics({ ...live, leading: () => true, behind: () => 7 }).metrics();
    assert.match(text, /^quadrille_dead_letters_open\{flow="f",station="judge",code="X"\} 2$/m);
    assert.match(text, /^quadrille_dead_letters_open\{flow="f",station="done",code="X"\} 0$/m);
    assert.match(text, /^quadrille_dead_letters_by_state\{flow="f",station="judge",state="resolved"\} 1$/m);
    assert.match(text, /^quadrille_dead_letters_oldest_seconds\{flow="f",station="judge"\} 6\d\d(\.\d+)?$/m);
    assert.doesNotMatch(text, /^quadrille_dead_letters_oldest_seconds\{flow="f",station="done"/m);
    assert.match(text, /^quadrille_replays_open\{flow="f",state="running"\} 1$/m);
    assert.doesNotMatch(text, /^quadrille_replays_open\{[^}]*state="done"/m);
    assert.match(text, /^quadrille_replay_leader 1$/m);
    assert.match(text, /^quadrille_replay_behind_records 7$/m);
    const failing = () => Promise.reject(new Error());
    const none = { open: failing, letters: failing, replays: failing, behind: () => undefined };
    const away = await createMetrics({ ...none, leading: () => false }).metrics();
    assert.doesNotMatch(away, /^quadrille_(dead_letters|replays|replay_behind)\w*[ {]/m);
    assert.match(away, /^quadrille_replay_leader 0$/m);
  } finally {
    await database.query(`drop schema ${schema} cascade`);
    await database.close();
  }
});
