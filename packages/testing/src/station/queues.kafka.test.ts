/**
 * Queues into a table, by real processes: the extractor is killed where it hurts and in the midst of its work, and nothing
 * is lost, nothing twice in the target. Long form: QUEUE_ITEMS=100000.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type ElasticMq, noElasticMq, startElasticMq } from '@quadrille/devstack';
import { deadLetterTopic, FAULT } from '@quadrille/record';
import {
  assertBalanced,
  dropTable,
  type FlowFixture,
  flowFixture,
  guardAgainstLeaks,
  noServers,
  records,
  rows,
  type StationProcess,
  startStation,
  until,
} from '../harness/index.ts';
import { queueName } from '../harness/queue-name.ts';
import { sendAll } from '../sources/queue.ts';
import { TopicOfOthers } from '../sources/topic-of-others.ts';

guardAgainstLeaks();

const ITEMS = Number(process.env.QUEUE_ITEMS ?? 2_000);
const DYING = fileURLToPath(new URL('dying-extractor.ts', import.meta.url));
const skipQueue = noServers || (noElasticMq() ?? false);
let server: ElasticMq;
let client: SQSClient;

before(async () => {
  if (skipQueue !== false) return;
  server = await startElasticMq();
  client = new SQSClient(server.client);
});
after(async () => {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

const READ = {
  type: 'record',
  name: 'Read',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'int' },
  ],
};

async function flowOf(extractor: string, mode: 'append' | 'upsert'): Promise<FlowFixture> {
  const flow = await flowFixture({
    files: {
      'flow.yaml': `flow: FLOW
topics: { FLOW.read: { partitions: 3 } }
stations:
  read: { extractor: ${extractor}, to: FLOW.read, round: { records: 100 } }
  store: { loader: { type: postgres, table: FLOW_rows, mode: ${mode} }, from: FLOW.read }
`,
    },
    schemas: { 'FLOW.read': READ },
  });
  flow.atEnd(() => dropTable(flow, flow.text('FLOW_rows')));
  return flow;
}

/** Killed when records are sent and not written down, when they are written down and not committed, and at any moment. */
async function killed(flow: FlowFixture, env: Record<string, string>): Promise<void> {
  for (const die of ['before-ledger:2', 'before-commit:3']) {
    const dying = await startStation(flow, 'read', { ...env, DIE: die }, DYING);
    assert.equal((await dying.exited).signal, 'SIGKILL', die);
  }
  const station = await startStation(flow, 'read', env);
  await station.until(({ totals }) => totals.received > 0);
  await station.kill();
}

const tableOf = (flow: FlowFixture) => rows(flow, flow.text('FLOW_rows'));

/** Every item stands once, in a table that has a row for every version. */
async function everyItemOnce(flow: FlowFixture, read: StationProcess): Promise<void> {
  await read.until(({ exhausted }) => exhausted === true);
  await until('all is in the table', async () => (await tableOf(flow)).length >= ITEMS, 60_000);
  await until('balanced', async () => (await assertBalanced(flow)).drained);
  const table = await tableOf(flow);
  assert.equal(table.length, ITEMS);
  assert.equal(new Set(table.map(({ id }) => id)).size, ITEMS);
}

test('a topic of another cluster: the extractor is killed in the midst of it, nothing is lost, nothing twice in the table', {
  skip: noServers,
  timeout: 120_000,
}, async () => {
  await using flow = await flowOf('{ type: kafka, cluster: OTHER, topic: FLOW-others }', 'append');
  const topic = await TopicOfOthers.create(3, flow.text('FLOW-others'));
  flow.atEnd(() => topic[Symbol.asyncDispose]());
  for (const partition of [0, 1, 2]) {
    const numbers = Array.from({ length: ITEMS }, (_, n) => n).filter((n) => n % 3 === partition);
    const messages = numbers.map(async (n) => ({ key: `r${n}`, value: await topic.avro(READ, { id: `r${n}`, n }) }));
    await topic.send(partition, await Promise.all(messages));
  }
  await using _store = await startStation(flow, 'store');
  await killed(flow, topic.env);
  await using read = await startStation(flow, 'read', topic.env);
  await everyItemOnce(flow, read);
});

const queueEnv = (name: string): Record<string, string> => ({
  QUEUE: server.queueUrl(name),
  AWS_REGION: 'elasticmq',
  AWS_ACCESS_KEY_ID: 'x',
  AWS_SECRET_ACCESS_KEY: 'x',
});

async function emptied(name: string): Promise<void> {
  await until('the queue is empty', async () => {
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: server.queueUrl(name), AttributeNames: ['All'] }),
    );
    return Attributes.ApproximateNumberOfMessages === '0' && Attributes.ApproximateNumberOfMessagesNotVisible === '0';
  });
}

test('a queue: the extractor is killed with messages in work, nothing is lost, nothing twice in the table', {
  skip: skipQueue,
  timeout: 120_000,
}, async () => {
  await using flow = await flowOf('{ type: sqs, address: QUEUE, visibilitySeconds: 2 }', 'append');
  const name = queueName(false);
  await client.send(new CreateQueueCommand({ QueueName: name }));
  const bodies = Array.from({ length: ITEMS }, (_, n) => JSON.stringify({ id: `r${n}`, n }));
  await sendAll(client, server.queueUrl(name), [...bodies, 'not JSON']);
  await using _store = await startStation(flow, 'store');
  await killed(flow, queueEnv(name));
  await using read = await startStation(flow, 'read', queueEnv(name));
  await everyItemOnce(flow, read);
  await emptied(name);
  const dead = await records(flow, deadLetterTopic('FLOW.read'));
  assert.ok(dead.length > 0);
  for (const { headers, value } of dead)
    assert.deepEqual([String(headers[`${FAULT}code`]), String(value)], ['ROW_MALFORMED', 'not JSON']);
});

test('a FIFO queue read by two instances, one of them killed: of every id the last message stands in the table', {
  skip: skipQueue,
  timeout: 120_000,
}, async () => {
  await using flow = await flowOf('{ type: sqs, address: QUEUE, visibilitySeconds: 2, id: "{id}" }', 'upsert');
  const name = queueName(true);
  await client.send(new CreateQueueCommand({ QueueName: name, Attributes: { FifoQueue: 'true' } }));
  const groups = 30;
  const count = Math.ceil(ITEMS / 4 / groups) * groups;
  const bodies = Array.from({ length: count }, (_, n) => JSON.stringify({ id: `g${n % groups}`, n }));
  await sendAll(client, server.queueUrl(name), bodies, (n) => `g${n % groups}`);
  await using _store = await startStation(flow, 'store');
  const one = await startStation(flow, 'read', queueEnv(name));
  await using _two = await startStation(flow, 'read', queueEnv(name));
  await one.until(({ totals }) => totals.received > 0);
  await one.kill();
  await emptied(name);
  await until('balanced', async () => (await assertBalanced(flow)).drained, 60_000);
  const table = await tableOf(flow);
  const last = Array.from({ length: groups }, (_, g) => [`g${g}`, count - groups + g]);
  assert.deepEqual(table.map(({ id, n }) => [id, n]).sort(), last.sort());
});
