/**
 * The leak guard: what a test starts, it must stop. Watches every child process and every connection of this process to
 * the test servers from its import on; a test that leaves one behind fails and says which.
 */
import type { ChildProcess } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, beforeEach } from 'node:test';
import { givenAddresses } from './servers.ts';
import { until } from './until.ts';

const children = new Set<ChildProcess>();
const sockets = new Set<Socket>();

diagnostics.subscribe('child_process', (message) => {
  const { process: child } = message as { process: ChildProcess };
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => children.delete(child));
});

diagnostics.subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket };
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});

const failures: string[] = [];

/** What went wrong while a fixture was disposed of: fails the test, without hiding what it failed by itself. */
export const noteFailure = (error: unknown): void =>
  void failures.push(error instanceof Error ? error.message : String(error));

/** A closing socket needs a turn or two of the event loop, a killed child its exit event. */
const GRACE_MS = 10_000;

/** What stood before the test: a file's own servers. */
const before = new Set<ChildProcess | Socket>();

/** What the test has opened and left open, one line each. Keep-alive connections of fetch are its pool's, not a test's. */
export function leaks(): string[] {
  const { brokers, databaseUrl } = givenAddresses();
  const ports = new Set(brokers.map((broker) => Number(broker.split(':')[1])));
  if (databaseUrl !== '') ports.add(Number(new URL(databaseUrl).port));
  const open = [...sockets].filter(
    (socket) => !socket.destroyed && ports.has(socket.remotePort ?? 0) && !before.has(socket),
  );
  const alive = [...children].filter(
    (child) => child.pid !== undefined && child.exitCode === null && child.signalCode === null && !before.has(child),
  );
  return [
    ...alive.map((child) => `process ${child.pid}: ${child.spawnargs.slice(1).join(' ')}`),
    ...open.map((socket) => `connection to port ${socket.remotePort}`),
  ];
}

/** Call once at the top of a test file. */
export function guardAgainstLeaks(): void {
  beforeEach(() => {
    before.clear();
    for (const each of [...children, ...sockets]) before.add(each);
  });
  afterEach(async () => {
    const failed = failures.splice(0);
    if (failed.length > 0) throw new Error(failed.join('\n'));
    await until(
      'nothing left behind',
      async () => leaks().length === 0,
      GRACE_MS,
      () => leaks().join('; '),
    );
  });
}
