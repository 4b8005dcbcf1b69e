/** The stack as processes of this machine, side by side under one supervisor. */
import { allOrFirstError, takeFolder } from '../folder-owner.ts';
import { findJava, inspectLocal } from '../machine.mjs';
import type { Stack, StackOptions } from '../stack.ts';
import { StackError, throwAll } from '../stack-error.ts';
import { keepShape, openFolder, publish, unpublish } from '../state-folder.ts';
import { fetchJars } from './jars.ts';
import { clusterIdOf, formatKafka, kafkaPlan } from './kafka.ts';
import { choosePorts } from './ports.ts';
import { createDatabase, databaseUrlAt, initPostgres, postgresPlan } from './postgres.ts';
import { findPackage, placePostgres } from './postgres-place.ts';
import { registryPlan, registryUrlAt } from './registry.ts';
import { LocalServer } from './server.ts';

export async function startLocal(options: StackOptions): Promise<Stack> {
  const { dir, env = process.env, onProgress = () => {} } = options;
  const brokers = options.brokers ?? 1;
  throwAll(missingFor(env));
  const java = findJava(env)!;
  openFolder(dir);
  const supervision = await takeFolder(dir, onProgress);
  try {
    keepShape(dir, { kind: 'local', brokers });
    const jars = await fetchJars(env, onProgress);
    const ports = await choosePorts(dir, brokers, options.ports);
    const place = await placePostgres(dir, env);
    const kafka = ports.brokers.map((_, i) => kafkaPlan(java, jars, ports, i, dir, env));
    const plans = [
      ...kafka,
      registryPlan(java, jars, ports.registry, dir, env),
      postgresPlan(place, ports.database, dir, env),
    ];
    const servers = plans.map((plan) => new LocalServer(supervision, plan, onProgress));
    supervision.onExit = (exit) => servers.find((server) => server.plan.name === exit.name)?.noteExit(exit);
    supervision.onLost = () => onProgress(new StackError('SUPERVISOR_GONE').format());

    onProgress('starting Kafka, the schema registry and PostgreSQL');
    const clusterId = clusterIdOf(dir);
    const [registry, database] = servers.slice(-2) as [LocalServer, LocalServer];
    await allOrFirstError([
      ...kafka.map(async (plan, i) => {
        await formatKafka(plan, jars, clusterId);
        await servers[i]!.start();
      }),
      registry.start(),
      initPostgres(place, dir, env)
        .then(() => database.start())
        .then(() => createDatabase(ports.database, dir)),
    ]);
    const addresses = {
      kind: 'local' as const,
      brokers: ports.brokers.map((port) => `127.0.0.1:${port}`),
      registryUrl: registryUrlAt(ports.registry),
      databaseUrl: databaseUrlAt(ports.database, dir),
    };
    publish(dir, addresses);
    return {
      ...addresses,
      broker: (index) => servers[index] as LocalServer,
      registry,
      database,
      stop: async () => {
        unpublish(dir);
        for (const server of servers) server.expectEnd();
        await supervision.close();
      },
    };
  } catch (error) {
    await supervision.close();
    throw error;
  }
}

/** What the machine lacks for a local stack, all of it. */
export function missingFor(env: NodeJS.ProcessEnv): StackError[] {
  const missing = inspectLocal(env)
    .filter((finding) => !finding.ok)
    .map((finding) => new StackError(finding.code ?? 'JAVA_MISSING', finding.detail));
  if (findPackage() === undefined)
    missing.push(new StackError('DATABASE_MISSING', '', { place: `${process.platform}-${process.arch}` }));
  return missing;
}
