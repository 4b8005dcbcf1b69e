/** The source `kafka`, and what happens to topics of others: retention, partitions, transactions, compression, outages. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Source, type SourceLag, sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { Fault, Faults } from '@quadrille/record';
import { createLog, topicReader } from '@quadrille/station';
import { readAll, readShard } from '../conformance/source-sample.ts';
import { noServers } from '../harness/servers.ts';
import { until } from '../harness/until.ts';
import { type Message, TopicOfOthers } from './topic-of-others.ts';

const lags = new Map<string, SourceLag | undefined>();

function sourceOf(t: TestContext, topic: string, env: Record<string, string>, config: object = {}): Source {
  const around = { env, clientId: 'test', log: createLog({}, 'silent') };
  const source = sourceTypes.kafka!.create(
    { cluster: 'OTHER', topic, format: 'json', ...config },
    sourceContext('.', ['n'], { lags, topicReader: (options) => topicReader(options, around) }),
  );
  t.after(() => source.close!());
  return source;
}
async function topicOf(
  t: TestContext,
  partitions: number,
  settings: Record<string, string> = {},
): Promise<TopicOfOthers> {
  const topic = await TopicOfOthers.create(partitions, undefined, settings);
  t.after(() => topic[Symbol.asyncDispose]());
  return topic;
}
const numbers = (from: number, count: number, more = ''): Message[] =>
  Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: JSON.stringify({ n: from + i, more }) }));
const code = (wanted: string) => (error: unknown) => error instanceof Fault && error.code === wanted;

test('a cluster that is away, settings that are wrong, no topic, no registry', { skip: noServers }, async (t) => {
  const away = sourceOf(t, 'absent', { OTHER_KAFKA_BROKERS: '127.0.0.1:1' });
  await assert.rejects(away.shards(), code('SOURCE_UNAVAILABLE'));
  assert.throws(
    () => sourceOf(t, 'absent', { OTHER_KAFKA_BROKERS: 'nothing', KAFKA_BROKERS: 'a:1' }),
    (error) => {
      assert.ok(error instanceof Faults);
      return error.faults[0]?.place === 'OTHER_KAFKA_BROKERS';
    },
  );
  const topic = await topicOf(t, 1);
  const { OTHER_SCHEMA_REGISTRY_URL: _, ...without } = topic.env;
  await assert.rejects(sourceOf(t, `${topic.name}-absent`, topic.env).shards(), code('SOURCE_MISSING'));
  await topic.send(0, [{ key: 'a', value: Buffer.from([0, 0, 0, 0, 1, 2]) }]);
  const source = sourceOf(t, topic.name, without, { format: 'avro' });
  await assert.rejects(readShard(source, `${topic.name}-0`, undefined, 10), code('CONFIG_INVALID'));
});

test('records that retention took before they were read are told, whether it is opened or being read', {
  skip: noServers,
}, async (t) => {
  const topic = await topicOf(t, 1);
  const { raw } = topic.clients;
  const shard = `${topic.name}-0`;
  const source = sourceOf(t, topic.name, topic.env);
  const deleteBelow = async (offset: number): Promise<void> => {
    // kafkajs does not look for the leader of a topic that it has not heard of yet.
    await raw.fetchTopicOffsets(topic.name);
    await raw.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 0, offset: String(offset) }] });
  };
  await topic.send(0, numbers(0, 10));
  await deleteBelow(5);
  await assert.rejects(source.open({ name: shard }, { row: 3, offset: 3 }), (error) => {
    assert.ok(error instanceof Fault && error.code === 'SOURCE_CHANGED');
    return /offsets 3 to 4 were deleted/.test(error.message);
  });
  assert.equal((await readShard(source, shard, { row: 5, offset: 5 }, 100)).length, 5);
  // Anew it begins with what is there.
  const reader = await source.open({ name: shard }, undefined);
  assert.deepEqual(
    (await readAll(reader, 2)).map(({ version }) => version),
    [5, 6, 7, 8, 9],
  );
  await reader.close();

  // More than is fetched ahead: what is deleted meanwhile is missed once that is read.
  const large = 'x'.repeat(100_000);
  const records = 100;
  for (let n = 0; n < records; n += 10) await topic.send(0, numbers(10 + n, 10, large));
  const slow = await source.open({ name: shard }, { row: 0, offset: 10 });
  t.after(() => slow.close());
  const first = await slow.read(1);
  assert.equal(first.items.length, 1);
  await until('as much is fetched as may wait', async () => lags.get(shard)?.records === records - 1);
  await deleteBelow(10 + records);
  let read = 1;
  await assert.rejects(async () => {
    for (;;) read += (await slow.read(1_000)).items.length;
  }, code('SOURCE_CHANGED'));
  assert.ok(read > 1 && read < records, `${read} were fetched before`);
});

test('new partitions are new shards, and are read; how far behind each is', { skip: noServers }, async (t) => {
  const topic = await topicOf(t, 1);
  const source = sourceOf(t, topic.name, topic.env);
  await topic.send(0, numbers(0, 3));
  assert.equal((await source.shards()).length, 1);
  assert.equal((await readShard(source, `${topic.name}-0`, undefined, 10)).length, 3);
  await topic.clients.raw.createPartitions({ topicPartitions: [{ topic: topic.name, count: 2 }] });
  await until('it is seen', async () => (await source.shards()).length === 2);
  // One that has sent before does not know the new one, and kafkajs passes over what is for it.
  const producer = topic.clients.kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  t.after(() => producer.disconnect());
  const messages = numbers(3, 4).map((message) => ({ ...message, partition: 1 }));
  await producer.send({ topic: topic.name, acks: -1, messages });
  assert.equal((await readShard(source, `${topic.name}-1`, undefined, 10)).length, 4);
  const reader = await source.open({ name: `${topic.name}-1` }, undefined);
  await until('its lag is told', async () => lags.get(`${topic.name}-1`)?.records === 4);
  await reader.close();
  assert.equal(lags.get(`${topic.name}-1`), undefined);
});

test('of transactions what is committed; the marks behind it do not keep it from having caught up', {
  skip: noServers,
}, async (t) => {
  const topic = await topicOf(t, 1);
  const producer = topic.clients.kafka.producer({
    transactionalId: topic.name,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  t.after(() => producer.disconnect());
  for (const [from, end] of [
    [0, 'commit'],
    [5, 'abort'],
    [10, 'commit'],
    [15, 'abort'],
  ] as const) {
    const transaction = await producer.transaction();
    const messages = numbers(from, 5).map((message) => ({ ...message, partition: 0 }));
    await transaction.send({ topic: topic.name, messages });
    await transaction[end]();
  }
  const source = sourceOf(t, topic.name, topic.env);
  const items = await readShard(source, `${topic.name}-0`, undefined, 4);
  const read = items.map((item) => ('fields' in item ? item.fields.n : undefined));
  assert.deepEqual(read, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
  // Each transaction has a mark of its own.
  assert.deepEqual(
    items.map(({ version }) => version),
    [0, 1, 2, 3, 4, 12, 13, 14, 15, 16],
  );
});

test('records that were compressed, by the broker as by any producer', { skip: noServers }, async (t) => {
  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd']) {
    const topic = await topicOf(t, 1, { 'compression.type': compression });
    const more = Array.from({ length: 40 }, (_, i) => `${i} again and again`).join();
    for (let n = 0; n < 300; n += 100) await topic.send(0, numbers(n, 100, more));
    const items = await readShard(sourceOf(t, topic.name, topic.env), `${topic.name}-0`, undefined, 30);
    assert.deepEqual(
      items.map((item) => ('fields' in item ? [item.fields.n, item.fields.more] : undefined)),
      Array.from({ length: 300 }, (_, i) => [i, more]),
      compression,
    );
  }
});
