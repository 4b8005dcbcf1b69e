/** Servers given by address: checked to answer, never started, stopped or disturbed. */
import { givenAddresses } from './machine.mjs';
import { accepts, databaseProblem, registryProblem } from './probes.ts';
import type { Faultable, Stack, StackAddresses } from './stack.ts';
import { StackError, throwAll } from './stack-error.ts';

/** Undefined when none of the three is set; ADDRESSES_PARTIAL and ADDRESS_INVALID are thrown, all problems at once. */
export function addressesFrom(env: NodeJS.ProcessEnv): StackAddresses | undefined {
  const given = givenAddresses(env);
  if (given === 'none') return undefined;
  if (given !== 'all')
    throw new StackError('ADDRESSES_PARTIAL', `${given.join(' and ')} not set`, { place: 'environment' });
  const brokers = env.KAFKA_BROKERS!.split(',').map((broker) => broker.trim());
  const registryUrl = env.SCHEMA_REGISTRY_URL!.trim().replace(/\/+$/, '');
  const databaseUrl = env.DATABASE_URL!.trim();
  const wrong = [
    ...brokers
      .filter((broker) => !/^(\[[0-9a-f:]+\]|[^\s:/,]+):\d{1,5}$/i.test(broker))
      .map((broker) => invalid('KAFKA_BROKERS', `"${broker}"`)),
    // Not repeated: they may hold a password.
    ...(protocolOf(registryUrl).startsWith('http')
      ? []
      : [invalid('SCHEMA_REGISTRY_URL', 'not an http:// or https:// URL')]),
    ...(protocolOf(databaseUrl).startsWith('postgres') ? [] : [invalid('DATABASE_URL', 'not a postgres:// URL')]),
  ];
  throwAll(wrong);
  return { kind: 'given', brokers, registryUrl, databaseUrl };
}

/** Throws ADDRESS_UNREACHABLE for each of the three that does not answer; and what `checkRegistry` throws. */
export async function useGiven(
  addresses: StackAddresses,
  checkRegistry?: (registryUrl: string) => Promise<void>,
): Promise<Stack> {
  const [brokers, registry, database] = await Promise.all([
    Promise.all(addresses.brokers.map(async (broker) => ({ broker, open: await brokerAccepts(broker) }))),
    checkRegistry === undefined
      ? registryProblem(addresses.registryUrl)
      : checkRegistry(addresses.registryUrl).then(() => undefined),
    databaseProblem(addresses.databaseUrl),
  ]);
  const wrong: StackError[] = [];
  // One open broker suffices to learn of the others; a cluster may well run with one of them down.
  if (!brokers.some(({ open }) => open))
    wrong.push(unreachable('KAFKA_BROKERS', `no connection to ${brokers.map(({ broker }) => broker).join(', ')}`));
  if (registry !== undefined) wrong.push(unreachable('SCHEMA_REGISTRY_URL', registry));
  if (database !== undefined) wrong.push(unreachable('DATABASE_URL', `${hostOf(addresses.databaseUrl)}: ${database}`));
  throwAll(wrong);
  return {
    ...addresses,
    broker: () => untouchable,
    registry: untouchable,
    database: untouchable,
    stop: async () => {},
  };
}

const refuse = async (): Promise<never> => {
  throw new Error('servers given by address are not ours to disturb');
};
const untouchable: Faultable = {
  stop: refuse,
  kill: refuse,
  start: refuse,
  pause: () => void refuse(),
  resume: () => void refuse(),
};

async function brokerAccepts(broker: string): Promise<boolean> {
  const url = new URL(`kafka://${broker}`);
  return accepts(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port), 5000);
}

function invalid(variable: string, detail: string): StackError {
  return new StackError('ADDRESS_INVALID', detail, { place: variable });
}

function unreachable(variable: string, detail: string): StackError {
  return new StackError('ADDRESS_UNREACHABLE', detail, { place: variable });
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

function hostOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || 5432}`;
}
