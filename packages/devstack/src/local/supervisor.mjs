/**
 * Watches over the servers of one stack. It holds the lock of the state folder for as long as any of them may run, and
 * the pipe from the owner: when that closes, however the owner ended, the servers are stopped in order and then by force.
 *
 * Spoken over stdin and stdout, one JSON object a line. Requests carry an id and get one answer:
 *   start {name, command, args, env, cwd, uid, gid, log, stopSignal} → {pid}
 *   stop {name, graceMs} → {forced}
 *   wait {name} → {} when it is gone
 *   hold {engine, container, network} → {}; the container is ended with the servers, and the network removed after it
 *   shutdown {graceMs} → {}, and the end
 * Events: {event: 'ready' | 'locked'} once, {event: 'exit', name, code, signal} for every server that ended.
 *
 * Plain JavaScript, so that nothing stands between this process and its one duty.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { endContainer, endNetwork } from '../docker/engine.mjs';
import { commandOf, signalTree } from './process-tree.mjs';

const [dir, ownerPid] = process.argv.slice(2);
const DEFAULT_GRACE_MS = 25_000;
const LOG_KEPT_BYTES = 10 * 1024 * 1024;
/** @type {Map<string, { process: import('node:child_process').ChildProcess, stopSignal: NodeJS.Signals, gone: Promise<void> }>} */
const servers = new Map();
/** Containers to be ended with the servers, by the engine's address. @type {{ engine: string, container: string, network?: string }[]} */
const containers = [];
let ending = false;

/** The owner may be gone already: then nobody reads, and that is no fault. @param {object} line */
function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
process.stdout.on('error', () => {});
// A terminal's Ctrl-C and a closed terminal are the owner's affair: it stops the stack, or its pipe closes.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGHUP'])) process.on(signal, () => {});
process.on('SIGTERM', () => void end(DEFAULT_GRACE_MS));

// SQLite's lock is the kernel's: it goes with this process, also after kill -9, and two can never hold it.
const lock = new DatabaseSync(join(dir, 'lock'));
try {
  lock.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
} catch {
  say({ event: 'locked' });
  process.exit(75);
}
await stopLeftovers();
writeWhole(join(dir, 'owner.json'), { owner: Number(ownerPid), supervisor: process.pid });

const requests = createInterface({ input: process.stdin });
requests.on('line', async (line) => {
  const { id, ...request } = JSON.parse(line);
  try {
    say({ id, ...(await answer(request)) });
  } catch (error) {
    say({ id, error: error instanceof Error ? error.message : String(error) });
  }
  if (request.do === 'shutdown') release();
});
requests.on('close', () => void end(DEFAULT_GRACE_MS));
say({ event: 'ready', pid: process.pid });

/** @param {any} request */
async function answer(request) {
  if (request.do === 'start') return start(request);
  if (request.do === 'stop') return { forced: await stop(request.name, request.graceMs ?? DEFAULT_GRACE_MS) };
  if (request.do === 'hold') {
    containers.push(request);
    return {};
  }
  if (request.do === 'wait') {
    await servers.get(request.name)?.gone;
    return {};
  }
  if (request.do === 'shutdown') return stopAll(request.graceMs ?? DEFAULT_GRACE_MS).then(() => ({}));
  throw new Error(`unknown request ${request.do}`);
}

/** @param {any} request */
async function start({ name, command, args, env, cwd, uid, gid, log, stopSignal }) {
  if (ending) throw new Error('the stack is stopping');
  mkdirSync(dirname(log), { recursive: true });
  const tooLong = statSync(log, { throwIfNoEntry: false });
  if (tooLong && tooLong.size > LOG_KEPT_BYTES) renameSync(log, `${log}.1`);
  const out = openSync(log, 'a');
  // Detached: a process group of its own, to be signalled whole and out of reach of the terminal's Ctrl-C.
  const child = spawn(command, args, { env, cwd, uid, gid, detached: true, stdio: ['ignore', out, out] });
  closeSync(out);
  await new Promise((resolve, reject) => child.once('spawn', () => resolve(undefined)).once('error', reject));
  const gone = new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      if (servers.get(name)?.process === child) servers.delete(name);
      rememberPids();
      say({ event: 'exit', name, code, signal });
      resolve(undefined);
    });
  });
  servers.set(name, { process: child, stopSignal: stopSignal ?? 'SIGTERM', gone });
  rememberPids();
  return { pid: child.pid };
}

/** Whether force was needed. @param {string} name @param {number} graceMs */
async function stop(name, graceMs) {
  const server = servers.get(name);
  const pid = server?.process.pid;
  if (!server || pid === undefined) return false;
  // To the leader alone: it tells its children itself, and for PostgreSQL's the same signal means something else.
  process.kill(pid, server.stopSignal);
  // A paused server could not hear the request.
  signalTree(pid, 'SIGCONT');
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(() => resolve('late'), graceMs)));
  const forced = (await Promise.race([server.gone, late])) === 'late';
  clearTimeout(timer);
  if (forced) signalTree(pid, 'SIGKILL');
  await server.gone;
  return forced;
}

/** @param {number} graceMs */
async function stopAll(graceMs) {
  ending = true;
  await Promise.all([
    ...[...servers.keys()].map((name) => stop(name, graceMs)),
    ...containers.map(({ engine, container }) => endContainer(engine, container, graceMs / 1000)),
  ]);
  for (const { engine, network } of containers.slice(0, 1)) if (network) await endNetwork(engine, network);
  rmSync(join(dir, 'stack.json'), { force: true });
  rmSync(join(dir, 'owner.json'), { force: true });
}

/** @param {number} graceMs */
async function end(graceMs) {
  await stopAll(graceMs);
  release();
}

/** Naming the lock here also keeps it from being collected as garbage, which would open it while servers run. */
function release() {
  lock.close();
  process.exit(0);
}

function rememberPids() {
  writeWhole(
    join(dir, 'pids.json'),
    Object.fromEntries([...servers].map(([name, { process: child }]) => [name, child.pid])),
  );
}

/** Servers can outlive a supervisor that was itself killed. They would keep their files and ports from the next one. */
async function stopLeftovers() {
  /** @type {Record<string, number>} */
  let pids = {};
  try {
    pids = JSON.parse(readFileSync(join(dir, 'pids.json'), 'utf8'));
  } catch {
    return;
  }
  for (const [name, pid] of Object.entries(pids)) {
    if (!commandOf(pid).includes(`quadrille.server=${name}`)) continue;
    signalTree(pid, 'SIGKILL');
    while (commandOf(pid) !== '') await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Readers see the old file or the new one, never half. @param {string} path @param {object} value */
function writeWhole(path, value) {
  writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
