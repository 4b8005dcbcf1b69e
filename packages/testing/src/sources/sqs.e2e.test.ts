/** The source `sqs`: groups in order, messages held while they are in work, what fails to be deleted, queues that are not there. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type ElasticMq, noElasticMq, startElasticMq } from '@quadrille/devstack';
import { type RawItem, type Source, type SourceContext, type SourcePosition, sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { Fault } from '@quadrille/record';
import { readAll, readShard } from '../conformance/source-sample.ts';
import { queueName } from '../harness/queue-name.ts';
import { until } from '../harness/until.ts';
import { sendAll } from './queue.ts';

const skip = noElasticMq();
let server: ElasticMq;
let client: SQSClient;

before(async () => {
  if (skip !== undefined) return;
  server = await startElasticMq();
  client = new SQSClient(server.client);
});
after(async () => {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

async function queueOf(isFifo: boolean, attributes: Record<string, string> = {}): Promise<string> {
  const name = queueName(isFifo);
  const Attributes = { ...attributes, ...(isFifo && { FifoQueue: 'true' }) };
  await client.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  return name;
}

function sourceOf(t: TestContext, url: string, config: object = {}, more: Partial<SourceContext> = {}): Source {
  const env = { QUEUE: url, AWS_REGION: 'elasticmq', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' };
  const source = sourceTypes.sqs!.create(
    { address: 'QUEUE', readers: 1, ...config },
    sourceContext('.', ['group', 'n'], { env, ...more }),
  );
  t.after(() => source.close!());
  return source;
}
const left = async (name: string): Promise<[waiting: string, inWork: string]> => {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: server.queueUrl(name), AttributeNames: ['All'] }),
  );
  return [Attributes.ApproximateNumberOfMessages ?? '', Attributes.ApproximateNumberOfMessagesNotVisible ?? ''];
};
const fieldsOf = (item: RawItem): Record<string, unknown> => ('fields' in item ? item.fields : {});
const code = (wanted: string) => (error: unknown) => error instanceof Fault && error.code === wanted;

test('two readers of a FIFO queue: a group is with one of them at a time, and stays in order', { skip }, async (t) => {
  const name = await queueOf(true);
  const groups = 4;
  const bodies = Array.from({ length: 48 }, (_, n) => JSON.stringify({ group: `g${n % groups}`, n }));
  await sendAll(client, server.queueUrl(name), bodies, (n) => `g${n % groups}`);
  const source = sourceOf(t, server.queueUrl(name), { readers: 2 });
  assert.deepEqual(
    (await source.shards()).map((shard) => shard.name),
    [`${name}-0`, `${name}-1`],
  );
  const seen: { group: string; n: number; version: bigint; key: string | undefined }[] = [];
  const working = new Map<string, string>();
  const drain = async (shard: string): Promise<void> => {
    const reader = await source.open({ name: shard }, undefined);
    for (;;) {
      const { items, next, caughtUp } = await reader.read(7);
      if (items.length === 0 && caughtUp) break;
      for (const item of items) {
        const { group, n } = fieldsOf(item) as { group: string; n: number };
        assert.equal(working.get(group) ?? shard, shard, `${group} is with two readers`);
        working.set(group, shard);
        seen.push({ group, n, version: BigInt(item.version!), key: item.key });
      }
      await new Promise((resolve) => setImmediate(resolve));
      for (const item of items) working.delete(fieldsOf(item).group as string);
      await reader.acknowledge!({ position: next, rejected: new Map() });
    }
    await reader.close();
  };
  await Promise.all([drain(`${name}-0`), drain(`${name}-1`)]);
  assert.equal(seen.length, bodies.length);
  for (const [group, of] of Map.groupBy(seen, (each) => each.group)) {
    assert.deepEqual(
      of.map(({ n }) => n),
      of.map(({ n }) => n).sort((a, b) => a - b),
      `${group} is out of order`,
    );
    assert.ok(of.every(({ key }) => key === group));
    assert.ok(of.every(({ version }, i) => i === 0 || version >= of[i - 1]!.version));
  }
  assert.deepEqual(await left(name), ['0', '0']);
});

test('what is in work longer than it is hidden stays hidden; of a reader that is gone it comes again, and is counted', {
  skip,
}, async (t) => {
  const name = await queueOf(false);
  const bodies = Array.from({ length: 12 }, (_, n) => JSON.stringify({ n }));
  await sendAll(client, server.queueUrl(name), bodies);
  const counted: number[] = [];
  const redelivered = (_: string, items: number): void => void counted.push(items);
  const source = sourceOf(t, server.queueUrl(name), { visibilitySeconds: 2 }, { redelivered });
  const [shard] = await source.shards();
  const reader = await source.open(shard!, undefined);
  const items = await readAll(reader, 100);
  assert.equal(items.length, 12);
  const started = Date.now();
  const other = await source.open(shard!, undefined);
  await until('the time is over', async () => Date.now() - started > 2_500);
  assert.deepEqual((await other.read(10)).items, []);
  assert.deepEqual(counted, []);
  await reader.close();
  const again = await readAll(other, 100);
  const waiting = other.read(10);
  await sendAll(client, server.queueUrl(name), ['{"n":12}']);
  assert.deepEqual((await waiting).items.map(fieldsOf), [{ n: 12 }]);
  const shown = (all: RawItem[]) => all.map(({ place, version }) => `${place} ${version}`).sort();
  assert.deepEqual(shown(again), shown(items));
  assert.equal(
    counted.reduce((sum, n) => sum + n, 0),
    12,
  );
  await other.acknowledge!({ position: { row: 13 }, rejected: new Map() });
  await other.close();
  assert.deepEqual(await left(name), ['0', '0']);
});

test('bad messages are items with a fault, and deleted like others', { skip }, async (t) => {
  const name = await queueOf(false);
  await sendAll(client, server.queueUrl(name), ['{"n":1}', '{"n":', '[2]', 'ünïcode']);
  const source = sourceOf(t, server.queueUrl(name));
  const [shard] = await source.shards();
  const reader = await source.open(shard!, undefined);
  let last: SourcePosition = { row: 0 };
  const items = await readAll(reader, 10, (next) => {
    last = next;
  });
  const bad = items.filter((item) => 'fault' in item);
  assert.deepEqual(bad.map((item) => 'bytes' in item && item.bytes.toString()).sort(), ['[2]', '{"n":', 'ünïcode']);
  assert.ok(bad.every(({ id, version }) => id !== undefined && version !== undefined));
  await reader.acknowledge!({ position: last, rejected: new Map() });
  await reader.close();
  assert.deepEqual(await left(name), ['0', '0']);
});

/** Before the queue: refuses entries of deletions as told, and lets everything else through. */
async function refusing(
  t: TestContext,
  refuse: (handle: string) => boolean,
): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const between = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => /^(x-amz|content-type|authorization)/.test(name)),
    ) as Record<string, string>;
    const { Entries } = JSON.parse(body || '{}') as { Entries?: { Id: string; ReceiptHandle: string }[] };
    const isDeletion = headers['x-amz-target'] === 'AmazonSQS.DeleteMessageBatch';
    const refused = isDeletion && Entries ? Entries.filter(({ ReceiptHandle }) => refuse(ReceiptHandle)) : [];
    if (isDeletion) asked.push(`${Entries?.length}`);
    const passed = Entries?.filter((entry) => !refused.includes(entry));
    const through =
      passed?.length === 0
        ? undefined
        : await fetch(server.url + request.url, {
            method: 'POST',
            headers,
            body: refused.length > 0 ? JSON.stringify({ ...JSON.parse(body), Entries: passed }) : body,
          });
    const answer = through === undefined ? { Successful: [] } : await through.json();
    const Failed = refused.map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError' }));
    response.writeHead(through?.status ?? 200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(refused.length > 0 ? { ...(answer as object), Failed } : answer));
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  t.after(() => between.close());
  return { url: `http://127.0.0.1:${(between.address() as AddressInfo).port}`, asked };
}

test('deletions that fail are tried again; of a group none is deleted before one that could not be', {
  skip,
}, async (t) => {
  const name = await queueOf(true);
  const bodies = Array.from({ length: 8 }, (_, n) => JSON.stringify({ group: n < 4 ? 'a' : 'b', n }));
  await sendAll(client, server.queueUrl(name), bodies, (n) => (n < 4 ? 'a' : 'b'));
  const attempts = new Map<string, number>();
  let mode: 'once' | 'always' = 'once';
  let victim: string | undefined;
  const gate = await refusing(t, (handle) => {
    const count = (attempts.get(handle) ?? 0) + 1;
    attempts.set(handle, count);
    if (mode === 'once') return count === 1;
    victim ??= handle;
    return handle === victim;
  });
  const source = sourceOf(t, server.queueUrl(name).replace(server.url, gate.url));
  const [shard] = await source.shards();
  const reader = await source.open(shard!, undefined);
  const first = await reader.read(8);
  assert.equal(first.items.length, 8);
  // The first two of `a`: each is refused once, and deleted then, one after the other.
  await reader.acknowledge!({ position: { row: 2 }, rejected: new Map() });
  assert.deepEqual([...attempts.values()], [2, 2]);
  assert.deepEqual(gate.asked, ['1', '1', '1', '1']);
  // The third of `a` is refused for good: the fourth must not go before it. All of `b` goes.
  mode = 'always';
  await assert.rejects(
    reader.acknowledge!({ position: { row: 8 }, rejected: new Map() }),
    (error) => code('SOURCE_UNAVAILABLE')(error) && /2 of 6/.test((error as Error).message),
  );
  mode = 'once';
  await reader.close();
  const again = await readShard(source, shard!.name, undefined, 10);
  assert.deepEqual(
    again.map((item) => fieldsOf(item).n),
    [2, 3],
  );
});

test('no queue, nobody who answers, an address that is none; a queue that gives up soon is warned of', {
  skip,
}, async (t) => {
  await assert.rejects(sourceOf(t, server.queueUrl('absent')).shards(), code('CONFIG_INVALID'));
  await assert.rejects(sourceOf(t, 'http://127.0.0.1:1/0/q').shards(), code('SOURCE_UNAVAILABLE'));
  assert.throws(() => sourceOf(t, 'no URL'), code('CONFIG_INVALID'));
  const dead = await queueOf(false);
  const deadLetterTargetArn = `arn:aws:sqs:elasticmq:000000000000:${dead}`;
  const name = await queueOf(false, { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 }) });
  const warned: object[] = [];
  const log = { info: () => {}, warn: (details: object) => void warned.push(details) };
  await sourceOf(t, server.queueUrl(name), {}, { log }).shards();
  assert.deepEqual(warned, [{ queue: name, maxReceiveCount: 2 }]);
});
