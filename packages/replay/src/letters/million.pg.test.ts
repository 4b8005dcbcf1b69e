import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Selection } from '../api/index.ts';
import { openByStation } from '../open-letters.ts';
import { Letters, noServers } from './letters.fixture.ts';
import { counts, deadLetters, groups } from './query.ts';

const LETTERS = 1_000_000;
const BATCH = 100_000;
const LIMIT_MS = 1_000;

/** 40 causes at 4 stations, five states, a month of failures. */
const SEED = `
insert into dead_letter (id, state, flow, station, topic, record_id, version, revision, code, class, field, fingerprint,
  message, attempts, first_at, last_at, letter_partition, letter_offset, source_topic, source_partition, source_offset,
  key_text, bytes, settled_at)
select substr(md5(n::text), 1, 12), (array['open', 'open', 'corrected', 'resolved', 'discarded'])[1 + n / 40 % 5], 'f',
  'station-' || n % 4, 'items-' || n % 4, 'r' || n, n, 0, 'CODE_' || n % 40, 'rule', 'field', substr(md5('c' || n % 40), 1, 16),
  'message of ' || n, 1 + n % 3, t, t + interval '1 second', n % 8, n, 'items-' || n % 4, n % 8, n, 'r' || n, 100, t
from (select n, timestamptz '2026-01-01' + n * interval '2.5 seconds' as t from generate_series($1::integer, $2::integer) n) s
on conflict do nothing`;

test('a million dead letters: every list, group and count within a second', {
  skip: noServers,
  timeout: 600_000,
}, async (t) => {
  await using letters = await Letters.open();
  const { ground } = letters;
  const { database } = ground;
  for (let from = 0; from < LETTERS; from += BATCH) await database.query(SEED, [from, from + BATCH - 1]);
  await database.query('analyze dead_letter');
  const total = Object.values(await counts(ground, undefined)).reduce((sum, count) => sum + count, 0);
  // Two ids of a million that begin alike are one.
  assert.ok(total > LETTERS - 10);

  const within = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const begun = performance.now();
    const result = await work();
    const ms = performance.now() - begun;
    t.diagnostic(`${what}: ${ms.toFixed(0)} ms`);
    assert.ok(ms < LIMIT_MS, `${what} took ${ms.toFixed(0)} ms`);
    return result;
  };
  const all = await within('groups', () => groups(ground, {}));
  assert.equal(all.length, 40);
  assert.equal(
    all.reduce((sum, { count }) => sum + count, 0),
    total,
  );
  assert.ok(all.every(({ attempts }) => attempts === 3));
  assert.equal(
    (await within('groups, open, of one station', () => groups(ground, { states: ['open'], station: 'station-1' })))
      .length,
    10,
  );
  await within('counts', () => counts(ground, 'f'));
  assert.equal((await within('open by station', () => openByStation(database))).length, 4);

  const first = all[0]!;
  const cases: [string, Selection][] = [
    ['all', {}],
    ['open', { states: ['open'] }],
    ['open of a station', { states: ['open', 'corrected'], flow: 'f', station: 'station-2' }],
    ['of a group', { group: first.fingerprint }],
    ['of a code', { code: 'CODE_7', states: ['open'] }],
    ['of a topic', { topic: 'dlq.items-3' }],
    ['of a key', { key: 'r777777' }],
    ['of a record', { record: 'r999' }],
    ['of an id, begun', { prefix: 'abcd' }],
    ['of some days', { since: '2026-01-10T00:00:00.000Z', until: '2026-01-11T00:00:00.000Z' }],
    ['of offsets', { topic: 'items-1', partition: 1, offsets: { from: 500_000, to: 500_100 } }],
  ];
  for (const [what, selection] of cases) {
    const page = await within(`list ${what}`, () => deadLetters(ground, selection, { limit: 100, cursor: undefined }));
    assert.ok(page.items.length > 0, what);
    const { cursor } = page;
    if (cursor !== null)
      await within(`list ${what}, page 2`, () => deadLetters(ground, selection, { limit: 100, cursor }));
  }
});
