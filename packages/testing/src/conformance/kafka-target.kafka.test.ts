import { randomBytes } from 'node:crypto';
import { Decoder, targetTypes } from '@quadrille/flow';
import { createLog, readTopic, topicWriter } from '@quadrille/station';
import { Clients, givenAddresses, noServers } from '../harness/servers.ts';
import { targetConformance } from './target.ts';
import { SCHEMA_TEXT, type StoredRow } from './target-sample.ts';

const kafka = targetTypes.kafka!;

for (const format of ['avro', 'json'])
  targetConformance({
    name: `kafka, ${format}`,
    features: kafka.features['']!,
    skip: noServers || undefined,
    lacks: {
      find: 'a topic is not searched',
      down: 'the client goes to the addresses that brokers tell, where nothing of a test stands between; targets/kafka.kafka.test.ts has a cluster that is away',
      cut: 'as for a cluster that is down',
      connections: 'the client itself keeps one connection a broker',
    },
    async prepare(t, { type, fields }) {
      const addresses = givenAddresses();
      const clients = new Clients(addresses);
      await clients.open();
      const topic = `conformance-${randomBytes(6).toString('hex')}`;
      await clients.admin.createTopics([{ topic, partitions: 3, config: { 'max.message.bytes': '100000' } }], 1);
      // Its leaders answer: the broker may have been told of them a moment later than those who ask it.
      await clients.admin.bounds(topic);
      t.after(async () => {
        await clients.raw.deleteTopics({ topics: [topic] });
        await clients.close();
      });
      const env = {
        OTHER_KAFKA_BROKERS: addresses.brokers.join(','),
        OTHER_SCHEMA_REGISTRY_URL: addresses.registryUrl,
      };
      const config = { cluster: 'OTHER', topic, format };
      const around = { env, clientId: 'conformance', log: createLog({}, 'silent'), schema: SCHEMA_TEXT };
      const decoder = new Decoder(type, (id) => clients.registry.schemaOf(id));
      return {
        create: () =>
          kafka.create(config, {
            flow: 'conformance',
            station: 'kafka',
            folder: '.',
            schema: type,
            fields,
            env,
            topicWriter: (options) => topicWriter(options, around),
          }),
        async stored() {
          const found: { value: Buffer | null; row: StoredRow }[] = [];
          await readTopic(clients.kafka, clients.admin, [topic], (_, partition, messages) => {
            for (const { key, value, headers = {}, offset } of messages) {
              if (String(key) !== String(headers.id)) throw new Error('key and header differ');
              const row: StoredRow = {
                id: String(key),
                version: BigInt(String(headers.version)),
                revision: Number(headers.revision),
                deleted: value === null,
                text: null,
                amount: null,
                mark: `${partition}/${offset}`,
              };
              found.push({ value, row });
            }
          });
          for (const { value, row } of found) {
            if (value === null) continue;
            if (format === 'avro') await decoder.prepare(value.readUInt32BE(1));
            const { text, amount } = format === 'avro' ? decoder.decode(value) : JSON.parse(value.toString());
            Object.assign(row, { text, amount });
          }
          const offset = ({ mark }: StoredRow): number => Number(mark.split('/')[1]);
          return found
            .map(({ row }) => row)
            .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : offset(a) - offset(b)));
        },
        poison: 'x'.repeat(120_000),
        process: { type: 'kafka', config, env },
      };
    },
  });
