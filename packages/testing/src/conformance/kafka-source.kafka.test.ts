import { sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { createLog, topicReader } from '@quadrille/station';
import { noServers } from '../harness/servers.ts';
import { type Message, TopicOfOthers } from '../sources/topic-of-others.ts';
import { sourceConformance } from './source.ts';
import type { SourceSample } from './source-sample.ts';

const kafka = sourceTypes.kafka!;
const SCHEMA = {
  type: 'record',
  name: 'Named',
  namespace: 'of.others',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'more', type: 'int' },
  ],
};

/** What a format makes of a value; and what it can make that cannot be read, with the code. */
interface Format {
  config: object;
  good(id: number): Promise<Message[]>;
  deletion(id: number): Message[];
  bad: readonly (readonly [Buffer, string])[];
}

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const avro = (topic: TopicOfOthers): Format => ({
  config: {},
  good: async (id) => [
    { key: `k${id}`, value: await topic.avro(SCHEMA, { id: `${id}`, name: `näme ${id}`, more: 1 }) },
  ],
  deletion: (id) => [{ key: `k${id}`, value: null }],
  bad: [
    [Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]), 'SCHEMA_UNKNOWN'],
    [Buffer.from('{"id":"not Avro"}'), 'WIRE_FORMAT'],
  ],
});

const debezium = (): Format => {
  const event = (op: string, id: number, rows: object): Message => ({
    key: text({ id: `${id}` }),
    value: text({ op, ...rows, source: { connector: 'postgresql', lsn: 1000 + id, ts_ms: 1 } }),
  });
  return {
    config: { format: 'json', envelope: 'debezium' },
    good: async (id) => [event('c', id, { before: null, after: { id: `${id}`, name: `näme ${id}` } })],
    deletion: (id) => [event('d', id, { before: { id: `${id}` } }), { key: text({ id: `${id}` }), value: null }],
    bad: [
      [Buffer.from('{"op":"c","after":'), 'ROW_MALFORMED'],
      [text({ id: 'without envelope' }), 'ROW_MALFORMED'],
    ],
  };
};

for (const [name, format] of Object.entries({ avro, debezium }))
  sourceConformance({
    name: `kafka, ${name}`,
    traits: kafka.traits!,
    skip: noServers || undefined,
    cannot: {
      down: 'the client goes to the addresses that brokers tell, where nothing of a test stands between; sources/kafka.kafka.test.ts has a cluster that is away',
    },
    async prepare(t): Promise<SourceSample> {
      const topic = await TopicOfOthers.create(2);
      t.after(() => topic[Symbol.asyncDispose]());
      const { config, good, deletion, bad } = format(topic);
      const many = async (from: number, count: number): Promise<Message[]> =>
        (await Promise.all(Array.from({ length: count }, (_, i) => good(from + i)))).flat();
      const broken = bad.map(([value], i) => ({ key: `{"bad":${i}}`, value }));
      await topic.send(0, [...(await many(0, 10)), ...broken, ...(await many(10, 9)), ...deletion(3)]);
      await topic.send(1, [...(await many(100, 20)), ...deletion(101), ...(await many(120, 2))]);
      const around = { env: topic.env, clientId: 'conformance', log: createLog({}, 'silent') };
      const source = kafka.create(
        { cluster: 'OTHER', topic: topic.name, ...config },
        sourceContext('.', ['id', 'name'], { topicReader: (options) => topicReader(options, around) }),
      );
      return {
        source,
        shards: [
          { name: `${topic.name}-0`, items: 22, faults: { 10: bad[0]![1], 11: bad[1]![1] }, deletions: [21] },
          { name: `${topic.name}-1`, items: 23, faults: {}, deletions: [20] },
        ],
        // Made anew, and shorter.
        change: () => topic.recreate(2),
        grow: async () => {
          await topic.send(0, await many(200, 15));
          return 15;
        },
      };
    },
  });
