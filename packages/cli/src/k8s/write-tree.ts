/** The tree on disk: what differs from what is rendered, and writing it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Fault } from '@quadrille/record';
import { OWNED, type Tree } from './tree.ts';

export interface Difference {
  path: string;
  what: 'new' | 'changed' | 'removed';
}

/**
 * What writing would change. Files without the first words of rendered ones are nobody's business here, but where they
 * stand in the way of one.
 * @throws Fault K8S_UNFIT: the folder holds another flow's tree, or a file of somebody's own
 */
export function differences(folder: string, { owned, started }: Tree): Difference[] {
  const found: Difference[] = [];
  const [header = ''] = owned.get('base/kustomization.yaml')!.split('\n', 1);
  for (const [path, text] of owned) {
    const there = read(join(folder, path));
    if (there === undefined) found.push({ path, what: 'new' });
    else if (!there.startsWith(OWNED))
      throw new Fault('K8S_UNFIT', 'it is not one of the files that are rendered', {
        place: relative('', join(folder, path)),
        help: 'move it, or render into another folder with --out',
      });
    else if (!there.startsWith(header))
      throw new Fault('K8S_UNFIT', `it is of another flow: ${there.split('\n', 1)[0]!.slice(2)}`, {
        place: relative('', join(folder, path)),
        help: 'one folder a flow: name another with --out',
      });
    else if (there !== text) found.push({ path, what: 'changed' });
  }
  for (const path of started.keys())
    if (read(join(folder, path)) === undefined && !isAround(folder, path)) found.push({ path, what: 'new' });
  for (const path of rendered(folder)) if (!owned.has(path)) found.push({ path, what: 'removed' });
  return found;
}

/** Writes what `differences` told. */
export function writeTree(folder: string, { owned, started }: Tree, changes: readonly Difference[]): void {
  for (const { path, what } of changes) {
    const file = join(folder, path);
    if (what === 'removed') {
      rmSync(file);
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, (owned.get(path) ?? started.get(path))!);
  }
}

/** An overlay that has been begun is its owner's: nothing is added to it. */
const isAround = (folder: string, path: string): boolean =>
  read(join(folder, dirname(path), 'kustomization.yaml')) !== undefined;

/** Rendered files that are there. */
const rendered = (folder: string): string[] =>
  ['base', 'components'].flatMap((part) =>
    list(join(folder, part))
      .filter((file) => read(file)?.startsWith(OWNED))
      .map((file) => relative(folder, file).replaceAll('\\', '/')),
  );

function list(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
