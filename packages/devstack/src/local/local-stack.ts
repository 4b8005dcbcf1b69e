/** The stack as processes of this machine, side by side under one supervisor. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { findJava, inspectLocal } from '../machine.mjs';
import type { Stack, StackOptions } from '../stack.ts';
import { StackError, throwAll } from '../stack-error.ts';
import { keepShape, openFolder, publish, readJson, unpublish } from '../state-folder.ts';
import { fetchJars } from './jars.ts';
import { clusterIdOf, formatKafka, kafkaPlan } from './kafka.ts';
import { choosePorts } from './ports.ts';
import { createDatabase, databaseUrlAt, initPostgres, postgresPlan } from './postgres.ts';
import { findPackage, placePostgres, placesOutside } from './postgres-place.ts';
import { isAlive } from './process-tree.mjs';
import { registryPlan, registryUrlAt } from './registry.ts';
import { LocalServer } from './server.ts';
import { FolderLocked, Supervision } from './supervision.ts';

const PREVIOUS_MAY_TAKE_MS = 30_000;

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

/** Waits for a stack whose owner is gone: its servers are being stopped in order. Throws STACK_IN_USE when it lives. */
async function takeFolder(dir: string, onProgress: (line: string) => void): Promise<Supervision> {
  const until = Date.now() + PREVIOUS_MAY_TAKE_MS;
  for (let waited = false; ; waited = true) {
    try {
      return await Supervision.open(dir);
    } catch (error) {
      if (!(error instanceof FolderLocked)) throw error;
    }
    const owner = readJson<{ owner: number }>(join(dir, 'owner.json'))?.owner;
    if ((owner !== undefined && isAlive(owner)) || Date.now() > until)
      throw new StackError('STACK_IN_USE', owner === undefined ? '' : `process ${owner}`, { place: dir });
    if (!waited) onProgress('waiting for the servers of an ended process to stop');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Waits for all, so that nothing is still being started when the first error is dealt with. */
async function allOrFirstError(work: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  throwAll(results.flatMap((result) => (result.status === 'rejected' ? [asStackError(result.reason)] : [])));
}

function asStackError(reason: unknown): StackError {
  if (reason instanceof StackError) return reason;
  return new StackError('SERVER_FORMAT_FAILED', reason instanceof Error ? reason.message : String(reason), {
    cause: reason,
  });
}

/** Removes all state of a folder whose stack is not running, also what lies outside of it. Throws STACK_IN_USE. */
export async function removeLocalState(dir: string): Promise<void> {
  openFolder(dir);
  const supervision = await takeFolder(dir, () => {});
  const outside = placesOutside(dir);
  await supervision.close();
  for (const folder of [...outside, dir]) rmSync(folder, { recursive: true, force: true });
}
