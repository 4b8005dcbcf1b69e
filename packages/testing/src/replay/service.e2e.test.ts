/** The replay service as a process: two of them, what it waits for, what it refuses, how it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServiceStatus } from '@quadrille/replay/api';
import {
  flowFixture,
  freePort,
  guardAgainstLeaks,
  noServers,
  type ReplayService,
  startReplayService,
  until,
} from '../harness/index.ts';
import { schema } from '../station/sample.ts';

guardAgainstLeaks();

const STATION = `
  judge:
    transformer: rules/pass.ts
    from: FLOW.in
    to: FLOW.out
`;
const FLOW = `flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true }, FLOW.out: { partitions: 1 } }
stations:${STATION}`;
const RULE = `
import { rule } from '@quadrille/flow';
export default rule({ doc: 'Lets all pass.', examples: [], apply: (record) => record });
`;
const flow = () =>
  flowFixture({
    files: { 'flow.yaml': FLOW, 'rules/pass.ts': RULE },
    schemas: { 'FLOW.in': schema('In'), 'FLOW.out': schema('Out') },
  });

test('of two instances one leads and both answer; when it goes, in order or not, the other takes over', {
  skip: noServers,
}, async () => {
  await using fixture = await flow();
  await using one = await startReplayService(fixture, { QUADRILLE_INSTANCE: 'one' });
  await using two = await startReplayService(fixture, { QUADRILLE_INSTANCE: 'two' });
  const both = [one, two];
  await Promise.all(both.map((each) => each.until(({ state, url }) => state === 'running' && url !== undefined)));
  const leads = async (): Promise<ReplayService[]> => {
    const statuses = await Promise.all(both.map((each) => each.call<ServiceStatus>('/v1/status')));
    assert.deepEqual(
      statuses.map(({ instance }) => instance),
      ['one', 'two'],
    );
    return both.filter((_, at) => statuses[at]!.leading);
  };
  const [leader] = await until('one leads', async () => {
    const found = await leads();
    assert.ok(found.length <= 1, 'two lead at once');
    return found.length === 1 ? found : undefined;
  });
  const [other] = both.filter((each) => each !== leader);
  assert.ok(leader && other);
  assert.deepEqual(await leader.stop(), { code: 0, signal: null });
  await other.until(({ leading }) => leading);
  await using third = await startReplayService(fixture, { QUADRILLE_INSTANCE: 'three' });
  await third.until(({ state, url }) => state === 'running' && url !== undefined);
  await other.kill();
  await third.until(({ leading }) => leading);
});

test('while its database is away it waits, says so everywhere, and goes on by itself', {
  skip: noServers,
}, async () => {
  await using fixture = await flow();
  const real = new URL(fixture.clients.addresses.databaseUrl);
  const port = await freePort();
  const url = new URL(real);
  url.port = String(port);
  await using service = await startReplayService(fixture, { DATABASE_URL: url.href });
  const held = await service.until(({ state, url }) => state === 'held' && url !== undefined);
  assert.equal(held.reason?.code, 'DATABASE_UNAVAILABLE');
  await service.says(/"code":"DATABASE_UNAVAILABLE"/);
  assert.ok(!service.output.join('').includes(real.password), 'no password in the log');
  const get = async (path: string): Promise<number> => {
    const token = (await readFile(join(fixture.folder, '.quadrille/replay.token'), 'utf8')).trim();
    const headers = { authorization: `Bearer ${token}`, connection: 'close' };
    const answer = await fetch(`${service.status!.url}${path}`, { headers });
    await answer.body?.cancel();
    return answer.status;
  };
  assert.deepEqual(
    [await get('/live'), await get('/ready'), await get('/v1/status'), await get('/v1/groups'), await get('/metrics')],
    [200, 503, 503, 503, 200],
  );

  const first = await relay(port, real);
  await service.until(({ state }) => state === 'running');
  await service.until(({ leading }) => leading);
  assert.deepEqual([await get('/ready'), await get('/v1/status')], [200, 200]);
  await first.close();
  await service.until(({ state, leading }) => state === 'held' && !leading);
  assert.equal(await get('/ready'), 503);
  const second = await relay(port, real);
  try {
    await service.until(({ state, leading }) => state === 'running' && leading);
    assert.equal(await get('/ready'), 200);
  } finally {
    await service.stop();
    await second.close();
  }
});

test('a station that is added to the flow file is known without a restart; a broken file changes nothing', {
  skip: noServers,
}, async () => {
  await using fixture = await flow();
  await using service = await startReplayService(fixture);
  await service.until(({ state, url }) => state === 'running' && url !== undefined);
  const stations = async (): Promise<string[]> => {
    const { flows } = await service.call<ServiceStatus>('/v1/status');
    return flows.flatMap((each) => each.stations.map(({ name }) => name));
  };
  assert.deepEqual(await stations(), ['judge']);
  await fixture.write('flow.yaml', `${FLOW}  broken: { loader: { type: nothing }, from: FLOW.out }\n`);
  await service.says(/a flow file was changed, but cannot be used/);
  assert.deepEqual(await stations(), ['judge']);
  await fixture.write(
    'flow.yaml',
    `${FLOW}${STATION.replace('judge', 'again').replace('FLOW.in', 'FLOW.out').replace('to: FLOW.out', 'to: FLOW.last')}`,
  );
  await fixture.write('schemas/FLOW.last.avsc', JSON.stringify(schema('Last')));
  await until('the new station', async () => (await stations()).includes('again'));
});

test('what is wrong with its environment or flow is told at once, with exit code 1', { skip: noServers }, async () => {
  await using fixture = await flow();
  const endOf = async (env: Record<string, string>): Promise<[number | null, string]> => {
    const service = await startReplayService(fixture, env);
    const { code } = await service.exited;
    await service.closed;
    return [code, service.output.join('\n')];
  };
  const [code, said] = await endOf({ QUADRILLE_HTTP: '0.0.0.0:0', QUADRILLE_RETAIN_DAYS: 'x', KAFKA_BROKERS: '' });
  assert.equal(code, 1);
  for (const place of ['KAFKA_BROKERS', 'QUADRILLE_HTTP', 'QUADRILLE_RETAIN_DAYS'])
    assert.match(said, new RegExp(`CONFIG_INVALID ${place}: `));
  const [absent, told] = await endOf({ QUADRILLE_FLOWS: join(fixture.folder, 'nowhere') });
  assert.deepEqual([absent, /^FLOW_NOT_FOUND: /m.test(told)], [1, true]);
});

/** Everything that comes to a port goes on to the database, until it is closed. */
async function relay(port: number, { hostname, port: target }: URL): Promise<{ close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = dial(Number(target), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const each of open) each.destroy();
      await closed;
    },
  };
}
