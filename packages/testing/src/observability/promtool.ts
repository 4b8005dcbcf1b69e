/** Prometheus's own tool for rules and expressions: the machine's, or the one in Debian's package, kept in the cache. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'quadrille');
const PATIENCE_MS = 120_000;

/** @returns its path, or why there is none. Nothing is installed: the package is downloaded and unpacked. */
export async function findPromtool(): Promise<{ path: string } | { absent: string }> {
  const known = [...(process.env.PATH ?? '').split(delimiter), CACHE].map((folder) => join(folder, 'promtool'));
  const found = known.find((path) => existsSync(path));
  if (found !== undefined) return { path: found };
  try {
    return { path: await download() };
  } catch (error) {
    const [reason] = String((error as { stderr?: string }).stderr || error).split('\n');
    return { absent: `no promtool in PATH, and Debian's package prometheus cannot be downloaded: ${reason}` };
  }
}

async function download(): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'promtool-'));
  const apt = (...args: string[]) => run('apt-get', ['-q', ...args], { cwd: folder, timeout: PATIENCE_MS });
  try {
    await apt('download', 'prometheus').catch(async (error) => {
      if (process.getuid?.() !== 0) throw error;
      // A machine made of an image knows no packages yet.
      await apt('update');
      await apt('download', 'prometheus');
    });
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error('nothing was downloaded');
    await run('dpkg-deb', ['-x', archive, '.'], { cwd: folder, timeout: PATIENCE_MS });
    const path = join(CACHE, 'promtool');
    await rename(join(folder, 'usr', 'bin', 'promtool'), path);
    return path;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws with what the tool said when it is not satisfied. */
export async function promtool(path: string, ...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await run(path, args, { timeout: PATIENCE_MS });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`);
  }
}
