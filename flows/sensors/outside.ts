/**
 * The plant: sensors that send to a queue of SQS, and others whose gateway writes a topic of the plant's own Kafka. Some say
 * things twice, some late, some have a broken wire. In production there is a real one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startElasticMq } from '@quadrille/devstack';
import { outside } from '@quadrille/flow';
import { partitionOf } from '@quadrille/record';
import { connectKafka, createLog, KafkaAdmin, Outlet } from '@quadrille/station';
import { dayAfterNext, dayOf, found, type Said } from './readings.ts';

const TOPIC = 'plant.readings';
const PARTITIONS = 4;
const SENSORS = 20;
const HOURS = 24;
/** Said by the minute, so many are sent at once. */
const AT_ONCE = 10;

export default outside({
  doc: 'The plant, with a day of readings.',
  async start({ brokers, say, stop }) {
    const queue = await startElasticMq(say);
    const client = new SQSClient(queue.client);
    await client.send(new CreateQueueCommand({ QueueName: 'devices' }));
    const url = queue.queueUrl('devices');
    const log = createLog({ outside: 'plant' }, 'silent');
    const kafka = connectKafka({ brokers: [...brokers], clientId: 'plant', sessionTimeoutMs: 10_000 }, log);
    const admin = new KafkaAdmin(kafka);
    const outlet = new Outlet(kafka);
    const isNew = !(await admin.listTopics()).includes(TOPIC);
    await admin.createTopics([{ topic: TOPIC, partitions: PARTITIONS, config: {} }], 1);

    const sensors = Array.from({ length: SENSORS }, (_, sensor) => sensor);
    let sent = 0;
    /** All sensors side by side, each in its order, which the queue does not keep; resolves when everything has come in. */
    const send = async (of: (sensor: number) => readonly Said[]): Promise<void> => {
      const all = sensors.map(async (sensor) => {
        const said = of(sensor);
        for (let from = 0; from < said.length && !stop.aborted; from += AT_ONCE) {
          const some = said.slice(from, from + AT_ONCE);
          if (sensor % 2 === 0) await toQueue(client, url, some);
          else await toTopic(outlet, `sensor-${sensor}`, some);
          sent += some.length;
        }
      });
      await Promise.all(all);
      while (!stop.aborted && (await standing(admin, 'sensors.read')) < sent)
        await pause(200, undefined, { signal: stop }).catch(() => {});
    };
    const live = async (): Promise<void> => {
      await send((sensor) => dayOf(sensor, HOURS));
      await send((sensor) => [dayAfterNext(sensor)]);
      await send((sensor) => [found(sensor)]);
      say(`${SENSORS} sensors have sent a day of readings, ${sent} in all`);
    };
    return {
      env: {
        DEVICES_QUEUE_URL: url,
        AWS_REGION: queue.client.region,
        AWS_ACCESS_KEY_ID: queue.client.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: queue.client.credentials.secretAccessKey,
        PLANT_KAFKA_BROKERS: brokers.join(','),
      },
      // The queue ends with its server, the topic does not: what it holds is not said again.
      done: isNew ? live() : Promise.resolve(),
      async close() {
        client.destroy();
        await outlet.close();
        await admin.close();
        await queue[Symbol.asyncDispose]();
      },
    };
  },
});

/** Records of a topic. */
const standing = async (admin: KafkaAdmin, topic: string): Promise<number> =>
  (await admin.bounds(topic)).reduce((sum, { low, high }) => sum + high - low, 0);

/** Said twice, it is another message. */
async function toQueue(client: SQSClient, url: string, some: readonly Said[]): Promise<void> {
  const entries = some.map((said, i) => ({ Id: String(i), MessageBody: JSON.stringify(said) }));
  await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries }));
}

async function toTopic(outlet: Outlet, sensor: string, some: readonly Said[]): Promise<void> {
  const partition = partitionOf(Buffer.from(sensor), PARTITIONS);
  const messages = some.map((said) => ({
    key: Buffer.from(sensor),
    value: Buffer.from(JSON.stringify(said)),
    headers: {},
    partition,
    timestamp: String(Date.now()),
  }));
  await outlet.sendPatiently(new Map([[TOPIC, new Map([[partition, messages]])]]));
}
