/** Apicurio Registry, with its schemas in a file of its own: it goes on when PostgreSQL or Kafka stop. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Java } from '../machine.mjs';
import { registryProblem } from '../probes.ts';
import { ClassArchive } from './class-archive.ts';
import type { Jars } from './jars.ts';
import type { ServerPlan } from './server.ts';

const CONFLUENT_API = '/apis/ccompat/v7';

export function registryPlan(java: Java, jars: Jars, port: number, dir: string, env: NodeJS.ProcessEnv): ServerPlan {
  const cwd = join(dir, 'registry');
  mkdirSync(cwd, { recursive: true });
  const settings = {
    'quadrille.server': 'registry',
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': port,
    'quarkus.http.access-log.enabled': false,
    'quarkus.log.console.json': false,
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    // Relative to the working directory. Without WRITE_DELAY=0 an answered registration could be lost to kill -9.
    'apicurio.datasource.url': 'jdbc:h2:file:./registry;WRITE_DELAY=0',
  };
  return {
    name: 'registry',
    title: 'the schema registry',
    command: java.path,
    args: [
      ...Object.entries(settings).map(([key, value]) => `-D${key}=${value}`),
      // A few requests a run: quick to start and small matter here, peak speed does not.
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ...['-jar', jars.registry],
    ],
    env,
    cwd,
    log: join(cwd, 'server.log'),
    ports: [port],
    archive: new ClassArchive(join(jars.folder, `registry-${java.version}.jsa`), cwd, true),
    ready: async () => (await registryProblem(registryUrlAt(port), 2000)) === undefined,
  };
}

export function registryUrlAt(port: number): string {
  return `http://127.0.0.1:${port}${CONFLUENT_API}`;
}
