/**
 * Defects of kafkajs 2.2.4 in consuming, each shown bare, then behind our guard. kafkajs.ts changes kafkajs's own
 * prototypes, so it is imported only once the bare ones have been shown: the order of these tests counts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaMessage } from 'kafkajs';
import { createLog } from '../log.ts';
import { BareClient, brokers, eventually, noBroker } from './bare-client.ts';

const silent = createLog({ station: 'test' }, 'silent');

async function ours() {
  const { connectKafka } = await import('./client.ts');
  return connectKafka({ brokers: (brokers ?? '').split(','), clientId: 'test', sessionTimeoutMs: 10_000 }, silent);
}

/** Ten records, the group committed at 2 with metadata, the first five deleted. */
async function behind(bare: BareClient): Promise<void> {
  await bare.send(0, ...'abcdefghij');
  const consumer = bare.kafka.consumer({ groupId: bare.group });
  await consumer.connect();
  await consumer.subscribe({ topic: bare.topic, fromBeginning: true });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.run({ autoCommit: false, eachBatch: async () => {} });
  await joined;
  await consumer.commitOffsets([{ topic: bare.topic, partition: 0, offset: '2', metadata: 'q1:0.1.0:0' }]);
  await consumer.disconnect();
  await bare.admin.fetchTopicOffsets(bare.topic);
  await bare.admin.deleteTopicRecords({ topic: bare.topic, partitions: [{ partition: 0, offset: '5' }] });
}

test('bare: on an offset out of range the group’s position and its metadata are overwritten, and nobody is told', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(1);
  await behind(bare);
  const consumer = bare.kafka.consumer({ groupId: bare.group, maxWaitTimeInMs: 100 });
  bare.closing(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic: bare.topic, fromBeginning: true });
  const first = new Promise<string>((resolve) => {
    void consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => resolve(batch.firstOffset()!) });
  });
  assert.equal(await first, '5', 'records 2 to 4 were skipped without a word');
  const { offset, metadata } = await bare.offsetOf(0);
  assert.ok(Number(offset) < 0);
  assert.ok(!metadata);
});

test('bare: a TypeError in eachBatch ends the consumer for good, while the process lives', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(1);
  await bare.send(0, 'a');
  const consumer = bare.kafka.consumer({
    groupId: bare.group,
    maxWaitTimeInMs: 100,
    retry: { retries: 1, initialRetryTime: 10 },
  });
  bare.closing(() => consumer.disconnect());
  const crash = new Promise<boolean>((resolve) =>
    consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.restart)),
  );
  await consumer.connect();
  await consumer.subscribe({ topic: bare.topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async () => {
      throw new TypeError('a slip in the code');
    },
  });
  assert.equal(await crash, false);
});

test('bare: stop() awaited inside eachBatch waits for itself', { skip: noBroker }, async () => {
  await using bare = await BareClient.open(1);
  await bare.send(0, 'a');
  const consumer = bare.kafka.consumer({ groupId: bare.group, maxWaitTimeInMs: 100 });
  bare.closing(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic: bare.topic, fromBeginning: true });
  let goOn: () => void = () => {};
  const outcome = new Promise<string>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatch: async () => {
        const free = new Promise<string>((late) => {
          goOn = () => late('hangs');
        });
        const stopped = consumer.stop().then(() => 'stopped');
        // A second is what a stop takes at most when it does not wait for this callback.
        const timer = setTimeout(goOn, 1_000);
        resolve(await Promise.race([stopped, free]));
        clearTimeout(timer);
      },
    });
  });
  assert.equal(await outcome, 'hangs');
});

test('guarded: an offset out of range changes nothing that is committed, and the gap is seen', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(1);
  await behind(bare);
  const { Member } = await import('./member.ts');
  const seen: KafkaMessage[] = [];
  const member = new Member(await ours(), {
    group: bare.group,
    topic: bare.topic,
    sessionTimeoutMs: 6_000,
    fetchBytes: 65_536,
    log: silent,
    onAssigned: () => {},
    onRecords: (_, messages) => void seen.push(...messages),
    onDead: () => {},
  });
  bare.closing(() => member.stop());
  await member.start(true);
  await eventually(() => seen.length > 0);
  assert.equal(seen[0]!.offset, '5');
  assert.deepEqual(await bare.offsetOf(0), { partition: 0, offset: '2', metadata: 'q1:0.1.0:0' });
});

test('guarded: a client that will not come back says so, so that the process can end', { skip: noBroker }, async () => {
  await using bare = await BareClient.open(1);
  await bare.send(0, 'a');
  const { Member } = await import('./member.ts');
  const kafka = await ours();
  const dead = await new Promise<string>((resolve) => {
    const member = new Member(kafka, {
      group: bare.group,
      topic: bare.topic,
      sessionTimeoutMs: 6_000,
      fetchBytes: 65_536,
      log: silent,
      onAssigned: () => {},
      // What must never happen: onRecords throws.
      onRecords: () => {
        throw new TypeError('a slip in the code');
      },
      onDead: (fault) => resolve(fault.code),
    });
    bare.closing(() => member.stop());
    void member.start(true);
  });
  assert.equal(dead, 'BROKER_UNAVAILABLE');
});
