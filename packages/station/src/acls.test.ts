import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readFlow, statefulOf } from '@quadrille/flow';
import { type Acl, aclsOf } from './acls.ts';
import { topicsOfFlow } from './provision.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const tiny = await readFlow(join(ROOT, 'packages/testing/fixtures/tiny'));
const flights = await readFlow(join(ROOT, 'flows/flights'));

/** `topic tiny.sent: Read DescribeConfigs`; `*` after a prefix. */
const told = (acls: readonly Acl[], user: string): string[] =>
  acls
    .filter(({ principal }) => principal === `User:${user}`)
    .map(
      ({ resource: { type, name, pattern }, operations }) =>
        `${type} ${name}${pattern === 'prefixed' ? '*' : ''}: ${operations.join(' ')}`,
    )
    .sort();

test('a station may read its input, write its output, and what the engine needs of its own topics', () => {
  assert.deepEqual(told(aclsOf(tiny), 'tiny.weigh'), [
    'group tiny.weigh.*: Read',
    'group tiny.weigh: Read',
    'topic dlq.tiny.sent: Write DescribeConfigs',
    'topic quadrille.control: Read Write',
    'topic quadrille.ledger: Read Write DescribeConfigs',
    'topic quadrille.previews: Write DescribeConfigs',
    'topic replay.tiny.weigh: Read DescribeConfigs',
    'topic tiny.sent: Read DescribeConfigs',
    'topic tiny.weighed: Write DescribeConfigs',
  ]);
});

test('an extractor has its positions, a loader no output, an enricher its lookups', () => {
  const parcels = told(aclsOf(tiny), 'tiny.parcels');
  assert.ok(parcels.includes('topic positions.tiny.parcels: Read Write DescribeConfigs'));
  assert.ok(parcels.includes('topic dlq.tiny.sent: Write DescribeConfigs'));
  assert.ok(parcels.includes('topic tiny.sent: Write DescribeConfigs'));
  const depot = told(aclsOf(tiny), 'tiny.depot').filter((line) => line.startsWith('topic tiny.'));
  assert.deepEqual(depot, ['topic tiny.weighed: Read DescribeConfigs']);
  const locate = told(aclsOf(flights), 'flights.locate').filter((line) => line.includes('.reported'));
  assert.deepEqual(
    locate,
    ['airlines', 'airports', 'planes', 'weather'].map((name) => `topic ${name}.reported: Read DescribeConfigs`),
  );
});

test('only the replay service writes replays and decisions, only the provisioner creates, nobody has rights on the cluster', () => {
  const acls = aclsOf(flights);
  const holders = (operation: string, topic: RegExp): string[] => [
    ...new Set(
      acls
        .filter(
          ({ resource, operations }) =>
            resource.type === 'topic' && topic.test(resource.name) && operations.includes(operation as never),
        )
        .map(({ principal }) => principal),
    ),
  ];
  assert.deepEqual(holders('Write', /^(replay\.|quadrille\.decisions)/), ['User:quadrille.replay']);
  assert.deepEqual(holders('Create', /./), ['User:quadrille.provisioner']);
  assert.deepEqual(holders('Write', /^flights\.enriched$/), ['User:flights.locate']);
  assert.deepEqual(holders('Read', /^flights\.enriched$/), [
    'User:flights.warehouse',
    'User:quadrille.replay',
    'User:quadrille.operator',
  ]);
  for (const { resource } of acls) {
    assert.match(resource.type, /^(topic|group)$/);
    // A prefix without its dot would cover stations whose names only begin alike.
    if (resource.pattern === 'prefixed') assert.ok(resource.type === 'group' && resource.name.endsWith('.'));
  }
});

test('a station that keeps state reads and writes its topic, and who takes it out may see it', () => {
  const weigh = tiny.stations.get('weigh')!;
  assert.ok(weigh.kind === 'transformer');
  const stateful = statefulOf([{ dedupe: { within: '1h' } }]);
  const kept = { ...tiny, stations: new Map([...tiny.stations, ['weigh', { ...weigh, stateful }]]) };
  assert.ok(told(aclsOf(kept), 'tiny.weigh').includes('topic state.tiny.weigh: Read Write DescribeConfigs'));
  assert.ok(told(aclsOf(kept), 'quadrille.operator').includes('topic state.tiny.weigh: Describe DescribeConfigs'));
  const made = topicsOfFlow(kept).find(({ topic }) => topic === 'state.tiny.weigh');
  assert.deepEqual(made, { topic: 'state.tiny.weigh', partitions: 2, config: { 'cleanup.policy': 'compact' } });
});
