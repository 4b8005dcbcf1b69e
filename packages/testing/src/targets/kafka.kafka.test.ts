/** The target `kafka` and clusters that are away, strange, or not as it was told. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type Target, targetTypes } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import { createLog, readTopic, topicWriter } from '@quadrille/station';
import { row, SCHEMA_TEXT, schema } from '../conformance/target-sample.ts';
import { Clients, givenAddresses, noServers } from '../harness/servers.ts';

function targetOf(t: TestContext, config: object, env: Record<string, string>): Target {
  const around = { env, clientId: 'test', log: createLog({}, 'silent'), schema: SCHEMA_TEXT };
  const target = targetTypes.kafka!.create(
    { cluster: 'OTHER', topic: 'absent', ...config },
    {
      flow: 'f',
      station: 's',
      folder: '.',
      schema: schema.type,
      fields: schema.fields,
      env,
      topicWriter: (options) => topicWriter(options, around),
    },
  );
  t.after(() => target.close());
  return target;
}
const code = (wanted: string) => (error: unknown) => error instanceof Fault && error.code === wanted;

test('a cluster that is away is a dependency fault; its settings are those of the prefix, all problems at once', async (t) => {
  const away = targetOf(t, { format: 'json' }, { OTHER_KAFKA_BROKERS: '127.0.0.1:1' });
  await assert.rejects(away.open(), code('TARGET_UNAVAILABLE'));
  const wrong = targetOf(
    t,
    {},
    { OTHER_KAFKA_BROKERS: 'nothing', OTHER_KAFKA_SASL_MECHANISM: 'MAGIC', KAFKA_BROKERS: 'a:1' },
  );
  await assert.rejects(wrong.open(), (error) => {
    assert.ok(error instanceof Faults);
    assert.deepEqual(error.faults.map(({ place }) => place).slice(0, 2), [
      'OTHER_KAFKA_BROKERS',
      'OTHER_KAFKA_SASL_MECHANISM',
    ]);
    return true;
  });
});

test('no such topic, no registry, a schema that nobody has registered yet; what a record looks like', {
  skip: noServers,
}, async (t) => {
  const { brokers, registryUrl } = givenAddresses();
  const clients = new Clients(givenAddresses());
  await clients.open();
  const topic = `target-${randomBytes(6).toString('hex')}`;
  await clients.admin.createTopics([{ topic, partitions: 2, config: {} }], 1);
  // Its leaders answer.
  await clients.admin.bounds(topic);
  t.after(async () => {
    await clients.raw.deleteTopics({ topics: [topic] });
    await clients.close();
  });
  const env = { OTHER_KAFKA_BROKERS: brokers.join(',') };
  await assert.rejects(targetOf(t, { topic: `${topic}-absent` }, env).open(), code('CONFIG_INVALID'));
  await assert.rejects(targetOf(t, { topic }, env).open(), code('CONFIG_INVALID'));
  const both = { ...env, OTHER_SCHEMA_REGISTRY_URL: registryUrl };
  await assert.rejects(targetOf(t, { topic, register: false }, both).open(), code('TARGET_UNAVAILABLE'));

  const target = targetOf(t, { topic, format: 'json', cloudEvents: 'sample.changed' }, env);
  await target.open();
  const before = Date.UTC(2013, 0, 1);
  await target.write([row({ id: 'ü/1', version: 7, revision: 2, text: 'x', timestamp: before })]);
  const found: { value: unknown; headers: Record<string, string>; timestamp: string }[] = [];
  await readTopic(clients.kafka, clients.admin, [topic], (_topic, _partition, messages) => {
    for (const { value, headers = {}, timestamp } of messages)
      found.push({
        value: JSON.parse(String(value)),
        headers: Object.fromEntries(Object.entries(headers).map(([name, each]) => [name, String(each)])),
        timestamp,
      });
  });
  assert.deepEqual(found, [
    {
      value: { text: 'x', amount: 1 },
      timestamp: String(before),
      headers: {
        id: 'ü/1',
        version: '7',
        revision: '2',
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_type: 'sample.changed',
        ce_source: '/f/s',
        ce_id: 'ü/1/7/2',
        ce_subject: 'ü/1',
        ce_time: '2013-01-01T00:00:00.000Z',
      },
    },
  ]);
});
