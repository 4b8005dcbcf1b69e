import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import pg from 'pg';
import { findStack, removeState, type Stack, type StackError, startStack } from '../index.ts';
import { accepts, brokersKnownBy } from '../probes.ts';
import { missingFor } from './local-stack.ts';
import { isAlive } from './process-tree.mjs';

const missing = missingFor(process.env);
const skip = missing.length > 0 && `this machine lacks ${missing.map(({ code }) => code).join(', ')}`;
// A folder closed to all others, as /root is: as root, PostgreSQL runs as a user who cannot pass it.
const closed = mkdtempSync(join(tmpdir(), 'quadrille-local-'));
chmodSync(closed, 0o700);
const dir = join(closed, 'a folder, with a comma');
// Most tests share one stack: each start takes some seconds.
let stack: Stack;
after(async () => {
  await stack?.stop();
  rmSync(closed, { recursive: true, force: true });
});

const start = (options = {}) => startStack({ dir, kind: 'local', ...options });

async function query(stack: Stack, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function subjects(stack: Stack): Promise<string[]> {
  return (await fetch(`${stack.registryUrl}/subjects`)).json() as Promise<string[]>;
}

async function register(stack: Stack, subject: string): Promise<void> {
  const answer = await fetch(`${stack.registryUrl}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema: '"string"' }),
  });
  assert.equal(answer.status, 200);
}

const clusterOf = () => readFileSync(join(dir, 'kafka-1', 'data', 'meta.properties'), 'utf8');
const portOf = (address: string) => Number(address.split(':').at(-1));
const pidsOf = (stack: Stack) => [stack.broker(0), stack.registry, stack.database].map(({ pid }) => pid!);

async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  for (const end = Date.now() + ms; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 50)))
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
}

test('a stack keeps its data, addresses and password over a restart, and starts again within 10 seconds', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const first = await start({ onProgress: (line: string) => t.diagnostic(line) });
  stack = first;
  assert.equal(first.kind, 'local');
  await query(first, 'create table kept as select 42 as answer');
  await register(first, 'kept-value');
  const [addresses, cluster, pids] = [await findStack(dir), clusterOf(), pidsOf(first)];
  assert.deepEqual(addresses, {
    kind: 'local',
    brokers: first.brokers,
    registryUrl: first.registryUrl,
    databaseUrl: first.databaseUrl,
  });
  await first.stop();
  await first.stop();
  assert.ok(!pids.some(isAlive), 'nothing it started is running');
  assert.equal(await findStack(dir), undefined);

  const busy = loadavg()[0]! > availableParallelism();
  const begun = performance.now();
  const second = await start();
  stack = second;
  const seconds = (performance.now() - begun) / 1000;
  t.diagnostic(`second start: ${seconds.toFixed(1)} s${busy ? ', on a machine with other work' : ''}`);
  if (!busy) assert.ok(seconds < 10, `second start took ${seconds.toFixed(1)} s`);
  assert.deepEqual(await query(second, 'select answer from kept'), [{ answer: 42 }]);
  assert.deepEqual(await subjects(second), ['kept-value']);
  assert.equal(clusterOf(), cluster);
  assert.deepEqual(
    [second.brokers, second.registryUrl, second.databaseUrl],
    [first.brokers, first.registryUrl, first.databaseUrl],
  );
});

test('servers can be stopped, killed and paused, and come back on their ports with their state', {
  skip,
  timeout: 120_000,
}, async () => {
  const kafka = portOf(stack.brokers[0]!);
  for (const way of ['stop', 'kill'] as const) {
    await Promise.all([stack.broker(0), stack.registry, stack.database].map((server) => server[way]()));
    assert.equal(await accepts('127.0.0.1', kafka), false);
    assert.equal(stack.broker(0).pid, undefined);
    assert.equal(await findStack(dir), undefined, 'a stack with a server down is not found');
    await Promise.all([stack.broker(0), stack.registry, stack.database].map((server) => server.start()));
    assert.deepEqual(await subjects(stack), ['kept-value']);
    assert.deepEqual(await query(stack, 'select answer from kept'), [{ answer: 42 }]);
    assert.equal(await brokersKnownBy('127.0.0.1', kafka), 1);
  }
  stack.broker(0).pause();
  assert.equal(await accepts('127.0.0.1', kafka), true, 'connections are taken');
  assert.equal(await brokersKnownBy('127.0.0.1', kafka, 500), 0, 'but nothing is answered');
  stack.broker(0).resume();
  assert.equal(await brokersKnownBy('127.0.0.1', kafka), 1);

  // A backend that serves a connection is a process of its own.
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  stack.database.pause();
  const answer = client.query('select 1');
  const first = await Promise.race([
    answer.then(() => 'answered'),
    new Promise((resolve) => setTimeout(() => resolve('silent'), 500)),
  ]);
  assert.equal(first, 'silent');
  stack.database.resume();
  await answer;
  await client.end();
});

test('a registry goes on while the database is stopped', { skip, timeout: 120_000 }, async () => {
  await stack.database.stop();
  await register(stack, 'while-down-value');
  await stack.database.start();
});

test('the database asks for its password, and the password is for its owner alone', {
  skip,
  timeout: 120_000,
}, async () => {
  const url = new URL(stack.databaseUrl);
  url.password = 'wrong';
  const client = new pg.Client({ connectionString: url.href });
  client.on('error', () => {});
  await assert.rejects(client.connect(), { code: '28P01' });
  for (const file of ['postgres/password', 'stack.json'])
    assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
});

test('a second owner is refused while the first lives', { skip, timeout: 120_000 }, async () => {
  await assert.rejects(
    start(),
    (error: StackError) => error.code === 'STACK_IN_USE' && error.message.includes(`process ${process.pid}`),
  );
  await assert.rejects(removeState(dir), { code: 'STACK_IN_USE' });
});

test('a port that was taken meanwhile is named, and the others are stopped', { skip, timeout: 120_000 }, async (t) => {
  await stack.registry.stop();
  const port = Number(new URL(stack.registryUrl).port);
  const thief = createServer().listen(port, '127.0.0.1');
  await once(thief, 'listening');
  t.after(() => thief.close());
  await assert.rejects(stack.registry.start(), { code: 'PORT_TAKEN', place: `127.0.0.1:${port}` });
  await stack.stop();
  await assert.rejects(start({ ports: { registry: port } }), { code: 'PORT_TAKEN', place: `127.0.0.1:${port}` });
});

test('a server that does not come up is an error with the last lines of its log, and nothing stays running', {
  skip,
  timeout: 120_000,
}, async () => {
  const meta = join(dir, 'kafka-1', 'data', 'meta.properties');
  const whole = readFileSync(meta, 'utf8');
  writeFileSync(meta, whole.replace(/node.id=1/, 'node.id=7'));
  const failure = await start().catch((error) => error);
  writeFileSync(meta, whole);
  assert.equal(failure.code, 'SERVER_EXITED');
  assert.match(failure.format(), /Kafka, exit code 1\n/);
  assert.match(failure.format(), /\n {2}\| .*Stored node id 7/);
  assert.equal(failure.place, join(dir, 'kafka-1', 'server.log'));
  assert.deepEqual(JSON.parse(readFileSync(join(dir, 'pids.json'), 'utf8')), {});
});

test('a state of one broker is not started as three', { skip, timeout: 120_000 }, async () => {
  await assert.rejects(
    start({ brokers: 3 }),
    (error: StackError) => error.code === 'STACK_SHAPE' && /1 broker as local.*3 brokers as local/.test(error.message),
  );
});

test('an owner killed by force leaves nothing running, and the data stands', { skip, timeout: 120_000 }, async (t) => {
  const source = `
    import { startStack } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
    const owned = await startStack({ dir: ${JSON.stringify(dir)}, kind: 'local' });
    console.log(JSON.stringify([owned.broker(0).pid, owned.registry.pid, owned.database.pid]));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => owner.kill('SIGKILL'));
  const pids = JSON.parse(
    await new Promise((resolve) => createInterface({ input: owner.stdout }).once('line', resolve)),
  ) as number[];
  assert.ok(await findStack(dir));
  owner.kill('SIGKILL');
  // Started at once: it waits for the other's orderly end.
  stack = await start();
  assert.ok(!pids.some(isAlive));
  assert.deepEqual(await query(stack, 'select answer from kept'), [{ answer: 42 }]);
  const log = readFileSync(join(dir, 'kafka-1', 'server.log'), 'utf8');
  const beforeLastStart = log.split('Starting controller').at(-2)!;
  assert.ok(beforeLastStart.includes('App info kafka.server for 1 unregistered'), 'Kafka ended in order');
  await stack.stop();
});

test('three brokers form one cluster that outlives one of them', { skip, timeout: 180_000 }, async (t) => {
  const three = join(closed, 'three');
  const cluster = await startStack({ dir: three, kind: 'local', brokers: 3 });
  t.after(() => cluster.stop());
  const known = () => Promise.all(cluster.brokers.map((broker) => brokersKnownBy('127.0.0.1', portOf(broker))));
  await until('all know all', async () => (await known()).join() === '3,3,3');
  await cluster.broker(1).kill();
  await until('two are left', async () => (await known()).join() === '2,0,2');
  await cluster.broker(1).start();
  await until('all know all again', async () => (await known()).join() === '3,3,3');
  const begun = performance.now();
  await cluster.stop();
  t.diagnostic(`three brokers stopped in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
});

test('state can be removed, wherever it lies', { skip, timeout: 120_000 }, async () => {
  const place = join(dir, 'postgres', 'place');
  const outside = process.getuid?.() === 0 ? readFileSync(place, 'utf8').trim() : undefined;
  await removeState(dir);
  assert.deepEqual(readdirSync(closed), ['three']);
  if (outside !== undefined) assert.equal(statSync(outside, { throwIfNoEntry: false }), undefined);
  await removeState(join(closed, 'three'));
  mkdirSync(join(closed, 'never used'));
  await removeState(join(closed, 'never used'));
});
