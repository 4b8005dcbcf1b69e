import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chains } from './chains.ts';
import { BareClient, brokers, eventually, noBroker } from './kafka/bare-client.ts';
import { connectKafka, KafkaAdmin } from './kafka/index.ts';
import type { Consumer } from './kafka/types.ts';
import { createLog } from './log.ts';
import type { Round } from './round.ts';
import { TopicIntake } from './topic-intake.ts';

const SESSION_TIMEOUT_MS = 6_000;

/** A member of the group that, once it has records, never answers again: the group waits for the end of its session. */
async function deafMember(bare: BareClient): Promise<Consumer> {
  const consumer = bare.kafka.consumer({
    groupId: bare.group,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: 200,
  });
  let wake: () => void = () => {};
  const asleep = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let deaf = false;
  bare.closing(() => {
    wake();
    return consumer.disconnect();
  });
  await consumer.connect();
  await consumer.subscribe({ topic: bare.topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: () => {
      deaf = true;
      return asleep;
    },
  });
  await eventually(() => deaf);
  return consumer;
}

test('while the group waits for a member that is gone, nothing is taken behind a round that is void', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(2);
  const values = Array.from({ length: 100 }, (_, i) => `v${i}`);
  for (const partition of [0, 1]) await bare.send(partition, ...values);
  const log = createLog({ station: 'test' }, 'silent');
  const kafka = connectKafka(
    { brokers: (brokers ?? '').split(','), clientId: 'test', sessionTimeoutMs: SESSION_TIMEOUT_MS },
    log,
  );
  const admin = new KafkaAdmin(kafka);
  bare.closing(() => admin.close());
  const intake = new TopicIntake(kafka, {
    group: bare.group,
    topic: bare.topic,
    start: 'earliest',
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    limits: { records: 10, bytes: 1_000_000 },
    chains: new Chains({ admin, group: bare.group, start: 'earliest', readParts: async () => [] }),
    log,
    onRebalance: () => {},
    onStuck: assert.fail,
    onDead: assert.fail,
  });
  bare.closing(() => intake.stop());
  await intake.start();
  await deafMember(bare);
  await eventually(() => intake.owned().length === 1);
  const before = (await intake.take()) as Round;

  const third = bare.kafka.consumer({ groupId: bare.group, sessionTimeout: SESSION_TIMEOUT_MS });
  bare.closing(() => third.disconnect());
  await third.connect();
  await third.subscribe({ topic: bare.topic, fromBeginning: true });
  const joined = third.run({ autoCommit: false, eachBatch: async () => {} });
  await eventually(() => intake.epoch > before.epoch);

  // Nothing was committed: whoever takes up the partition begins where the void round began.
  const after = (await intake.take()) as Round;
  assert.deepEqual(
    after.slices.map(({ from }) => from),
    [0],
  );
  assert.equal(after.epoch, intake.epoch);
  await joined;
});
