/** The choice between servers given by address, in Docker, and as local processes. */
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { takeFolder } from './folder-owner.ts';
import { addressesFrom, useGiven } from './given.ts';
import { missingFor, startLocal } from './local/local-stack.ts';
import { placesOutside } from './local/postgres-place.ts';
import { findDocker } from './machine.mjs';
import type { Stack, StackKind, StackOptions } from './stack.ts';
import { StackError, StackErrors } from './stack-error.ts';
import { openFolder, readShape } from './state-folder.ts';

/**
 * Resolves when all three servers answer. Everything that is missing is named before anything is started; what had been
 * started when something fails is stopped again. Throws StackError or StackErrors.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const env = options.env ?? process.env;
  const dir = resolve(options.dir);
  const kind = options.kind ?? (await chooseKind(dir, env));
  if (kind === 'given') {
    const addresses = addressesFrom(env);
    if (addresses === undefined)
      throw new StackError('ADDRESSES_PARTIAL', 'none of the three is set', { place: 'environment' });
    return useGiven(addresses, options.checkRegistry);
  }
  if (kind === 'local') return startLocal({ ...options, dir, env });
  try {
    // Only here: it brings a client of Docker with it that takes half a second to load.
    const { startDocker } = await import('./docker/docker-stack.ts');
    return await startDocker({ ...options, dir, env });
  } catch (error) {
    // Nobody asked for Docker, and it cannot get its images: the other way may still be open.
    const asked = options.kind !== undefined || Boolean(env.QUADRILLE_STACK) || readShape(dir) !== undefined;
    if (asked || !(isImageMissing(error) && missingFor(env).length === 0)) throw error;
    options.onProgress?.(`${(error as Error).message}; starting local processes instead`);
    return startLocal({ ...options, dir, env });
  }
}

/**
 * Removes all state of a folder whose stack is not running, also what lies outside of it: volumes in Docker, and the
 * database's files where they had to have another place. Throws STACK_IN_USE.
 */
export async function removeState(dir: string): Promise<void> {
  const folder = resolve(dir);
  openFolder(folder);
  const supervision = await takeFolder(folder, () => {});
  try {
    if (readShape(folder)?.kind === 'docker') await (await import('./docker/docker-stack.ts')).removeVolumes(folder);
    for (const outside of placesOutside(folder)) rmSync(outside, { recursive: true, force: true });
  } finally {
    await supervision.close();
  }
  rmSync(folder, { recursive: true, force: true });
}

function isImageMissing(error: unknown): boolean {
  const errors = error instanceof StackErrors ? error.errors : [error];
  return errors.some((one) => one instanceof StackError && one.code === 'DOCKER_IMAGE_MISSING');
}

/**
 * Addresses in the environment, else what QUADRILLE_STACK says, else what the folder's state is of (or the data would
 * seem lost the day Docker happens to run), else Docker if it answers, else local processes.
 */
export async function chooseKind(dir: string, env: NodeJS.ProcessEnv): Promise<StackKind> {
  const forced = env.QUADRILLE_STACK?.trim();
  if (forced && forced !== 'local' && forced !== 'docker')
    throw new StackError('STACK_KIND_UNKNOWN', `"${forced}"`, { place: 'QUADRILLE_STACK' });
  if (forced) return forced as StackKind;
  if (addressesFrom(env) !== undefined) return 'given';
  const shape = readShape(dir);
  if (shape !== undefined) return shape.kind;
  return (await findDocker(env)) === undefined ? 'local' : 'docker';
}
