/** Kustomize, as it is found on this machine or made with Go. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The newest that Go 1.22 can make; later ones fetch what they need. */
const VERSION = 'v5.7.1';
/** What Debian 12 brings is Go 1.19, which cannot. */
const VERSION_OF_OLD_GO = 'v5.0.3';
const OLD_GO = /go1\.(1\d|20)\b/;
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'quadrille');

export type Build = (folder: string) => Promise<string>;

/** A build of this machine, or why there is none. */
export type Kustomize = { build: Build; missing?: undefined } | { build?: undefined; missing: string };

/** `kustomize` or `kubectl` of the PATH, else one made by Go once and kept. */
export async function findKustomize(): Promise<Kustomize> {
  if ((await answer('kustomize', ['version'])) !== undefined) return { build: building('kustomize', 'build') };
  // Components came with Kustomize 4, which kubectl has since 1.21.
  const kubectl = /v1\.(\d+)/.exec((await answer('kubectl', ['version', '--client'])) ?? '')?.[1];
  if (Number(kubectl ?? 0) >= 21) return { build: building('kubectl', 'kustomize') };
  const go = await answer('go', ['version']);
  if (go === undefined) return { missing: 'neither kustomize, kubectl nor go is on this machine' };
  const version = OLD_GO.test(go) ? VERSION_OF_OLD_GO : VERSION;
  const folder = join(CACHE, `kustomize-${version}`);
  const made = join(folder, 'kustomize');
  if (existsSync(made)) return { build: building(made, 'build') };
  mkdirSync(folder, { recursive: true });
  try {
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
    await run('go', ['install', `sigs.k8s.io/kustomize/kustomize/v5@${version}`], { env });
  } catch (error) {
    return { missing: `go cannot make kustomize ${version}: ${(error as { stderr?: string }).stderr?.trim()}` };
  }
  return { build: building(made, 'build') };
}

/** What a command says; undefined where it is not there. */
const answer = (command: string, args: string[]): Promise<string | undefined> =>
  run(command, args).then(
    ({ stdout }) => stdout,
    () => undefined,
  );

const building =
  (command: string, verb: string): Build =>
  async (folder) =>
    (await run(command, [verb, folder], { maxBuffer: 64 * 1024 * 1024 })).stdout;
