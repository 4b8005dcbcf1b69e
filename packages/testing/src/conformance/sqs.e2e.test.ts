import { after, before } from 'node:test';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type ElasticMq, noElasticMq, startElasticMq } from '@quadrille/devstack';
import { targetTypes } from '@quadrille/flow';
import { queueName } from '../harness/queue-name.ts';
import { Gate } from './gate.ts';
import { targetConformance } from './target.ts';
import type { StoredRow } from './target-sample.ts';

const sqs = targetTypes.sqs!;
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

/** Takes every message out of a queue. */
async function drain(QueueUrl: string, into: StoredRow[]): Promise<StoredRow[]> {
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    for (const { Body = '', MessageId = '', MessageAttributes = {} } of Messages) {
      const { id, version, revision, deleted, value } = JSON.parse(Body);
      if (MessageAttributes.version?.StringValue !== version) throw new Error('attributes and body differ');
      const { text = null, amount = null } = value ?? {};
      into.push({ id, version: BigInt(version), revision, deleted, text, amount, mark: MessageId });
    }
    if (Messages.length > 0) {
      const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
      await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      continue;
    }
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    if (Attributes.ApproximateNumberOfMessages === '0')
      return into.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  }
}

for (const isFifo of [true, false])
  targetConformance({
    name: `sqs, ${isFifo ? 'a FIFO queue' : 'a standard queue'}`,
    features: sqs.features['']!,
    skip,
    lacks: { find: 'a queue is not searched', ...(!isFifo && { order: 'a standard queue keeps no order' }) },
    async prepare(t, { type, fields }) {
      const name = queueName(isFifo);
      await client.send(
        new CreateQueueCommand({ QueueName: name, ...(isFifo && { Attributes: { FifoQueue: 'true' } }) }),
      );
      const gate = new Gate('127.0.0.1', server.port);
      await gate.open();
      t.after(() => gate.close());
      const env = {
        QUEUE: server.queueUrl(name).replace(`:${server.port}/`, `:${gate.port}/`),
        AWS_REGION: 'elasticmq',
        AWS_ACCESS_KEY_ID: 'x',
        AWS_SECRET_ACCESS_KEY: 'x',
      };
      const config = { address: 'QUEUE', connections: 3 };
      const taken: StoredRow[] = [];
      return {
        create: () =>
          sqs.create(config, { flow: 'conformance', station: 'sqs', folder: '.', schema: type, fields, env }),
        stored: () => drain(server.queueUrl(name), taken),
        poison: 'x'.repeat(300_000),
        connections: { cap: 3, peak: () => gate.peak },
        process: { type: 'sqs', config, env },
        down: () => gate.close(),
        up: () => gate.open(),
        cut: async () => gate.cut(),
      };
    },
  });
