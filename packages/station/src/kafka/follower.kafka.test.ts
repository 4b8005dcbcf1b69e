import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../log.ts';
import { KafkaAdmin } from './admin.ts';
import { BareClient, brokers, noBroker } from './bare-client.ts';
import { connectKafka } from './client.ts';
import { readTopic } from './follower.ts';

test('a record that cannot be read ends the reading with its fault; the client would come back to it for ever', {
  skip: noBroker,
  timeout: 60_000,
}, async () => {
  await using bare = await BareClient.open(1);
  await bare.send(0, 'a', 'b', 'c');
  const settings = { brokers: (brokers ?? '').split(','), clientId: 'test', sessionTimeoutMs: 10_000 };
  const kafka = connectKafka(settings, createLog({ station: 'test' }, 'silent'));
  const admin = new KafkaAdmin(kafka);
  bare.closing(() => admin.close());
  const seen: string[] = [];
  await readTopic(kafka, admin, [bare.topic], (_topic, _partition, messages) => {
    for (const { value } of messages) seen.push(String(value));
  });
  assert.deepEqual(seen, ['a', 'b', 'c']);
  let times = 0;
  await assert.rejects(
    readTopic(kafka, admin, [bare.topic], () => {
      times++;
      throw new Error('no entry of ours');
    }),
    { code: 'DECODE_FAILED', message: /no entry of ours/, place: `${bare.topic}/0` },
  );
  assert.equal(times, 1);
});
