/** How the command, and the processes it starts, get into servers: by the environment where servers are given, openly on a stack of its own. */
import type { StackAddresses } from '@quadrille/devstack';
import { secretOf } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import {
  ACCESS_VARIABLES,
  type KafkaAccess,
  Registry,
  type RegistryAccess,
  readKafkaAccess,
  readRegistryAccess,
} from '@quadrille/station';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment with the database's address filled in where it stands in a file. @throws Fault CONFIG_INVALID */
export const withDatabase = (env: Environment): NodeJS.ProcessEnv => ({
  ...env,
  DATABASE_URL: secretOf(env, 'DATABASE_URL'),
});

export interface Access {
  kafka: KafkaAccess;
  /** Without user and password. */
  registryUrl: string;
  registry: RegistryAccess;
}

/** @throws Faults CONFIG_INVALID */
export function accessOf(
  env: Environment,
  { kind, registryUrl }: Pick<StackAddresses, 'kind' | 'registryUrl'>,
): Access {
  const faults: Fault[] = [];
  const wrong = (place: string, what: string, help: string): undefined => {
    faults.push(new Fault('CONFIG_INVALID', what, { place, help }));
    return undefined;
  };
  const own = { ...(kind === 'given' ? env : {}), SCHEMA_REGISTRY_URL: registryUrl };
  const kafka = readKafkaAccess(own, wrong);
  const { url, access } = readRegistryAccess(own, wrong);
  if (faults.length > 0) throw new Faults(faults);
  return { kafka, registryUrl: url, registry: access };
}

/** For devstack, which knows nothing of it: whether a given registry lets us in. @throws Fault, Faults */
export const checkRegistry =
  (env: Environment) =>
  async (registryUrl: string): Promise<void> => {
    const access = accessOf(env, { kind: 'given', registryUrl });
    await new Registry(access.registryUrl, access.registry).check();
  };

/** The environment of a process that is to work on these servers. A database's address that stands in a file stays there. */
export function serverEnv(
  env: Environment,
  { kind, brokers, registryUrl, databaseUrl }: StackAddresses,
): NodeJS.ProcessEnv {
  const isGiven = kind === 'given';
  const kept = Object.entries(env).filter(
    ([name]) => isGiven || !(ACCESS_VARIABLES.test(name) || name === 'DATABASE_URL_FILE'),
  );
  return {
    ...Object.fromEntries(kept),
    KAFKA_BROKERS: brokers.join(','),
    SCHEMA_REGISTRY_URL: registryUrl,
    ...(isGiven && env.DATABASE_URL_FILE ? {} : { DATABASE_URL: databaseUrl }),
  };
}
