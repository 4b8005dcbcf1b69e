import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { DECISIONS_TOPIC, Fault } from '@quadrille/record';
import { connectKafka, createLog, KafkaAdmin, Outlet, OWN_TOPICS } from '@quadrille/station';
import { openDatabase } from '../db/database.ts';
import { untilKnown } from './known.ts';

const { KAFKA_BROKERS, DATABASE_URL } = process.env;
const skip = !(KAFKA_BROKERS && DATABASE_URL) && 'no KAFKA_BROKERS and DATABASE_URL: run `npm test -- PATH`';

test('nothing is decided before all that was decided is in the database', { skip }, async (t) => {
  const schema = `replay_t${randomBytes(4).toString('hex')}`;
  const database = openDatabase(DATABASE_URL!, schema, 2);
  const log = createLog({ station: 'test' }, 'silent');
  const kafka = connectKafka({ brokers: KAFKA_BROKERS!.split(','), clientId: schema, sessionTimeoutMs: 10_000 }, log);
  const admin = new KafkaAdmin(kafka);
  const outlet = new Outlet(kafka);
  t.after(async () => {
    await database.query(`drop schema if exists ${schema} cascade`);
    await Promise.all([database.close(), admin.close(), outlet.close()]);
  });
  await database.query(`create schema ${schema}`);
  await database.query('create table followed (topic text, partition integer, next bigint)');
  await admin.createTopics(OWN_TOPICS, 1);
  // A key without a value decides nothing, in whatever other service reads it.
  const nothing = { key: Buffer.from(`test/${schema}`), value: null, headers: {}, partition: 0, timestamp: '1' };
  await outlet.sendPatiently(new Map([[DECISIONS_TOPIC, new Map([[0, [nothing]]])]]));
  const [bounds] = await admin.bounds(DECISIONS_TOPIC);

  const late = (error: unknown): boolean => error instanceof Fault && error.code === 'DATABASE_UNAVAILABLE';
  await assert.rejects(untilKnown({ admin }, database, 100), late, 'a database that was just made');
  await database.query('insert into followed values ($1, 0, $2)', [DECISIONS_TOPIC, bounds!.high - 1]);
  await assert.rejects(untilKnown({ admin }, database, 100), late, 'one decision is missing');

  let known = false;
  const waiting = untilKnown({ admin }, database).then(() => {
    known = true;
  });
  await database.query('select pg_sleep(0.1)');
  assert.equal(known, false);
  await database.query('update followed set next = $1', [Number.MAX_SAFE_INTEGER]);
  await waiting;
});
