/** Defects of kafkajs 2.2.4 and of the group protocol in committing, each shown bare, then behind our guard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Consumer } from 'kafkajs';
import { createLog } from '../log.ts';
import { BareClient, brokers, eventually, noBroker } from './bare-client.ts';
import { connectKafka } from './client.ts';
import { Member } from './member.ts';

const silent = createLog({ station: 'test' }, 'silent');
const ours = () =>
  connectKafka({ brokers: (brokers ?? '').split(','), clientId: 'test', sessionTimeoutMs: 10_000 }, silent);

/** A bare consumer, running; `assigned` is what it was given last. */
async function join(
  bare: BareClient,
  group: string,
  topics: string[],
): Promise<{ consumer: Consumer; assigned: () => Record<string, number[]> }> {
  const consumer = bare.kafka.consumer({
    groupId: group,
    sessionTimeout: 6_000,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
  });
  let assignment: Record<string, number[]> = {};
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assignment = payload.memberAssignment;
  });
  bare.closing(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: async () => {} });
  return { consumer, assigned: () => assignment };
}

/** Our member, and what it was told. */
async function member(bare: BareClient, group: string): Promise<{ member: Member; epochs: number[] }> {
  const epochs: number[] = [];
  const made = new Member(ours(), {
    group,
    topic: bare.topic,
    sessionTimeoutMs: 6_000,
    fetchBytes: 65_536,
    log: silent,
    onAssigned: (epoch) => void epochs.push(epoch),
    onRecords: () => {},
    onDead: () => {},
  });
  bare.closing(() => made.stop());
  await made.start(true);
  return { member: made, epochs };
}

test('the broker accepts the commit of a partition that the member no longer owns; Member compares epochs', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(2);
  const first = await join(bare, bare.group, [bare.topic]);
  await eventually(() => first.assigned()[bare.topic]?.length === 2);
  const second = await join(bare, bare.group, [bare.topic]);
  await eventually(() => second.assigned()[bare.topic]?.length === 1 && first.assigned()[bare.topic]?.length === 1);
  const [lost] = second.assigned()[bare.topic]!;
  await first.consumer.commitOffsets([{ topic: bare.topic, partition: lost!, offset: '99', metadata: 'not mine' }]);
  assert.deepEqual(await bare.offsetOf(lost!), { partition: lost, offset: '99', metadata: 'not mine' });
});

test('Member refuses to commit under an epoch that has passed, before the broker is asked', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(2);
  const one = await member(bare, bare.group);
  await eventually(() => one.member.partitions.length === 2);
  const epoch = one.epochs.at(-1)!;
  assert.equal(
    await one.member.commit(epoch, [
      { partition: 0, offset: 1, metadata: 'q1:0.7.0:0' },
      { partition: 1, offset: 2, metadata: '' },
    ]),
    true,
  );
  // Metadata comes back as it was given.
  assert.deepEqual(await bare.offsetOf(0), { partition: 0, offset: '1', metadata: 'q1:0.7.0:0' });

  const two = await member(bare, bare.group);
  await eventually(() => two.member.partitions.length === 1 && one.member.partitions.length === 1);
  assert.ok(one.member.epoch > epoch);
  const [lost] = two.member.partitions;
  assert.equal(await one.member.commit(epoch, [{ partition: lost!, offset: 99, metadata: '' }]), false);
  assert.notEqual((await bare.offsetOf(lost!)).offset, '99');
  assert.equal(await two.member.commit(two.member.epoch, [{ partition: lost!, offset: 3, metadata: '' }]), true);
});

test('metadata of a commit round-trips up to the 4,096 bytes that brokers take', { skip: noBroker }, async () => {
  await using bare = await BareClient.open(1);
  const { member: one } = await member(bare, bare.group);
  await eventually(() => one.partitions.length === 1);
  const metadata = 'm'.repeat(4_096);
  await one.commit(one.epoch, [{ partition: 0, offset: 1, metadata }]);
  assert.equal((await bare.offsetOf(0)).metadata, metadata);
  await assert.rejects(one.commit(one.epoch, [{ partition: 0, offset: 2, metadata: `${metadata}m` }]), {
    code: 'BROKER_UNAVAILABLE',
  });
});

test('commitOffsetsIfNecessary() commits nothing where no threshold is set', { skip: noBroker }, async () => {
  await using bare = await BareClient.open(1);
  await bare.send(0, 'a', 'b');
  const consumer = bare.kafka.consumer({ groupId: bare.group, maxWaitTimeInMs: 100 });
  bare.closing(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic: bare.topic, fromBeginning: true });
  const done = new Promise<void>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary }) => {
        resolveOffset(batch.lastOffset());
        await commitOffsetsIfNecessary();
        resolve();
      },
    });
  });
  await done;
  assert.equal((await bare.offsetOf(0)).offset, '-1');
});

test('while a member knows one topic and another knows two, the second topic may belong to nobody: why replays have a group of their own', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(2);
  const replays = `${bare.topic}.replays`;
  await bare.create(replays, 2);
  const old = await join(bare, bare.group, [bare.topic]);
  await eventually(() => old.assigned()[bare.topic]?.length === 2);
  const upgraded = await join(bare, bare.group, [bare.topic, replays]);
  // The older member leads the group, and gives away only what it knows.
  await eventually(() => upgraded.assigned()[bare.topic]?.length === 1 && old.assigned()[bare.topic]?.length === 1);
  assert.deepEqual(upgraded.assigned()[replays] ?? [], []);
  assert.deepEqual(old.assigned()[replays] ?? [], []);

  const apart = await join(bare, `${bare.group}.replay`, [replays]);
  await eventually(() => apart.assigned()[replays]?.length === 2);
});
