/** Defects of kafkajs 2.2.4 in producing, each shown bare, then behind our guard. See docs/explanation/kafkajs.md. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { CompressionTypes, type IHeaders } from 'kafkajs';
import { createLog } from '../log.ts';
import type { Outgoing } from '../round.ts';
import { BareClient, brokers, eventually, noBroker } from './bare-client.ts';
import { connectKafka } from './client.ts';
import { Outlet } from './producer.ts';
import { readRanges } from './ranges.ts';

const silent = createLog({ station: 'test' }, 'silent');
const ours = () =>
  connectKafka({ brokers: (brokers ?? '').split(','), clientId: 'test', sessionTimeoutMs: 10_000 }, silent);

/** Lists the topics in a process of its own, since a warning is printed once a process; its stderr. */
async function listing(guard: string): Promise<string> {
  const script = `
    import kafkajs from 'kafkajs';
    ${guard}
    const admin = new kafkajs.Kafka({ brokers: process.env.KAFKA_BROKERS.split(','), logLevel: 0 }).admin();
    await admin.connect();
    await admin.listTopics();
    await admin.disconnect();`;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return said;
}

test('the request queue arms a negative timer, of which Node warns; guarded it does not', {
  skip: noBroker,
}, async () => {
  const [bare, guarded] = await Promise.all([listing(''), listing(`await import('./client.ts');`)]);
  assert.match(bare, /TimeoutNegativeWarning/);
  assert.equal(guarded, '');
});

const message = (value: string | Buffer, partition = 0): Outgoing => ({
  key: null,
  value: Buffer.from(value),
  headers: {},
  partition,
  timestamp: '1',
});

test('one produce beyond the limit fails for good; the outlet splits by bytes, in order', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(1);
  const messages = Array.from({ length: 2_500 }, (_, n) => message(`${String(n).padStart(5, '0')}${'x'.repeat(545)}`));
  await assert.rejects(bare.producer.send({ topic: bare.topic, messages }), { type: 'MESSAGE_TOO_LARGE' });

  const outlet = new Outlet(ours());
  bare.closing(() => outlet.close());
  const placement = await outlet.send(new Map([[bare.topic, new Map([[0, messages]])]]));
  const placed = placement.get(bare.topic)!.get(0)!;
  assert.ok(placed.length >= 2);
  let next = 0;
  for (const { index, count, offset } of placed) {
    assert.deepEqual([index, offset], [next, next]);
    next += count;
  }
  assert.equal(next, 2_500);
  assert.equal((await bare.admin.fetchTopicOffsets(bare.topic))[0]!.high, '2500');
  assert.equal(outlet.fits(bare.topic, message('x'.repeat(1_100_000))), false);
  assert.equal(outlet.fits(bare.topic, message('x'.repeat(1_000_000))), true);
});

test('what the outlet sends is read as it was, a header that is null too, and what kafkajs has compressed in between', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(1);
  const headers = { none: null, several: [Buffer.from('a'), null] } as unknown as IHeaders;
  const outlet = new Outlet(ours());
  bare.closing(() => outlet.close());
  await outlet.send(new Map([[bare.topic, new Map([[0, [message('plain'), { ...message('x'), headers }]]])]]));
  // Read by kafkajs, since what it compresses it reads by itself; between two that are not.
  await bare.producer.send({
    topic: bare.topic,
    compression: CompressionTypes.GZIP,
    messages: [{ value: 'gzip', partition: 0, headers: { h: 'é' } }],
  });
  await outlet.send(new Map([[bare.topic, new Map([[0, [{ ...message('last'), key: Buffer.from('k') }]]])]]));
  const read: unknown[] = [];
  await readRanges(ours(), [{ topic: bare.topic, partition: 0, from: 0, to: 4 }], (_, __, record) => {
    read.push([record.offset, String(record.key), String(record.value), record.headers]);
  });
  assert.deepEqual(read, [
    ['0', 'null', 'plain', {}],
    ['1', 'null', 'x', headers],
    ['2', 'null', 'gzip', { h: Buffer.from('é') }],
    ['3', 'k', 'last', {}],
  ]);
});

test('producing creates a topic that nobody has asked for; the outlet does not', { skip: noBroker }, async (t) => {
  await using bare = await BareClient.open(1);
  const { resources } = await bare.admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: 4, name: await brokerId(bare), configNames: ['auto.create.topics.enable'] }],
  });
  const allowed = resources[0]?.configEntries[0]?.configValue === 'true';
  t.diagnostic(`the broker ${allowed ? 'creates' : 'does not create'} topics by itself`);
  const outlet = new Outlet(ours());
  bare.closing(() => outlet.close());
  const mistyped = `${bare.topic}-mistyped`;
  await assert.rejects(outlet.send(new Map([[mistyped, new Map([[0, [message('x')]]])]])), {
    code: 'BROKER_UNAVAILABLE',
  });
  assert.ok(!(await bare.admin.listTopics()).includes(mistyped));
  if (!allowed) return;
  const producer = bare.kafka.producer();
  bare.closing(() => producer.disconnect());
  await producer.connect();
  await producer.send({ topic: mistyped, messages: [{ value: 'x' }] });
  await eventually(async () => (await bare.admin.listTopics()).includes(mistyped));
});

async function brokerId(bare: BareClient): Promise<string> {
  return String((await bare.admin.describeCluster()).brokers[0]!.nodeId);
}
