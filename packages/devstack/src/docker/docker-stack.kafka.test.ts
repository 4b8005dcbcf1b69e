import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import pg from 'pg';
import { getContainerRuntimeClient } from 'testcontainers';
import { findStack, removeState, type Stack, type StackError, startStack } from '../index.ts';
import { findDocker } from '../machine.mjs';
import { brokersKnownBy } from '../probes.ts';

const skip = (await skipReason()) ?? false;
const dir = mkdtempSync(join(tmpdir(), 'quadrille-docker-'));
let stack: Stack | undefined;
after(async () => {
  await stack?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const start = (options = {}) => startStack({ dir, kind: 'docker', ...options });

/** The engine must answer, and have the images: a test does not pull half a gigabyte. */
async function skipReason(): Promise<string | undefined> {
  if ((await findDocker()) === undefined) return 'no Docker engine answers';
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const there = new Set((await dockerode.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []));
  const missing = ['apache/kafka:4.3.1', 'apicurio/apicurio-registry:3.3.3', 'postgres:17'].filter(
    (image) => !there.has(image),
  );
  return missing.length === 0 ? undefined : `this engine has no ${missing.join(', ')}`;
}

/** Containers, networks and volumes with the name of this folder's stack. */
async function left(): Promise<string[]> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const filters = { label: ['quadrille.state'] };
  const containers = await dockerode.listContainers({ all: true, filters });
  const networks = await dockerode.listNetworks({ filters });
  return [...containers.flatMap(({ Names }) => Names), ...networks.map(({ Name }) => Name)];
}

async function answerOf(from: Stack): Promise<unknown> {
  const client = new pg.Client({ connectionString: from.databaseUrl });
  await client.connect();
  try {
    return (await client.query('select answer from kept')).rows;
  } finally {
    await client.end();
  }
}

const subjects = async (from: Stack) => (await fetch(`${from.registryUrl}/subjects`)).json();
const known = (from: Stack) => brokersKnownBy('127.0.0.1', Number(from.brokers[0]!.split(':')[1]));

test('a stack in containers keeps its data and addresses over a restart', { skip, timeout: 300_000 }, async (t) => {
  stack = await start({ onProgress: (line: string) => t.diagnostic(line) });
  assert.equal(stack.kind, 'docker');
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  await client.query('create table kept as select 42 as answer');
  await client.end();
  const registered = await fetch(`${stack.registryUrl}/subjects/kept-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema: '"string"' }),
  });
  assert.equal(registered.status, 200);
  assert.equal(await known(stack), 1);
  const addresses = await findStack(dir);
  await stack.stop();
  assert.deepEqual(await left(), []);

  const begun = performance.now();
  stack = await start();
  t.diagnostic(`second start: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  assert.deepEqual(await findStack(dir), addresses);
  assert.deepEqual(await answerOf(stack), [{ answer: 42 }]);
  assert.deepEqual(await subjects(stack), ['kept-value']);
});

test('containers can be stopped, killed and paused, and come back on their ports with their state', {
  skip,
  timeout: 300_000,
}, async () => {
  const running = stack!;
  for (const way of ['stop', 'kill'] as const) {
    await Promise.all([running.broker(0), running.registry, running.database].map((server) => server[way]()));
    assert.equal(await known(running), 0);
    await Promise.all([running.broker(0), running.registry, running.database].map((server) => server.start()));
    assert.deepEqual(await answerOf(running), [{ answer: 42 }]);
    assert.deepEqual(await subjects(running), ['kept-value']);
    assert.equal(await known(running), 1);
  }
  running.broker(0).pause();
  for (let i = 0; (await brokersKnownBy('127.0.0.1', Number(running.brokers[0]!.split(':')[1]), 500)) > 0; i++)
    assert.ok(i < 20);
  running.broker(0).resume();
  for (let i = 0; (await known(running)) === 0; i++) assert.ok(i < 20);
});

test('a second owner is refused, and the folder stays one of containers', { skip, timeout: 300_000 }, async () => {
  await assert.rejects(start(), (error: StackError) => error.code === 'STACK_IN_USE');
  await stack!.stop();
  await assert.rejects(startStack({ dir, kind: 'local' }), (error: StackError) => error.code === 'STACK_SHAPE');
});

test('an owner killed by force leaves no container running, and the data stands', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const source = `
    import { startStack } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
    await startStack({ dir: ${JSON.stringify(dir)}, kind: 'docker' });
    console.log('started');
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => owner.kill('SIGKILL'));
  await new Promise((resolve) => createInterface({ input: owner.stdout }).once('line', resolve));
  assert.equal((await left()).length, 3);
  owner.kill('SIGKILL');
  for (let i = 0; (await left()).length > 0; i++, await new Promise((resolve) => setTimeout(resolve, 500)))
    assert.ok(i < 80);
  stack = await start();
  assert.deepEqual(await answerOf(stack), [{ answer: 42 }]);
  await stack.stop();
});

test('three brokers in containers form one cluster', { skip, timeout: 300_000 }, async () => {
  const three = mkdtempSync(join(tmpdir(), 'quadrille-docker-'));
  stack = await startStack({ dir: three, kind: 'docker', brokers: 3 });
  for (let i = 0; (await known(stack)) < 3; i++, await new Promise((resolve) => setTimeout(resolve, 500)))
    assert.ok(i < 60);
  await stack.stop();
  await removeState(three);
  assert.deepEqual(await left(), []);
});

test('an image that cannot be had is named, and nothing is kept of the attempt', {
  skip,
  timeout: 60_000,
}, async () => {
  const { getImage } = await import('./container.ts');
  const client = await getContainerRuntimeClient();
  await assert.rejects(
    getImage(client, 'quadrille.invalid/none:1', () => {}),
    { code: 'DOCKER_IMAGE_MISSING', place: 'quadrille.invalid/none:1' },
  );
});

test('state in volumes can be removed', { skip, timeout: 60_000 }, async () => {
  await removeState(dir);
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const { Volumes } = await dockerode.listVolumes();
  assert.deepEqual(
    (Volumes ?? []).filter(({ Name }) => Name.startsWith('quadrille-')),
    [],
  );
});
