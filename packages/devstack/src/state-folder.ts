/** The files of a state folder that tell one start, and other processes, about the last: shape, ports, addresses. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './local/process-tree.mjs';
import { accepts } from './probes.ts';
import type { StackAddresses, StackKind } from './stack.ts';
import { StackError } from './stack-error.ts';

/** What cannot change while the state stands: another kind keeps its data elsewhere, a quorum does not grow by itself. */
export interface Shape {
  kind: Exclude<StackKind, 'given'>;
  brokers: number;
}

/** Creates the folder when absent. Throws STATE_DENIED where this user may not work in it. */
export function openFolder(dir: string): void {
  try {
    const created = mkdirSync(dir, { recursive: true });
    // Nobody else needs to list it; passing it stays allowed, for PostgreSQL may have to run as another user.
    if (created !== undefined) chmodSync(dir, 0o711);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    if (existsSync(join(dir, 'lock'))) accessSync(join(dir, 'lock'), constants.W_OK);
  } catch (error) {
    throw new StackError('STATE_DENIED', error instanceof Error ? error.message : '', { place: dir, cause: error });
  }
}

export function readShape(dir: string): Shape | undefined {
  return readJson<Shape>(join(dir, 'shape.json'));
}

/** Throws STACK_SHAPE when the folder's state is of another shape; else remembers this one. */
export function keepShape(dir: string, shape: Shape): void {
  const before = readShape(dir);
  if (before === undefined) {
    writeJson(join(dir, 'shape.json'), shape);
    return;
  }
  if (before.kind === shape.kind && before.brokers === shape.brokers) return;
  throw new StackError('STACK_SHAPE', `it has ${describe(before)}, asked for was ${describe(shape)}`, { place: dir });
}

function describe(shape: Shape): string {
  const where = shape.kind === 'docker' ? 'in Docker' : 'as local processes';
  return `${shape.brokers} broker${shape.brokers === 1 ? '' : 's'} ${where}`;
}

/** For other processes of this user; the supervisor or `stop` removes it. */
export function publish(dir: string, addresses: StackAddresses): void {
  const { kind, brokers, registryUrl, databaseUrl } = addresses;
  writeJson(join(dir, 'stack.json'), { kind, brokers, registryUrl, databaseUrl, owner: process.pid });
}

export function unpublish(dir: string): void {
  rmSync(join(dir, 'stack.json'), { force: true });
}

/** The stack that another process owns in this folder, if that process lives and its servers' ports are open. */
export async function findStack(dir: string): Promise<StackAddresses | undefined> {
  const known = readJson<StackAddresses & { owner: number }>(join(dir, 'stack.json'));
  if (known === undefined || !isAlive(known.owner)) return undefined;
  const { owner: _, ...addresses } = known;
  const at = [
    ...addresses.brokers.map((broker) => new URL(`kafka://${broker}`)),
    new URL(addresses.registryUrl),
    new URL(addresses.databaseUrl),
  ];
  const open = await Promise.all(at.map((url) => accepts(url.hostname, Number(url.port))));
  return open.every(Boolean) ? addresses : undefined;
}

/** Undefined when absent or not whole. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** Readable by this user alone; readers see the old file or the new one, never half. */
export function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
