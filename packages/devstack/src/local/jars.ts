/** Java programs: fetched by Maven once a user, every file compared with its pinned digest. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CHECKSUMS, findInPath, jarsFolder, POM } from '../machine.mjs';
import { StackError } from '../stack-error.ts';

export interface Jars {
  /** Holds them, and what is derived from them. */
  folder: string;
  /** Kafka's class path. Spelled out and sorted, because `lib/*` leaves the order to the file system. */
  kafka: string[];
  registry: string;
}

/** A set of files that Maven brings. */
export interface PinnedFiles {
  /** For people, with its size. */
  title: string;
  /** Has Maven put its files below the folder `out` in the phase prepare-package. */
  pom: string;
  /** Lines as sha256sum writes them: every file that comes, and no other. */
  checksums: string;
  /** Where they stay. */
  folder: string;
  /** Runs over what came before it is called whole. */
  finish?(folder: string): Promise<void>;
}

/**
 * The folder is whole or absent: it is filled under another name and renamed last. Two at once do no harm.
 * @throws StackError MAVEN_MISSING, DOWNLOAD_FAILED, CHECKSUM_MISMATCH
 */
export async function fetchPinned(
  { title, pom, checksums, folder, finish }: PinnedFiles,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<void> {
  if (existsSync(join(folder, 'complete'))) return;
  mkdirSync(dirname(folder), { recursive: true });
  const filling = mkdtempSync(`${folder}.`);
  try {
    onProgress(`downloading ${title}`);
    await download(pom, filling, env);
    await compareDigests(checksums, filling);
    await finish?.(filling);
    writeFileSync(join(filling, 'complete'), '');
    // What stands there without `complete` is of no use to anyone.
    if (!existsSync(join(folder, 'complete'))) rmSync(folder, { recursive: true, force: true });
    renameInto(filling, folder);
  } finally {
    rmSync(filling, { recursive: true, force: true });
  }
}

/** Kafka and the registry. */
export async function fetchJars(env: NodeJS.ProcessEnv, onProgress: (line: string) => void): Promise<Jars> {
  const folder = jarsFolder(env);
  const title = 'Kafka and the registry (150 MB, once)';
  const finish = (filling: string): Promise<void> => unpackRegistry(filling, env);
  await fetchPinned({ title, pom: POM, checksums: CHECKSUMS, folder, finish }, env, onProgress);
  const kafka = readdirSync(join(folder, 'kafka')).sort();
  const runner = readdirSync(join(folder, 'registry')).find((file) => file.endsWith('-runner.jar'));
  return {
    folder,
    kafka: kafka.map((jar) => join(folder, 'kafka', jar)),
    registry: join(folder, 'registry', runner ?? ''),
  };
}

function renameInto(filling: string, folder: string): void {
  try {
    renameSync(filling, folder);
  } catch (error) {
    // Another process was quicker, with the same files.
    if (!existsSync(join(folder, 'complete'))) throw error;
  }
}

async function download(pom: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const mvn = findInPath('mvn', env);
  if (mvn === undefined) throw new StackError('MAVEN_MISSING');
  const args = ['-q', '-B', '-Dstyle.color=never', '-f', pom, `-Dout=${folder}`, 'prepare-package'];
  const { code, output } = await run(mvn, args, env);
  if (code === 0) return;
  const said = output.split('\n').filter((line) => line.startsWith('[ERROR] ') && line.length > 9);
  throw new StackError('DOWNLOAD_FAILED', `\n${(said.length > 0 ? said : output.split('\n')).slice(0, 4).join('\n')}`, {
    place: pom,
  });
}

/** Every file of the list is there with its digest, and no other is. */
async function compareDigests(checksums: string, folder: string): Promise<void> {
  const expected = new Map<string, string>();
  for (const line of readFileSync(checksums, 'utf8').trim().split('\n')) {
    const [digest, file] = line.split(/\s+/);
    expected.set(file!, digest!);
  }
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const wrong: string[] = [];
  for (const entry of found) {
    const path = join(entry.parentPath, entry.name);
    const file = path.slice(folder.length + 1).replaceAll('\\', '/');
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const digest = hash.digest('hex');
    if (digest !== expected.get(file))
      wrong.push(`${file} has sha256 ${digest}, expected ${expected.get(file) ?? 'no such file'}`);
    expected.delete(file);
  }
  for (const file of expected.keys()) wrong.push(`${file} was not brought`);
  if (wrong.length > 0) throw new StackError('CHECKSUM_MISMATCH', `\n  ${wrong.join('\n  ')}`, { place: checksums });
}

async function unpackRegistry(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const archive = readdirSync(folder).find((file) => file.endsWith('.tar.gz'));
  const tar = findInPath('tar', env);
  if (tar === undefined || archive === undefined) throw new StackError('TAR_MISSING');
  mkdirSync(join(folder, 'registry'));
  const { code, output } = await run(
    tar,
    ['-xzf', join(folder, archive), '-C', join(folder, 'registry'), '--no-same-owner'],
    env,
  );
  if (code !== 0)
    throw new StackError('DOWNLOAD_FAILED', `${basename(archive)} could not be unpacked: ${output.trim()}`);
  rmSync(join(folder, archive));
}

/** Its output, stdout and stderr as they come. Never rejects for what the program did. */
export function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  options: { uid?: number; gid?: number; cwd?: string } = {},
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
