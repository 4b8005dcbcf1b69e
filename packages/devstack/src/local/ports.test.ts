import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { choosePorts } from './ports.ts';

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-ports-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function listen(t: TestContext, port = 0): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('ports are chosen once and kept, all different', async (t) => {
  const dir = temporary(t);
  const first = await choosePorts(dir, 3);
  assert.deepEqual(await choosePorts(dir, 3), first);
  const all = [...first.brokers, ...first.controllers, first.registry, first.database];
  assert.equal(new Set(all).size, 8);
  assert.ok(all.every((port) => port >= 20_000 && port < 32_000));
});

test('a remembered port that another took is replaced, alone', async (t) => {
  const dir = temporary(t);
  const first = await choosePorts(dir, 1);
  await listen(t, first.registry);
  const second = await choosePorts(dir, 1);
  assert.notEqual(second.registry, first.registry);
  assert.deepEqual({ ...second, registry: 0 }, { ...first, registry: 0 });
});

test('a port that was asked for and is taken is an error', async (t) => {
  const taken = await listen(t);
  await assert.rejects(choosePorts(temporary(t), 1, { registry: taken }), {
    code: 'PORT_TAKEN',
    place: `127.0.0.1:${taken}`,
  });
});
