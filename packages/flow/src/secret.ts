/** Values of the environment that may stand in a file: `NAME`, or `NAME_FILE` with the path of a file that holds it. */
import { readFileSync } from 'node:fs';
import { Fault } from '@quadrille/record';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The value now: a file is read anew at each call, so that what is rotated is found at the next connection. One line end
 * at its end is cut.
 * @returns undefined when neither is set, or empty. @throws Fault CONFIG_INVALID: both are set, or the file cannot be read
 */
export function secretOf(env: Environment, name: string): string | undefined {
  const file = env[`${name}_FILE`];
  if (!file) return env[name] || undefined;
  if (env[name])
    throw new Fault('CONFIG_INVALID', `${name} is set too`, { place: `${name}_FILE`, help: 'set one of the two' });
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '') || undefined;
  } catch (error) {
    throw new Fault('CONFIG_INVALID', (error as Error).message, {
      place: `${name}_FILE`,
      help: 'name a file that this user may read',
    });
  }
}

/** The variables of the environment that the configuration of a source or target names, `DATABASE_URL` by default. */
const namedIn = (env: Environment, config: Readonly<Record<string, unknown>>): string[] =>
  ['DATABASE_URL', ...Object.values(config)].filter(
    (name): name is string =>
      typeof name === 'string' && /^[A-Z][A-Z0-9_]*$/.test(name) && (name in env || `${name}_FILE` in env),
  );

/**
 * The environment as a source or target gets it: a variable that its configuration names, and whose value stands in a
 * file, has that value. Read when it is made: a new password is found when the process starts anew.
 * @throws Fault CONFIG_INVALID
 */
export function withSecrets(env: Environment, config: Readonly<Record<string, unknown>>): Environment {
  const filled = { ...env };
  for (const name of namedIn(env, config)) filled[name] = secretOf(env, name);
  return filled;
}

/** Takes what they name out of an environment, so that rules and their packages do not find it there. */
export function hideSecrets(env: Record<string, string | undefined>, config: Readonly<Record<string, unknown>>): void {
  for (const name of namedIn(env, config)) delete env[name];
}
