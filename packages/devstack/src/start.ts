/** The choice between servers given by address, in Docker, and as local processes. */
import { resolve } from 'node:path';
import { addressesFrom, useGiven } from './given.ts';
import { startLocal } from './local/local-stack.ts';
import { findDocker } from './machine.mjs';
import type { Stack, StackKind, StackOptions } from './stack.ts';
import { StackError } from './stack-error.ts';
import { readShape } from './state-folder.ts';

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
    return useGiven(addresses);
  }
  return startLocal({ ...options, dir, env });
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
