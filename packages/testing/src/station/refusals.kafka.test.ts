import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { type Exit, guardAgainstLeaks, noServers, type StationProcess, startStation } from '../harness/index.ts';
import { sampleFlow } from './sample.ts';

guardAgainstLeaks();

const LOADER = `
flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true } }
stations:
  store: { loader: { type: postgres, table: FLOW }, from: FLOW.in }
`;

const EXTRACTOR = `
flow: FLOW
topics: { FLOW.out: { partitions: 1 } }
stations:
  read: { extractor: { type: csv, path: data/items.csv, id: "{id}" }, to: FLOW.out }
`;

/** A station that ends by itself: what it said, without log lines. */
async function refused(station: StationProcess): Promise<Exit & { said: string }> {
  const exit = await station.exited;
  await station.closed;
  return { ...exit, said: station.output.filter((line) => !line.startsWith('{')).join('\n') };
}

test('a wrong database password ends the station, saying so', { skip: noServers }, async () => {
  await using flow = await sampleFlow(LOADER);
  const url = new URL(flow.clients.addresses.databaseUrl);
  url.password = 'wrong';
  const { code, said } = await refused(await startStation(flow, 'store', { DATABASE_URL: url.href }));
  assert.equal(code, 1);
  assert.match(said, /^ACCESS_DENIED .*: user or password refused/m);
  assert.match(said, /^ {2}help: /m);
  assert.doesNotMatch(said, /wrong@|:wrong/);
});

test('a port that is taken ends the station, saying so', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  try {
    const { code, said } = await refused(await startStation(flow, 'judge', { QUADRILLE_HTTP: `127.0.0.1:${port}` }));
    assert.equal(code, 1);
    assert.match(said, new RegExp(`^PORT_TAKEN 127\\.0\\.0\\.1:${port}: port is taken\\n {2}help: `, 'm'));
  } finally {
    server.close();
    await once(server, 'close');
  }
});

test('a configuration with several faults names them all', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  const env = {
    KAFKA_BROKERS: 'nowhere',
    SCHEMA_REGISTRY_URL: 'not a url',
    QUADRILLE_LOG: 'loud',
    QUADRILLE_SESSION_TIMEOUT_MS: 'soon',
  };
  const { code, said } = await refused(await startStation(flow, 'judge', env));
  assert.equal(code, 1);
  for (const name of Object.keys(env)) assert.match(said, new RegExp(`^CONFIG_INVALID ${name}: `, 'm'));
  assert.equal(said.match(/^ {2}help: /gm)?.length, 4);
});

test('a station that the flow does not have, and one of another kind', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  const absent = await refused(await startStation(flow, 'juge'));
  assert.equal(absent.code, 1);
  assert.match(absent.said, /^NOT_FOUND.*juge[\s\S]*help: .*judge/m);
});

test('a rule file that does not load ends the station with file and line', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  await flow.write('rules/steer.ts', 'export default {\n  doc: "x", apply: (record) => record examples: [] };\n');
  const { code, said } = await refused(await startStation(flow, 'judge'));
  assert.equal(code, 1);
  assert.match(said, /^RULE_INVALID .*steer\.ts:2.*\n {2}help: /m);
});

test('a file that is not there ends the extractor; one with another delimiter stops it, saying what was found', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(EXTRACTOR);
  const { code, said } = await refused(await startStation(flow, 'read'));
  assert.equal(code, 1);
  assert.match(said, /^SOURCE_MISSING data\/items\.csv: source is not there.*\n {2}help: .*relative to the flow file/m);

  await flow.write('data/items.csv', 'id;does;n\na;pass;1\n');
  await using station = await startStation(flow, 'read');
  const { reason } = await station.until(({ state }) => state === 'stuck');
  assert.equal(reason?.code, 'SOURCE_HEADER');
  assert.match(reason!.message, /missing "id", "does", "n"; found "id;does;n"/);
  assert.match(reason!.help, /delimiter/);
  await station.stop();
});
