/** What the target `sqs` puts into a message, and what it makes of queues that are not there. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type ElasticMq, noElasticMq, startElasticMq } from '@quadrille/devstack';
import { type Target, targetTypes } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { row, schema } from '../conformance/target-sample.ts';
import { queueName } from '../harness/queue-name.ts';

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

const targetOf = (env: Record<string, string>): Target =>
  targetTypes.sqs!.create(
    { address: 'QUEUE', region: 'elasticmq' },
    {
      flow: 'f',
      station: 's',
      folder: '.',
      schema: schema.type,
      fields: schema.fields,
      env: { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', ...env },
    },
  );

test('a message: who it is in body and attributes; group by id, deduplication by id, version and content', {
  skip,
}, async () => {
  const name = queueName(true);
  await client.send(new CreateQueueCommand({ QueueName: name, Attributes: { FifoQueue: 'true' } }));
  const target = targetOf({ QUEUE: server.queueUrl(name) });
  try {
    await target.open();
    const strange = row({ id: 'ünï \n', version: 7, revision: 2, text: '\u0000\ufffe\uffff' });
    const rows = [strange, row({ id: 'plain/1', offset: 1, text: null }), strange, { ...strange, revision: 3 }];
    assert.deepEqual(await target.write(rows), Array(4).fill('written'));
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: server.queueUrl(name),
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    const found = Messages.map(({ Body = '', MessageAttributes = {}, Attributes = {} }) => ({
      body: JSON.parse(Body),
      attributes: Object.fromEntries(
        Object.entries(MessageAttributes).map(([key, { StringValue }]) => [key, StringValue]),
      ),
      group: Attributes.MessageGroupId,
      id: Attributes.MessageDeduplicationId,
    }));
    const [plain] = found.filter(({ group }) => group === 'plain/1');
    assert.deepEqual(plain?.body, { id: 'plain/1', version: '1', revision: 0, deleted: true, value: null });
    assert.deepEqual(plain?.attributes, { version: '1', revision: '0', deleted: 'true' });
    const others = found.filter((each) => each !== plain);
    assert.deepEqual(
      others.map(({ body }) => body.revision),
      [2, 3],
      'the same again is left out by the queue',
    );
    assert.deepEqual(others[0]?.body.value, { text: '\u0000\ufffe\uffff', amount: 1 });
    assert.match(others[0]?.group ?? '', /^[0-9a-f]{64}$/);
    assert.equal(new Set(found.map(({ id }) => id)).size, 3);
  } finally {
    await target.close();
  }
});

test('no queue of that name, no URL, nobody there', { skip }, async () => {
  const fails = async (env: Record<string, string>, code: string): Promise<void> => {
    await assert.rejects(
      async () => {
        const target = targetOf(env);
        try {
          await target.open();
        } finally {
          await target.close();
        }
      },
      (error) => error instanceof Fault && error.code === code,
      code,
    );
  };
  await fails({ QUEUE: server.queueUrl('absent') }, 'CONFIG_INVALID');
  await fails({}, 'CONFIG_INVALID');
  await fails({ QUEUE: 'my-queue' }, 'CONFIG_INVALID');
  await fails({ QUEUE: 'http://127.0.0.1:1/000000000000/x' }, 'TARGET_UNAVAILABLE');
});
