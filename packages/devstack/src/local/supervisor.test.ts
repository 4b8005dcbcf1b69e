import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { isAlive } from './process-tree.mjs';
import { FolderLocked, type ServerExit, type ServerProcess, Supervision } from './supervision.ts';

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-supervisor-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A server that says when it ends in order, or one that will not. */
function server(dir: string, name: string, obeys = true): ServerProcess {
  const code = `process.on('SIGTERM', () => { console.log('asked'); if (${obeys}) process.exit(0); }); console.log('up'); setInterval(() => {}, 1000);`;
  return {
    name,
    command: process.execPath,
    args: ['-e', code, `quadrille.server=${name}`],
    env: {},
    cwd: dir,
    log: join(dir, `${name}.log`),
  };
}

async function until(what: string, holds: () => boolean, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !holds(); await new Promise((resolve) => setTimeout(resolve, 20)))
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
}

const said = (dir: string, name: string) => readFileSync(join(dir, `${name}.log`), 'utf8');

test('a server is stopped in order, one that does not obey by force', async (t) => {
  const dir = temporary(t);
  const supervision = await Supervision.open(dir);
  t.after(() => supervision.close());
  const exits: ServerExit[] = [];
  supervision.onExit = (exit) => exits.push(exit);
  await supervision.start(server(dir, 'good'));
  await supervision.start(server(dir, 'stubborn', false));
  await until('both up', () => said(dir, 'good').includes('up') && said(dir, 'stubborn').includes('up'));
  await supervision.stop('good', 5000);
  await supervision.stop('stubborn', 200);
  assert.deepEqual(exits, [
    { name: 'good', code: 0, signal: null },
    { name: 'stubborn', code: null, signal: 'SIGKILL' },
  ]);
});

test('a paused server can be stopped in order', async (t) => {
  const dir = temporary(t);
  const supervision = await Supervision.open(dir);
  t.after(() => supervision.close());
  const pid = await supervision.start(server(dir, 'paused'));
  await until('up', () => said(dir, 'paused').includes('up'));
  process.kill(-pid, 'SIGSTOP');
  await supervision.stop('paused', 5000);
  assert.match(said(dir, 'paused'), /asked/);
});

test('a folder has one owner at a time, and is free again after it', async (t) => {
  const dir = temporary(t);
  const first = await Supervision.open(dir);
  await assert.rejects(Supervision.open(dir), FolderLocked);
  await first.close();
  await first.close();
  await (await Supervision.open(dir)).close();
});

test('a program that cannot be started is an error, not an end', async (t) => {
  const dir = temporary(t);
  const supervision = await Supervision.open(dir);
  t.after(() => supervision.close());
  await assert.rejects(supervision.start({ ...server(dir, 'none'), command: '/no/such/program' }), /ENOENT/);
});

/** An owner in a process of its own; gives the pids of the supervisor and of the server. */
async function ownerOf(t: TestContext, dir: string): Promise<{ owner: ChildProcess; pids: number[] }> {
  const source = `
    import { Supervision } from ${JSON.stringify(new URL('./supervision.ts', import.meta.url).href)};
    const supervision = await Supervision.open(${JSON.stringify(dir)});
    const pid = await supervision.start(${JSON.stringify(server(dir, 'served'))});
    console.log(pid);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => owner.kill('SIGKILL'));
  const line = await new Promise<string>((resolve) => createInterface({ input: owner.stdout! }).once('line', resolve));
  await until('up', () => said(dir, 'served').includes('up'));
  const { supervisor } = JSON.parse(readFileSync(join(dir, 'owner.json'), 'utf8'));
  return { owner, pids: [supervisor, Number(line)] };
}

test('an owner killed by force takes everything with it, in order', async (t) => {
  const dir = temporary(t);
  const { owner, pids } = await ownerOf(t, dir);
  owner.kill('SIGKILL');
  await until('all gone', () => !pids.some(isAlive));
  assert.match(said(dir, 'served'), /asked/);
});

test('servers that a killed supervisor left are ended by its owner', async (t) => {
  const dir = temporary(t);
  const supervision = await Supervision.open(dir);
  const lost = new Promise<void>((resolve) => {
    supervision.onLost = resolve;
  });
  const pid = await supervision.start(server(dir, 'served'));
  process.kill(JSON.parse(readFileSync(join(dir, 'owner.json'), 'utf8')).supervisor, 'SIGKILL');
  await lost;
  await until('gone', () => !isAlive(pid));
  await assert.rejects(supervision.stop('served'), { code: 'SUPERVISOR_GONE' });
});

test('servers that owner and supervisor left, both killed, are ended by the next', async (t) => {
  const dir = temporary(t);
  const { owner, pids } = await ownerOf(t, dir);
  owner.kill('SIGSTOP');
  process.kill(pids[0]!, 'SIGKILL');
  owner.kill('SIGKILL');
  await until('supervisor gone', () => !isAlive(pids[0]!));
  assert.ok(isAlive(pids[1]!), 'the server was left');
  const next = await Supervision.open(dir);
  assert.ok(!isAlive(pids[1]!));
  await next.close();
});
