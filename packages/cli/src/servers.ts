/** The servers a command works on, and clients to ask them. */
import { findStack, type StackAddresses, startStack } from '@quadrille/devstack';
import { connectKafka, createLog, KafkaAdmin, type Log, Registry, SERVICE_USERS } from '@quadrille/station';
import { accessOf, checkRegistry, withDatabase } from './access.ts';
import type { Context } from './command.ts';
import { Cancelled } from './errors.ts';
import { stateFolder } from './state.ts';

export type Kafka = ReturnType<typeof connectKafka>;

export interface Servers {
  addresses: StackAddresses;
  kafka: Kafka;
  admin: KafkaAdmin;
  registry: Registry;
  log: Log;
}

/** Clients of servers that run. Log lines of the Kafka client only with QUADRILLE_LOG. */
export function clientsOf(context: Context, addresses: StackAddresses): Servers {
  const log = createLog({ command: 'quadrille' }, context.env.QUADRILLE_LOG ?? 'silent');
  const access = accessOf(context.env, addresses);
  const kafka = connectKafka(
    {
      brokers: addresses.brokers,
      access: access.kafka,
      clientId: `quadrille-cli-${process.pid}`,
      reader: SERVICE_USERS.operator,
      sessionTimeoutMs: 30_000,
    },
    log,
  );
  const registry = new Registry(access.registryUrl, access.registry);
  return { addresses, kafka, admin: new KafkaAdmin(kafka), registry, log };
}

/** What a command needs beside Kafka and the registry. */
export interface Needs {
  database: boolean;
}

/**
 * The addresses of the environment, else those of the stack that runs in this folder; undefined when there are neither.
 * Without need of a database the environment may leave it out; its address is then empty.
 */
export async function findServers(
  context: Context,
  needs: Needs = { database: true },
): Promise<StackAddresses | undefined> {
  const env = withDatabase(context.env);
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL } = env;
  // As `up` chooses: a kind that is asked for comes before addresses.
  const isKindForced = (context.env.QUADRILLE_STACK ?? '').trim() !== '';
  if (!isKindForced && !needs.database && KAFKA_BROKERS && SCHEMA_REGISTRY_URL && !DATABASE_URL)
    return {
      kind: 'given',
      brokers: KAFKA_BROKERS.split(',').map((broker) => broker.trim()),
      registryUrl: SCHEMA_REGISTRY_URL.trim().replace(/\/+$/, ''),
      databaseUrl: '',
    };
  if (!isKindForced && (KAFKA_BROKERS || SCHEMA_REGISTRY_URL || DATABASE_URL))
    return startStack({ dir: stateFolder(context.cwd), kind: 'given', env, checkRegistry: checkRegistry(env) });
  return findStack(stateFolder(context.cwd));
}

/**
 * Works on the servers there are; where none run, starts this folder's stack for the time of the work.
 * @throws Cancelled when the user gives up, once all is stopped.
 */
export async function withServers<T>(
  context: Context,
  work: (servers: Servers) => Promise<T>,
  needs?: Needs,
): Promise<T> {
  const found = await findServers(context, needs);
  const stack = found === undefined ? await startForNow(context) : undefined;
  const servers = clientsOf(context, found ?? stack!);
  try {
    return await orCancelled(context, work(servers));
  } finally {
    await servers.admin.close().catch(() => {});
    await stack?.stop();
  }
}

async function startForNow(context: Context): ReturnType<typeof startStack> {
  context.err('no stack is running here: starting it for the time of this command');
  return startStack({
    dir: stateFolder(context.cwd),
    env: { ...context.env },
    onProgress: (line) => context.err(line),
  });
}

/** The work's result, or Cancelled as soon as the user gives up. */
export function orCancelled<T>({ cancel }: Context, work: Promise<T>): Promise<T> {
  if (cancel.aborted) return Promise.reject(new Cancelled());
  return new Promise((resolve, reject) => {
    const give = (): void => reject(new Cancelled());
    cancel.addEventListener('abort', give, { once: true });
    work.then(resolve, reject).finally(() => cancel.removeEventListener('abort', give));
  });
}
