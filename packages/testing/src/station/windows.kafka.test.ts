import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder, Encoder, readTopicSchema } from '@quadrille/flow';
import { HEADER, partitionOf, stateTopic, unpackHeader } from '@quadrille/record';
import {
  assertBalanced,
  drained,
  type FlowFixture,
  flowFixture,
  guardAgainstLeaks,
  noServers,
  parts,
  records,
  startStation,
} from '../harness/index.ts';
import { feed } from './sample.ts';

guardAgainstLeaks();

const HOUR = 3_600_000;
const FLOW = `
flow: FLOW
topics: { FLOW.paid: { partitions: 2, external: true }, FLOW.hourly: { partitions: 3 } }
stations:
  hourly:
    transformer:
      - rules/paid.ts
      - dedupe: { by: payment, within: 6h, time: at }
      - window:
          by: [customer]
          time: at
          every: 1h
          lateness: 10m
          start: hour
          take: { payments: count, total: { sum: cents }, largest: { max: cents } }
    from: FLOW.paid
    to: FLOW.hourly
    round: { records: 40 }
`;
const RULE = `
import { rule } from '@quadrille/flow';
import { drop } from '@quadrille/record';
export default rule({ doc: 'Nothing for nothing.', examples: [], apply: (paid) => (paid.cents === 0 ? drop('NOTHING_PAID') : paid) });
`;
const time = { type: 'long', logicalType: 'timestamp-millis' };
const recordOf = (name: string, fields: Record<string, unknown>) => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
const SCHEMAS = {
  'FLOW.paid': recordOf('Paid', { payment: 'string', customer: 'string', cents: 'long', at: time }),
  'FLOW.hourly': recordOf('Hourly', {
    customer: 'string',
    hour: time,
    payments: 'long',
    total: 'long',
    largest: 'long',
  }),
};

interface Paid {
  payment: string;
  customer: string;
  cents: number;
  at: number;
}

/** Of yesterday: older records the broker would delete. */
const START = Math.floor(Date.now() / HOUR) * HOUR - 24 * HOUR;
const CUSTOMERS = Array.from({ length: 12 }, (_, i) => `c${i}`);

/** Payments of some hours in the order of their times, every seventh twice, every ninth of nothing. */
const paid = (from: number, to: number): Paid[] =>
  Array.from({ length: (to - from) * 120 }, (_, i) => {
    const n = from * 120 + i;
    const one = { payment: `p${n}`, customer: CUSTOMERS[n % 12]!, cents: n % 9 === 0 ? 0 : n, at: START + n * 30_000 };
    return n % 7 === 0 ? [one, one] : [one];
  }).flat();

async function give(flow: FlowFixture, items: readonly Paid[]): Promise<void> {
  const topic = flow.text('FLOW.paid');
  const { type, text } = await readTopicSchema(flow.flow.schemas, topic);
  const encoder = new Encoder(type, await flow.clients.registry.idOf(`${topic}-value`, text));
  await feed(
    flow,
    'FLOW.paid',
    items.map((item) => ({ key: item.customer, value: encoder.encode({ ...item }), timestamp: item.at })),
  );
}

test('windows and duplicates through two kills: as undisturbed, each window once, and every edge balances', {
  skip: noServers,
}, async () => {
  await using flow = await flowFixture({ files: { 'flow.yaml': FLOW, 'rules/paid.ts': RULE }, schemas: SCHEMAS });
  for (const [from, to] of [
    [0, 4],
    [4, 7],
  ] as const) {
    await using station = await startStation(flow, 'hourly');
    await station.running();
    await give(flow, paid(from, to));
    await station.until(({ totals }) => totals.rounds >= 3);
    await station.kill();
  }
  await using station = await startStation(flow, 'hourly');
  await give(flow, paid(7, 8));
  await drained(flow, 'hourly');
  // Once more in peace: what is over goes from the topic of the state.
  await give(flow, paid(8, 9));
  await drained(flow, 'hourly');

  const expected = new Map<string, Record<string, unknown>>();
  const seen = new Set<string>();
  const latest = [0, 0];
  for (const { payment, customer, cents, at } of paid(0, 9)) {
    if (cents === 0 || seen.has(payment)) continue;
    seen.add(payment);
    const hour = Math.floor(at / HOUR) * HOUR;
    const id = `${customer}/${new Date(hour).toISOString().replace('.000Z', 'Z')}`;
    const one = (expected.get(id) ?? { customer, hour, payments: 0, total: 0, largest: 0 }) as Record<string, number>;
    one.payments!++;
    one.total! += cents;
    one.largest = Math.max(one.largest!, cents);
    expected.set(id, one);
    latest[partitionOf(Buffer.from(customer), 2)] = at;
  }
  for (const [id, { customer, hour }] of expected)
    if ((hour as number) + HOUR > latest[partitionOf(Buffer.from(customer as string), 2)]! - 600_000)
      expected.delete(id);
  assert.ok(expected.size >= 12 * 7, String(expected.size));

  const schema = await readTopicSchema(flow.flow.schemas, flow.text('FLOW.hourly'));
  const decoder = new Decoder(schema.type, (id) => flow.clients.registry.schemaOf(id));
  const made = new Map<string, unknown>();
  for (const { key, value, headers } of await records(flow, 'FLOW.hourly')) {
    const { id, version, revision } = unpackHeader(headers[HEADER]!, key);
    await decoder.prepare(value!.readUInt32BE(1));
    const row = { version, revision, ...decoder.decode(value!) };
    if (made.has(id)) assert.deepEqual(row, made.get(id), `${id} was made twice, and not the same`);
    made.set(id, row);
  }
  const wanted = [...expected].map(([id, row]): [string, unknown] => [
    id,
    { version: BigInt((row.hour as number) + HOUR), revision: 0, ...row },
  ]);
  const sorted = (entries: Iterable<[string, unknown]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(made), sorted(wanted));

  const claimed = (await parts(flow, 'hourly')).flatMap(({ claims }) => claims.map(({ topic }) => topic));
  assert.deepEqual([...new Set(claimed)], [flow.text('FLOW.hourly')], 'its state is no claim');
  await assertBalanced(flow);

  const standing = new Set<string>();
  for (const { key, value } of await records(flow, stateTopic(flow.name, 'hourly')))
    if (value === null) standing.delete(key!.toString());
    else standing.add(key!.toString());
  const sessions = new Set([...standing].map((key) => key.split('.').slice(0, 2).join('.')));
  assert.equal(sessions.size, 2, `one session a partition: ${[...sessions].join(' ')}`);
  await station.stop();
});
