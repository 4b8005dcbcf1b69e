/** Targets in real loaders: what the conformance suite shows of each call holds across kills, refusals and closed doors. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Fastify from 'fastify';
import {
  assertBalanced,
  drained,
  type FlowFixture,
  guardAgainstLeaks,
  noServers,
  records,
  startStation,
} from '../harness/index.ts';
import { feedItems, type Item, passing, sampleFlow } from '../station/sample.ts';

guardAgainstLeaks();

const flowOf = (loader: string): string => `
flow: FLOW
topics: { FLOW.in: { partitions: 2, external: true } }
stations:
  store: { loader: ${loader}, from: FLOW.in, round: { records: 150 } }
`;

/** Records that the loader has not committed yet. */
async function left({ clients, name }: FlowFixture): Promise<number> {
  const bounds = await clients.admin.bounds(`${name}.in`);
  const at = await clients.admin.committed(`${name}.store`, `${name}.in`);
  return bounds.reduce(
    (sum, { high }, i) => sum + high - (at.find(({ partition }) => partition === i)?.offset ?? 0),
    0,
  );
}

interface Line {
  id: string;
  _offset: number;
  file: string;
}

async function linesIn(folder: string): Promise<Line[]> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => name.endsWith('.ndjson')).sort();
  const lines = await Promise.all(
    files.map(async (file) =>
      (await readFile(join(folder, file), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => ({ ...JSON.parse(line), file })),
    ),
  );
  return lines.flat();
}

test('files: killed four times while records keep coming, every record stands once, and nothing is left hidden', {
  skip: noServers,
  timeout: 170_000,
}, async (t) => {
  await using flow = await sampleFlow(flowOf('{ type: file, path: out, rows: 400 }'));
  const all: Item[] = [];
  const killedAt: number[] = [];
  const more = async (): Promise<void> => {
    const items = passing(6_000, `r${all.length}`);
    all.push(...items);
    await feedItems(flow, 'FLOW.in', items);
  };
  await more();
  for (let kill = 1; kill <= 4; kill++) {
    const station = await startStation(flow, 'store');
    await station.running();
    const feeding = more();
    await station.until(({ totals }) => totals.outcomes.written + totals.outcomes.unchanged > 100 * kill);
    await station.kill();
    killedAt.push(await left(flow));
    await feeding;
  }
  const last = await startStation(flow, 'store');
  await last.running();
  await drained(flow, 'store', 90_000);
  await last.stop();
  const out = join(flow.folder, 'out');
  const lines = await linesIn(out);
  t.diagnostic(`records not committed at the kills: ${killedAt}`);
  t.diagnostic(`${new Set(lines.map(({ file }) => file)).size} files`);
  assert.deepEqual(lines.map(({ id }) => id).sort(), all.map(({ id }) => id).sort());
  for (const [, of] of Map.groupBy(lines, ({ file }) => file))
    assert.deepEqual(
      of.map(({ _offset }) => _offset),
      of.map(({ _offset }) => _offset).sort((a, b) => a - b),
    );
  const hidden = (await readdir(out, { recursive: true })).filter((name) => /(^|\/)\./.test(name));
  assert.deepEqual(hidden, []);
  await assertBalanced(flow);
});

async function receiver(t: TestContext): Promise<{ url: string; taken: string[]; open(is: boolean): void }> {
  const taken: string[] = [];
  let isOpen = true;
  const server = Fastify({ forceCloseConnections: true });
  server.post<{ Body: { id: string; value: { does: string } }[] }>('/', async ({ body }, reply) => {
    if (!isOpen) return reply.code(503).send();
    return {
      rows: body.map(({ id, value }) => {
        if (value.does === 'bad') return { status: 422, why: 'is bad' };
        taken.push(id);
        return { status: 200 };
      }),
    };
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  const { port } = server.addresses()[0] as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    taken,
    open: (is) => {
      isOpen = is;
    },
  };
}

test('an API: what it refuses becomes a dead letter alone, and while it asks for patience the loader holds', {
  skip: noServers,
  timeout: 120_000,
}, async (t) => {
  const api = await receiver(t);
  await using flow = await sampleFlow(
    flowOf('{ type: http, address: API_URL, rows: 40, answer: { items: /rows, status: /status, error: /why } }'),
  );
  const items = passing(600).map((item, i) => (i % 100 === 7 ? { ...item, does: 'bad' } : item));
  await feedItems(flow, 'FLOW.in', items.slice(0, 300));
  {
    await using station = await startStation(flow, 'store', { API_URL: api.url });
    await drained(flow, 'store');
    api.open(false);
    await feedItems(flow, 'FLOW.in', items.slice(300));
    const held = await station.until(({ state }) => state === 'held');
    assert.equal(held.reason?.code, 'TARGET_UNAVAILABLE');
    api.open(true);
    await drained(flow, 'store');
  }
  const bad = items.filter(({ does }) => does === 'bad').map(({ id }) => id);
  assert.equal(bad.length, 6);
  const letters = await records(flow, 'dlq.FLOW.in');
  assert.deepEqual(letters.map(({ key }) => String(key)).sort(), bad.sort());
  assert.ok(letters.every(({ headers }) => String(headers['quadrille.fault.code']) === 'TARGET_REFUSED'));
  assert.ok(letters.every(({ headers }) => /status 422, is bad/.test(String(headers['__dlq.errors.message']))));
  assert.deepEqual(api.taken.sort(), items.flatMap(({ id, does }) => (does === 'bad' ? [] : [id])).sort());
  await assertBalanced(flow);
});

test('another cluster: every record with id and version, by a loader that knows only the prefix', {
  skip: noServers,
  timeout: 120_000,
}, async () => {
  await using flow = await sampleFlow(
    flowOf('{ type: kafka, cluster: OTHER, topic: FLOW-public, cloudEvents: sample }'),
  );
  const { clients, name } = flow;
  await clients.admin.createTopics([{ topic: `${name}-public`, partitions: 3, config: {} }], 1);
  flow.atEnd(() => clients.raw.deleteTopics({ topics: [`${name}-public`] }));
  await feedItems(flow, 'FLOW.in', passing(500));
  const { brokers, registryUrl } = clients.addresses;
  {
    await using _station = await startStation(flow, 'store', {
      OTHER_KAFKA_BROKERS: brokers.join(','),
      OTHER_SCHEMA_REGISTRY_URL: registryUrl,
    });
    await drained(flow, 'store');
  }
  const found = await records(flow, 'FLOW-public');
  assert.deepEqual(new Set(found.map(({ key }) => String(key))), new Set(passing(500).map(({ id }) => id)));
  assert.equal(found.length, 500);
  assert.deepEqual(new Set(found.map(({ headers }) => String(headers.ce_source))), new Set([`/${name}/store`]));
  assert.equal(new Set(found.map(({ partition }) => partition)).size, 3);
  await assertBalanced(flow);
});
