import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { DLQ, FAULT, HEADER, packHeader } from '@quadrille/record';
import { type Database, openDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { takeLetters } from '../follow/dead-letters.ts';
import { deadLetterId, type KafkaRecord, letterRow } from '../follow/letter-row.ts';
import { letterApplies } from './apply.ts';
import { linkRange } from './link.ts';

const { DATABASE_URL = '' } = process.env;
const TOPIC = 'dlq.f.in';
const START = Date.parse('2026-05-01T12:00:00Z');

/** A dead letter at an offset; what fails first has revision 0. */
function letter(offset: number, id: string, revision = 0, code = `CODE_${revision}`): KafkaRecord {
  const key = Buffer.from(id);
  const replay = revision === 0 ? {} : { replay: `f-${revision}` };
  const moment = (at: number): string => new Date(START + at * 1_000).toISOString();
  return {
    offset: String(offset),
    timestamp: String(START),
    key,
    value: Buffer.from([offset]),
    headers: {
      [HEADER]: packHeader({ id, version: 1n, revision, extractedAt: START, from: undefined, ...replay }, true),
      [`${DLQ}topic`]: 'f.in',
      [`${DLQ}partition`]: '0',
      [`${DLQ}offset`]: '7',
      [`${DLQ}group`]: 'f.judge',
      [`${FAULT}code`]: code,
      [`${FAULT}fingerprint`]: '00',
      [`${FAULT}first`]: moment(0),
      [`${FAULT}last`]: moment(revision),
    },
  };
}

describe('dead letters of claimed records', {
  skip: DATABASE_URL === '' && 'no DATABASE_URL: run `npm test -- PATH`',
}, () => {
  const schema = `replay_t${randomBytes(4).toString('hex')}`;
  let database: Database;
  before(async () => {
    database = openDatabase(DATABASE_URL, schema, 2);
    await migrate(database, schema);
  });
  beforeEach(() => database.query('truncate letter_record, rejected_run, dead_letter, letter_group, letter_hour'));
  after(async () => {
    await database.query(`drop schema ${schema} cascade`);
    await database.close();
  });

  const take = (...records: KafkaRecord[]): Promise<number> =>
    database.transaction((tx) => takeLetters(tx, TOPIC, 0, records));
  const claim = (from: number, to = from + 1): Promise<void> =>
    database.transaction(async (tx) => {
      await tx.query(
        `insert into rejected_run values ($1, 0, $2, $3, 'f', 'judge', 'f.in', 0, 7, now()) on conflict do nothing`,
        [TOPIC, from, to],
      );
      await linkRange(tx, { topic: TOPIC, partition: 0, from, to });
    });
  const letters = (): Promise<object[]> =>
    database.query(
      `select record_id, state, attempts, revision, code, letter_offset, first_at, last_at from dead_letter order by record_id`,
    );
  const seen = async (): Promise<string[]> =>
    (
      await database.query<{ text: string }>(
        `select record_id || ' ' || state || ' ' || attempts || ' ' || code || ' @' || letter_offset as text
       from dead_letter order by record_id`,
      )
    ).map(({ text }) => text);

  test('record and claim come in either order; what nobody claims is none', async () => {
    await take(letter(0, 'a'), letter(1, 'unclaimed'));
    assert.deepEqual(await seen(), []);
    await claim(0);
    await claim(2, 5);
    assert.deepEqual(await seen(), ['a open 1 CODE_0 @0']);
    await take(letter(2, 'b'), letter(4, 'c'), letter(5, 'beyond'));
    assert.deepEqual(await seen(), ['a open 1 CODE_0 @0', 'b open 1 CODE_0 @2', 'c open 1 CODE_0 @4']);
    assert.deepEqual(await database.query('select code, state, letters from letter_group'), [
      { code: 'CODE_0', state: 'open', letters: 3 },
    ]);
  });

  test('delivered twice, or claimed twice, it is the same', async () => {
    await claim(0);
    for (let i = 0; i < 2; i++) await take(letter(0, 'a'));
    await claim(0);
    assert.deepEqual(await seen(), ['a open 1 CODE_0 @0']);
  });

  test('the same record again, unchanged: another occurrence, and what was resolved stays so', async () => {
    await claim(0, 2);
    await take(letter(0, 'a'));
    await database.query(`update dead_letter set state = 'resolved', resolved_verdict = 'pass'`);
    await take(letter(1, 'a', 0, 'OTHER'));
    assert.deepEqual(await seen(), ['a resolved 1 CODE_0 @0']);
    const [{ n }] = (await database.query('select count(*) as n from letter_record where dead_letter is not null')) as [
      { n: number },
    ];
    assert.equal(n, 2);
  });

  test('attempts come to the same in whatever order their parts become live', async () => {
    const records = [letter(0, 'a'), letter(1, 'a', 3), letter(2, 'a', 5), letter(3, 'a', 5)];
    const orders = [
      [0, 1, 2, 3],
      [2, 1, 0, 3],
      [1, 3, 0, 2],
      [3, 2, 1, 0],
    ];
    let first: object[] | undefined;
    for (const order of orders) {
      await database.query('truncate letter_record, rejected_run, dead_letter, letter_group, letter_hour');
      await take(...records);
      for (const offset of order) await claim(offset);
      const [row] = (await letters()) as [{ letter_offset?: number }];
      // Of two occurrences of one attempt the one that was claimed first tells the place.
      delete row.letter_offset;
      first ??= [row];
      assert.deepEqual([row], first, order.join());
    }
    assert.deepEqual(first, [
      {
        record_id: 'a',
        state: 'open',
        attempts: 3,
        revision: 5,
        code: 'CODE_5',
        first_at: new Date(START),
        last_at: new Date(START + 5_000),
      },
    ]);
  });

  test('many attempts in one batch are one dead letter', async () => {
    await claim(0, 10);
    await take(
      letter(0, 'a'),
      letter(1, 'b'),
      letter(2, 'a', 2),
      letter(3, 'a', 1),
      letter(4, 'b', 4),
      letter(5, 'a', 3),
    );
    assert.deepEqual(await seen(), ['a open 4 CODE_3 @5', 'b open 2 CODE_4 @4']);
  });

  test('what was decided before a dead letter was known holds once it is', async () => {
    const of = letterRow(TOPIC, 0, letter(0, 'a'));
    assert.ok(of);
    const id = deadLetterId(of);
    await database.transaction((tx) =>
      letterApplies.discard!(tx, {
        kind: 'discard',
        id,
        at: START,
        by: 'somebody',
        reason: 'no use',
        body: JSON.stringify({ letter: id, state: 'discarded' }),
        bytes: null,
      }),
    );
    await take(letter(0, 'a'), letter(1, 'b'));
    await claim(0, 2);
    assert.deepEqual(await seen(), ['a discarded 1 CODE_0 @0', 'b open 1 CODE_0 @1']);
  });
});
