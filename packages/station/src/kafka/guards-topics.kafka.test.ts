/** Defects of kafkajs 2.2.4 around topics that are deleted, shown bare, then behind our guard. See docs/explanation/kafkajs.md. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createLog } from '../log.ts';
import { KafkaAdmin } from './admin.ts';
import { brokers, noBroker } from './bare-client.ts';
import { connectKafka } from './client.ts';
import { Outlet } from './producer.ts';

const silent = createLog({ station: 'test' }, 'silent');
const named = (): string => `guards-${randomBytes(4).toString('hex')}`;
const outbox = (topic: string) => {
  const message = { key: null, value: Buffer.from('x'), headers: {}, partition: 0, timestamp: String(Date.now()) };
  return new Map([[topic, new Map([[0, [message]]])]]);
};

test('a topic that is deleted spoils no client for the others', { skip: noBroker, timeout: 60_000 }, async (t) => {
  const settings = { brokers: (brokers ?? '').split(','), clientId: 'test', sessionTimeoutMs: 10_000 };
  const kafka = connectKafka(settings, silent);
  const [gone, kept, next] = [named(), named(), named()];
  const others = new KafkaAdmin(kafka);
  const admin = new KafkaAdmin(kafka);
  const bare = kafka.admin({ retry: { initialRetryTime: 50, retries: 2 } });
  const outlet = new Outlet(kafka);
  t.after(async () => {
    await others.deleteTopics([kept, next]);
    await Promise.all([others.close(), admin.close(), outlet.close(), bare.disconnect()]);
  });
  const spec = { partitions: 1, config: {} };
  await others.createTopics(
    [gone, kept].map((topic) => ({ topic, ...spec })),
    1,
  );
  for (const topic of [gone, kept]) {
    await bare.fetchTopicOffsets(topic);
    await admin.bounds(topic);
    await outlet.sendPatiently(outbox(topic));
  }

  await others.deleteTopics([gone]);
  await others.createTopics([{ topic: next, ...spec }], 1);
  await assert.rejects(bare.fetchTopicOffsets(next), 'bare: nothing new can be asked for');
  assert.deepEqual(await admin.bounds(next), [{ low: 0, high: 0 }]);
  assert.deepEqual(await admin.bounds(kept), [{ low: 0, high: 1 }]);
  await outlet.sendPatiently(outbox(next));
  assert.deepEqual(await admin.bounds(next), [{ low: 0, high: 1 }]);
  await assert.rejects(admin.bounds(gone), 'what is not there is told');
});
