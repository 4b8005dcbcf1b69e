/** One Kafka broker without registry and database, with settings of the caller's own: for tests of secured clusters. */
import { takeFolder } from '../folder-owner.ts';
import { findJava } from '../machine.mjs';
import { throwAll } from '../stack-error.ts';
import { openFolder } from '../state-folder.ts';
import { fetchJars } from './jars.ts';
import { clusterIdOf, formatKafka, kafkaPlan } from './kafka.ts';
import { missingFor } from './local-stack.ts';
import { choosePorts } from './ports.ts';
import { LocalServer } from './server.ts';

export interface KafkaAloneOptions {
  /** The folder of its state; one owner at a time. */
  dir: string;
  /** Added to the settings, or in place of them. A listener that answers without TLS and SASL must stay at the broker's port. */
  settings(ports: { broker: number; controller: number }): Record<string, string | number | boolean>;
  /** More arguments of kafka-storage's `format`, e.g. `--add-scram`. */
  format?: readonly string[];
  env?: NodeJS.ProcessEnv;
  onProgress?: (line: string) => void;
}

export interface KafkaAlone {
  /** Port of the listener without TLS and SASL. */
  port: number;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** What this machine lacks to run one; undefined: nothing. */
export const kafkaAloneLacks = (env: NodeJS.ProcessEnv = process.env): string | undefined =>
  missingFor(env)
    .map(({ code }) => code)
    .filter((code) => code !== 'DATABASE_MISSING')
    .join(', ') || undefined;

/** Resolves when it answers. Throws StackError. */
export async function startKafkaAlone(options: KafkaAloneOptions): Promise<KafkaAlone> {
  const { dir, env = process.env, onProgress = () => {} } = options;
  throwAll(missingFor(env).filter(({ code }) => code !== 'DATABASE_MISSING'));
  openFolder(dir);
  const supervision = await takeFolder(dir, onProgress);
  try {
    const jars = await fetchJars(env, onProgress);
    const ports = await choosePorts(dir, 1);
    const [broker, controller] = [ports.brokers[0]!, ports.controllers[0]!];
    const plan = kafkaPlan(findJava(env)!, jars, ports, 0, dir, env, options.settings({ broker, controller }));
    const server = new LocalServer(supervision, plan, onProgress);
    supervision.onExit = (exit) => server.noteExit(exit);
    await formatKafka(plan, jars, clusterIdOf(dir), options.format);
    await server.start();
    return {
      port: broker,
      stop: async () => {
        server.expectEnd();
        await supervision.close();
      },
    };
  } catch (error) {
    await supervision.close();
    throw error;
  }
}
