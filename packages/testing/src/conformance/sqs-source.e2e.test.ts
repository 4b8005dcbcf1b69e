import { after, before } from 'node:test';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type ElasticMq, noElasticMq, startElasticMq } from '@quadrille/devstack';
import { sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { queueName } from '../harness/queue-name.ts';
import { sendAll } from '../sources/queue.ts';
import { Gate } from './gate.ts';
import { sourceConformance } from './source.ts';
import type { SourceSample } from './source-sample.ts';

const sqs = sourceTypes.sqs!;
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

for (const isFifo of [true, false])
  sourceConformance({
    name: `sqs, ${isFifo ? 'a FIFO queue' : 'a standard queue'}`,
    traits: sqs.traits!,
    ...(skip === undefined ? {} : { skip }),
    cannot: {
      grow: 'what is not acknowledged comes again with what was added; sources/sqs.e2e.test.ts has what is sent to a reader that waits',
      change: 'what was read is deleted: a queue has no past that could change',
      'bad items': 'a queue does not say which message comes when; sources/sqs.e2e.test.ts has bad ones',
    },
    async prepare(t): Promise<SourceSample> {
      const name = queueName(isFifo);
      await client.send(
        new CreateQueueCommand({ QueueName: name, ...(isFifo && { Attributes: { FifoQueue: 'true' } }) }),
      );
      const gate = new Gate('127.0.0.1', server.port);
      await gate.open();
      t.after(() => gate.close());
      const url = server.queueUrl(name);
      const bodies = (from: number, count: number): string[] =>
        Array.from({ length: count }, (_, i) => JSON.stringify({ id: `${from + i}`, name: `näme ${from + i}` }));
      // A group of its own each: else not all of them could be had without acknowledging.
      const put = (all: string[]): Promise<void> => sendAll(client, url, all, isFifo ? (i) => `g${i}` : undefined);
      await put([...bodies(0, 10), '{"id":"not JSON', ...bodies(10, 14)]);
      const env = {
        QUEUE: url.replace(`:${server.port}/`, `:${gate.port}/`),
        AWS_REGION: 'elasticmq',
        AWS_ACCESS_KEY_ID: 'x',
        AWS_SECRET_ACCESS_KEY: 'x',
      };
      return {
        source: sqs.create({ address: 'QUEUE', readers: 1 }, sourceContext('.', ['id', 'name'], { env })),
        shards: [{ name: `${name}-0`, items: 25, faults: {} }],
        down: () => gate.close(),
        up: () => gate.open(),
      };
    },
  });
