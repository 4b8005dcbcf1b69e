/**
 * Runs the tests of the whole project, or of the folders and files named. Those that need no server come first; the others
 * (`*.kafka.test.ts`, `*.pg.test.ts`, `*.e2e.test.ts`) follow on one stack that this script starts and stops:
 * KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL. Two files run side by side, but those that measure time.
 *
 *   node scripts/test.ts [--unit] [folder or file …] [-- options of node --test …]
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withStack } from './test-stack.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const NEEDS_SERVERS = /\.(kafka|pg|e2e)\.test\.ts$/;
/** What they assert is how long something takes. */
const MEASURES = /\/(local-stack\.kafka|million\.pg|throughput\.e2e)\.test\.ts$/;
/** Takes longest, and begins first. */
const LONGEST = /\/chaos\.e2e\.test\.ts$/;
const SIDE_BY_SIDE = 2;
const HANGS_MS = 480_000;

const words = process.argv.slice(2);
const rest = words.includes('--') ? words.splice(words.indexOf('--')).slice(1) : [];
const unitOnly = words.includes('--unit');
const files = findFiles(words.filter((word) => word !== '--unit'));

const unit = files.filter((file) => !NEEDS_SERVERS.test(file));
const withServers = unitOnly ? [] : files.filter((file) => NEEDS_SERVERS.test(file));
const alone = withServers.filter((file) => MEASURES.test(file));
const together = withServers
  .filter((file) => !MEASURES.test(file))
  .sort((a, b) => Number(LONGEST.test(b)) - Number(LONGEST.test(a)));
const reports = mkdtempSync(join(tmpdir(), 'quadrille-tests-'));
const failed = [
  await run('unit', unit, Math.max(1, availableParallelism())),
  withServers.length === 0 ? 0 : await withStack(onServers),
].some((code) => code !== 0);
printTotals();
rmSync(reports, { recursive: true });
process.exitCode = failed || files.length === 0 ? 1 : 0;

/** Folders are searched; relative names are the caller's own. */
function findFiles(names: string[]): string[] {
  const wanted =
    names.length === 0
      ? ['packages', 'services', 'flows', 'scripts'].map((name) => join(root, name))
      : names.map((name) => resolve(name));
  const found = wanted.flatMap((path) => {
    if (!existsSync(path)) {
      process.stderr.write(`NO_SUCH_TEST ${path}: no such file or folder\n  help: name folders or *.test.ts files\n`);
      process.exit(64);
    }
    return statSync(path).isDirectory()
      ? globSync('**/*.test.ts', { cwd: path, exclude: (name) => name === 'node_modules' }).map((file) =>
          join(path, file),
        )
      : [path];
  });
  return found.map((file) => relative(root, file)).sort();
}

async function onServers(env: Record<string, string>): Promise<number> {
  const codes = [await run('measuring', alone, 1, env), await run('servers', together, SIDE_BY_SIDE, env)];
  return Math.max(...codes);
}

async function run(name: string, tests: string[], concurrency: number, addresses = {}): Promise<number> {
  if (tests.length === 0) return 0;
  const report = join(reports, `${name}.tap`);
  const args = [
    '--test',
    `--test-concurrency=${concurrency}`,
    // One that hangs must not take the time of all others.
    `--test-timeout=${HANGS_MS}`,
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=tap', `--test-reporter-destination=${report}`],
    ...rest,
    ...tests,
  ];
  // A runner within a runner would report to the outer one alone.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...env, ...addresses } });
  return new Promise((done) => child.on('exit', (code) => done(code ?? 1)));
}

/** Each run closes with its own figures; these are those of both, in the runner's words. */
function printTotals(): void {
  const totals = new Map<string, number>();
  for (const report of ['unit', 'measuring', 'servers'].map((name) => join(reports, `${name}.tap`)).filter(existsSync))
    for (const [, figure, value] of readFileSync(report, 'utf8').matchAll(
      /^# (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/gm,
    ))
      totals.set(figure!, (totals.get(figure!) ?? 0) + Number(value));
  process.stdout.write(`\n${files.length} files\n`);
  for (const [figure, value] of totals)
    process.stdout.write(`ℹ ${figure} ${figure === 'duration_ms' ? Math.round(value) : value}\n`);
}
