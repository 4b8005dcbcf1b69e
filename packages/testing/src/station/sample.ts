/** The flow most station tests use: one transformer whose rule does what a record's field `does` says. */
import { Encoder, readTopicSchema } from '@quadrille/flow';
import { partitionOf } from '@quadrille/record';
import { type FlowFixture, type FlowFixtureOptions, flowFixture } from '../harness/index.ts';

const fields = [
  { name: 'id', type: 'string' },
  { name: 'does', type: 'string' },
  { name: 'n', type: 'int', default: 0 },
];

/** A schema named after its topic's last word. */
export const schema = (name: string) => ({ type: 'record', name, fields });

export interface Item {
  id: string;
  does?: string;
  n?: number;
}

const RULE = `
import { rule } from '@quadrille/flow';
import { drop, reject } from '@quadrille/record';
export default rule({
  doc: 'Does what the record says.',
  examples: [],
  apply(record) {
    switch (record.does) {
      case 'drop': return drop('NOT_WANTED');
      case 'reject': return reject('TOO_BAD', 'it is bad', { field: 'n' });
      case 'throw': throw new Error('the rule is broken');
      case 'shape': return 42;
      case 'many': return [{ ...record, n: 1 }, { ...record, n: 2 }];
      case 'encode': return { ...record, n: 'no number' };
      case 'grow': return { ...record, does: 'x'.repeat(record.n) };
      case 'die': return process.kill(process.pid, 'SIGKILL');
      default: return record;
    }
  },
});
`;

export const SAMPLE = `
flow: FLOW
topics: { FLOW.in: { partitions: 2, external: true }, FLOW.out: { partitions: 2 } }
stations:
  judge:
    transformer: rules/steer.ts
    from: FLOW.in
    to: FLOW.out
`;

/** @param flowFile in place of `SAMPLE`. */
export function sampleFlow(flowFile = SAMPLE, more: Partial<FlowFixtureOptions> = {}): Promise<FlowFixture> {
  return flowFixture({
    ...more,
    files: { 'flow.yaml': flowFile, 'rules/steer.ts': RULE, ...more.files },
    schemas: { 'FLOW.in': schema('In'), 'FLOW.out': schema('Out'), ...more.schemas },
  });
}

export interface Fed {
  key?: string | null;
  value: Buffer | null;
  partition?: number;
  timestamp?: number;
  headers?: Record<string, Buffer | string | (Buffer | string)[]>;
}

/** Encodes items as another system's producer would; keyed by id. */
export async function encoded(fixture: FlowFixture, topic: string, items: readonly Item[]): Promise<Fed[]> {
  const name = fixture.text(topic);
  const { type, text } = await readTopicSchema(fixture.flow.schemas, name);
  const encoder = new Encoder(type, await fixture.clients.registry.idOf(`${name}-value`, text));
  return items.map(({ id, does = 'pass', n = 0 }) => ({ key: id, value: encoder.encode({ id, does, n }) }));
}

/** Produces messages as they are, in order; partition by key where none is given. */
export async function feed(fixture: FlowFixture, topic: string, messages: readonly Fed[]): Promise<void> {
  const name = fixture.text(topic);
  const { clients } = fixture;
  const count = fixture.flow.topics.get(name)!.partitions;
  await clients.producer.send({
    topic: name,
    acks: -1,
    messages: messages.map(({ key = null, value, partition, timestamp, headers }) => ({
      key,
      value,
      partition: partition ?? (key === null ? 0 : partitionOf(Buffer.from(key), count)),
      timestamp: String(timestamp ?? Date.now()),
      ...(headers === undefined ? {} : { headers }),
    })),
  });
}

export const feedItems = async (fixture: FlowFixture, topic: string, items: readonly Item[]): Promise<void> =>
  feed(fixture, topic, await encoded(fixture, topic, items));

/** `count` items that pass, `from-0` and so on. */
export const passing = (count: number, from = 'r'): Item[] =>
  Array.from({ length: count }, (_, n) => ({ id: `${from}-${n}`, n }));
