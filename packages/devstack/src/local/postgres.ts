/** PostgreSQL from the npm platform package, with a password even on loopback: any local user can reach a port. */
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { databaseProblem } from '../probes.ts';
import { StackError } from '../stack-error.ts';
import { run } from './jars.ts';
import type { PostgresPlace } from './postgres-place.ts';
import type { ServerPlan } from './server.ts';

const USER = 'quadrille';
const DATABASE = 'quadrille';

export function postgresPlan(place: PostgresPlace, port: number, dir: string, env: NodeJS.ProcessEnv): ServerPlan {
  const settings = {
    'quadrille.server': 'postgres',
    listen_addresses: '127.0.0.1',
    port,
    // No socket file: its folder would have to be short, and writable for whoever PostgreSQL runs as.
    unix_socket_directories: '',
    max_connections: 100,
    shared_buffers: '128MB',
    // Logical replication, for the sources that read changes.
    wal_level: 'logical',
    max_replication_slots: 20,
    max_wal_senders: 20,
  };
  return {
    name: 'postgres',
    title: 'PostgreSQL',
    command: join(place.binaries, 'bin', 'postgres'),
    args: ['-D', place.data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    env: { ...env, LC_ALL: 'C', TZ: 'UTC' },
    cwd: place.home,
    ...place.user,
    log: join(dir, 'postgres', 'server.log'),
    // "Fast": open transactions are rolled back. SIGTERM would wait for every client to leave.
    stopSignal: 'SIGINT',
    ports: [port],
    ready: async () => (await databaseProblem(databaseUrlAt(port, dir, 'postgres'), 2000)) === undefined,
  };
}

/** Creates the cluster, as a whole or not at all. A cluster that is there is left alone. */
export async function initPostgres(place: PostgresPlace, dir: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (existsSync(join(place.data, 'PG_VERSION'))) return;
  const filling = `${place.data}.new`;
  rmSync(filling, { recursive: true, force: true });
  mkdirSync(filling, { mode: 0o700 });
  // initdb may run as another user, who cannot read the password's own file.
  const passwordFile = `${place.data}.password`;
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, passwordOf(dir), { mode: 0o600 });
  if (place.user !== undefined)
    for (const path of [filling, passwordFile]) chownSync(path, place.user.uid, place.user.gid);
  try {
    const { code, output } = await run(
      join(place.binaries, 'bin', 'initdb'),
      [
        `--pgdata=${filling}`,
        `--username=${USER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        // Sorts by code point and knows all letters, the same on every platform.
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
      ],
      { ...env, LC_ALL: 'C' },
      { cwd: place.home, ...place.user },
    );
    if (code !== 0) throw new StackError('SERVER_FORMAT_FAILED', `initdb\n${output.trim()}`, { place: place.data });
    renameSync(filling, place.data);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(filling, { recursive: true, force: true });
  }
}

/** The flows' own database, so that the one named postgres stays for administration. */
export async function createDatabase(port: number, dir: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrlAt(port, dir, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

export function databaseUrlAt(port: number, dir: string, database = DATABASE): string {
  return `postgres://${USER}:${passwordOf(dir)}@127.0.0.1:${port}/${database}`;
}

/** Made at the first start; without letters that a URL would have to escape. */
function passwordOf(dir: string): string {
  const file = join(dir, 'postgres', 'password');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const password = randomBytes(24).toString('base64url');
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return password;
}
