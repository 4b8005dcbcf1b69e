/**
 * Defects of kafkajs 2.2.4 that need no broker to be seen. See docs/explanation/kafkajs.md. What the client's code meets
 * here is simulated where a test says so; the code itself is kafkajs's own.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Fault, murmur2, partitionOf } from '@quadrille/record';
import type { Kafka, RecordMetadata } from 'kafkajs';
import type { Log } from '../log.ts';
import type { Outgoing } from '../round.ts';
import { connectKafka } from './client.ts';
import { Outlet, offsetIn } from './producer.ts';

const require = createRequire(import.meta.url);
const createSendMessages = require('kafkajs/src/producer/sendMessages');
const createEosManager = require('kafkajs/src/producer/eosManager');
const createRetry = require('kafkajs/src/retry');
const { KafkaJSProtocolError } = require('kafkajs/src/errors');

const silent = { debug() {}, info() {}, warn() {}, error() {}, namespace: () => silent };
const LEADER_MOVED = () =>
  new KafkaJSProtocolError({ message: 'not leader', type: 'NOT_LEADER_FOR_PARTITION', code: 6, retriable: true });

interface Produced {
  topicData: {
    topic: string;
    partitions: { partition: number; firstSequence: number; messages: { value: string }[] }[];
  }[];
}
interface Broker {
  nodeId: number;
  produce(request: Produced): Promise<object>;
}

/** Stands in for kafkajs's picture of a cluster; leaders by partition, as the test moves them. */
function standIn(brokers: Broker[], leaders: number[]) {
  return {
    refreshMetadataIfNecessary: async () => {},
    refreshMetadata: async () => {},
    addMultipleTargetTopics: async () => {},
    isConnected: () => true,
    findTopicPartitionMetadata: () => leaders.map((leader, partitionId) => ({ partitionId, leader })),
    findLeaderForPartitions: (_: string, partitions: string[]) =>
      Object.groupBy(partitions.map(Number), (partition) => leaders[partition]!),
    findBroker: async ({ nodeId }: { nodeId: string }) => brokers.find((broker) => broker.nodeId === Number(nodeId)),
    findControllerBroker: async () => ({ initProducerId: async () => ({ producerId: 7, producerEpoch: 0 }) }),
  };
}

const answer = (partitions: { partition: number; baseOffset: string }[]) => ({
  topics: [{ topicName: 't', partitions: partitions.map((each) => ({ errorCode: 0, ...each })) }],
});
const byMessage = ({ message }: { message: { partition: number } }) => message.partition;
const noEos = createEosManager({ logger: silent, cluster: {}, transactional: false });

test('send() resolves with records never sent when a leader moves to a broker that has answered; offsetIn does not let it pass', async () => {
  const leaders = [1, 2];
  const seen: number[] = [];
  const brokers: Broker[] = [
    {
      nodeId: 1,
      produce: async ({ topicData }) => {
        const { partitions } = topicData[0]!;
        seen.push(...partitions.map(({ partition }) => partition));
        return answer(partitions.map(({ partition }) => ({ partition, baseOffset: '0' })));
      },
    },
    {
      nodeId: 2,
      produce: async () => {
        leaders[1] = 1;
        throw LEADER_MOVED();
      },
    },
  ];
  const send = (retries: number) =>
    createSendMessages({
      logger: silent,
      cluster: standIn(brokers, leaders),
      partitioner: byMessage,
      eosManager: noEos,
      retrier: createRetry({ retries, initialRetryTime: 1 }),
    })({
      acks: -1,
      topicMessages: [
        {
          topic: 't',
          messages: [
            { value: 'a', partition: 0 },
            { value: 'b', partition: 1 },
          ],
        },
      ],
    });

  const answers: RecordMetadata[] = await send(3);
  assert.deepEqual(seen, [0], 'the record of partition 1 was sent to nobody, and yet send() resolved');
  assert.equal(offsetIn(answers, 't', 0), 0);
  assert.throws(() => offsetIn(answers, 't', 1), { code: 'BROKER_UNAVAILABLE', message: /never answered for/ });

  // Without retries of the client's own it does not come to that.
  leaders[1] = 2;
  await assert.rejects(send(0), { name: 'KafkaJSNumberOfRetriesExceeded' });
});

test('an answer with an error, twice, or for nobody is no answer', () => {
  const good = { topicName: 't', partition: 0, errorCode: 0, baseOffset: '5' };
  assert.equal(offsetIn([good], 't', 0), 5);
  assert.throws(() => offsetIn([good, good], 't', 0), /answered twice/);
  assert.throws(() => offsetIn([{ ...good, errorCode: 7 }], 't', 0), /error 7/);
  assert.throws(() => offsetIn([{ ...good, baseOffset: '-1' }], 't', 0), /error 0/);
  assert.throws(() => offsetIn([{ ...good, topicName: 'u' }], 't', 0), /never answered/);
});

test('the outlet throws all answers away when one is missing, and places all of them anew the next time', async () => {
  const batches: number[][] = [];
  let complete = false;
  const producer = {
    connect: async () => {},
    disconnect: async () => {},
    sendBatch: async ({ topicMessages }: { topicMessages: { messages: Outgoing[] }[] }) => {
      const partitions = topicMessages.flatMap(({ messages }) => messages.map(({ partition }) => partition));
      batches.push(partitions);
      const answered = complete ? partitions : partitions.slice(0, 1);
      return answered.map((partition) => ({
        topicName: 't',
        partition,
        errorCode: 0,
        baseOffset: String(batches.length * 10),
      }));
    },
  };
  const outlet = new Outlet({ producer: () => producer } as unknown as Kafka);
  const message = (partition: number): Outgoing => ({
    key: null,
    value: Buffer.from('x'),
    headers: {},
    partition,
    timestamp: '1',
  });
  const outbox = new Map([
    [
      't',
      new Map([
        [0, [message(0)]],
        [1, [message(1)]],
      ]),
    ],
  ]);
  await assert.rejects(outlet.send(outbox), (error) => error instanceof Fault && error.class === 'dependency');
  complete = true;
  const placement = await outlet.send(outbox);
  assert.deepEqual(batches, [
    [0, 1],
    [0, 1],
  ]);
  assert.deepEqual(
    [...placement.get('t')!.values()],
    [[{ index: 0, count: 1, offset: 20 }], [{ index: 0, count: 1, offset: 20 }]],
  );
});

/** A broker's idempotence, simulated: a batch with the sequence of one it has is answered, and not written again. */
class DeduplicatingBroker implements Broker {
  readonly nodeId = 1;
  readonly log: string[] = [];
  readonly #seen = new Set<string>();
  #lost = 1;

  async produce({ topicData }: Produced): Promise<object> {
    const { firstSequence, messages } = topicData[0]!.partitions[0]!;
    const batch = `${firstSequence}+${messages.length}`;
    if (firstSequence < 0 || !this.#seen.has(batch)) this.log.push(...messages.map(({ value }) => value));
    this.#seen.add(batch);
    // The first answer is lost on its way, after the batch was written.
    if (this.#lost-- > 0) throw LEADER_MOVED();
    return answer([{ partition: 0, baseOffset: '0' }]);
  }
}

test('an idempotent producer loses records: a failed send gives its sequence back, and the next send takes it', async () => {
  const run = async (idempotent: boolean): Promise<string[]> => {
    const broker = new DeduplicatingBroker();
    const cluster = standIn([broker], [1]);
    const eosManager = createEosManager({ logger: silent, cluster, transactional: false });
    if (idempotent) await eosManager.initProducerId();
    else eosManager.getSequence = () => -1;
    const retrier = createRetry({ retries: 3, initialRetryTime: 20, factor: 0 });
    const send = createSendMessages({ logger: silent, cluster, partitioner: byMessage, eosManager, retrier });
    const one = (value: string) =>
      send({ acks: -1, topicMessages: [{ topic: 't', messages: [{ value, partition: 0 }] }] });
    await Promise.all([one('first'), one('second')]);
    return broker.log;
  };
  assert.ok(!(await run(true)).includes('second'), 'both sends resolved, and the second record is nowhere');
  // Ours: not idempotent; a duplicate is told by its header, and nothing is missing.
  assert.deepEqual((await run(false)).sort(), ['first', 'first', 'second']);
});

test('grouping a send by partition copies what there is for every message; ours is the same in one pass', () => {
  const file = require.resolve('kafkajs/src/producer/groupMessagesPerPartition');
  const guarded = require(file);
  delete require.cache[file];
  const bare = require(file);
  require.cache[file]!.exports = guarded;
  assert.match(String(bare), /\.\.\.current/);
  assert.notEqual(guarded, bare);
  const messages = Array.from({ length: 1_000 }, (_, n) => ({ partition: (n * 7) % 5, n }));
  const asked = { topic: 't', partitionMetadata: [{}], messages, partitioner: byMessage };
  assert.deepEqual(guarded(asked), bare(asked));
  assert.deepEqual(guarded({ ...asked, partitionMetadata: [] }), {});
});

test('the default partitioner picks anew for a keyless record; ours keeps what the record says, and a key goes where Java puts it', () => {
  const bare = require('kafkajs').Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({ partitionId, leader: 1 }));
  const pick = () => bare({ topic: 't', partitionMetadata, message: { value: 'x' } });
  assert.notEqual(pick(), pick());

  // org.apache.kafka.common.utils.UtilsTest.testMurmur2
  const vectors: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of vectors) {
    assert.equal(murmur2(Buffer.from(key)), hash, key);
    assert.equal(partitionOf(Buffer.from(key), 7), bare({ topic: 't', partitionMetadata, message: { key } }));
  }
});

test('a record without timestamp spoils the maximum of its batch: the last one given is taken; ours is the greatest', async () => {
  const file = require.resolve('kafkajs/src/protocol/requests/produce/v3/request');
  const guarded = require(file);
  delete require.cache[file];
  const bare = require(file);
  require.cache[file]!.exports = guarded;
  const maximum = async (produce: typeof bare, timestamps: (string | undefined)[]): Promise<number> => {
    const messages = timestamps.map((timestamp) => ({ value: Buffer.from('x'), key: null, headers: {}, timestamp }));
    const topicData = [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages }] }];
    const { buffer } = await produce({ acks: -1, timeout: 1, topicData }).encode();
    // Behind the request's own fields: transactional id, acks, timeout, 1 topic, its name, 1 partition, its number, size.
    const batch = 2 + 2 + 4 + 4 + 3 + 4 + 4 + 4;
    return Number(buffer.readBigInt64BE(batch + 35));
  };
  const start = Date.now();
  assert.equal(await maximum(bare, ['1000', undefined]), 1000, 'and yet the second one is stamped with now');
  assert.ok((await maximum(guarded, ['1000', undefined])) >= start);
  assert.equal(await maximum(bare, ['1000', '2000']), 2000);
  assert.equal(await maximum(guarded, ['2000', '1000']), 2000);
});

test('what the client tries again by itself is a warning in our log, its errors stay errors', () => {
  const lines: [string, string][] = [];
  const log = Object.fromEntries(
    ['error', 'warn', 'debug'].map((level) => [level, (_: object, text: string) => lines.push([level, text])]),
  );
  const kafka = connectKafka(
    { brokers: ['127.0.0.1:1'], clientId: 'x', sessionTimeoutMs: 1_000 },
    log as unknown as Log,
  );
  const error = (message: string, extra: object = {}) => kafka.logger().error(message, extra);
  error('Response FindCoordinator(key: 10, version: 1)', { error: 'The group coordinator is not available' });
  error('Crash: KafkaJSNumberOfRetriesExceeded: x');
  error('Connection error: connect ECONNREFUSED');
  error('SASL authentication failed');
  kafka.logger().info('Starting');
  assert.deepEqual(
    lines.map(([level]) => level),
    ['warn', 'warn', 'warn', 'error', 'debug'],
  );
});
