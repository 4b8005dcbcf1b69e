/** Apache Kafka in KRaft mode from its jars: each node broker and controller at once. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Java } from '../machine.mjs';
import { brokersKnownBy } from '../probes.ts';
import { StackError } from '../stack-error.ts';
import { ClassArchive } from './class-archive.ts';
import { type Jars, run } from './jars.ts';
import type { Ports } from './ports.ts';
import type { ServerPlan } from './server.ts';

/** Dead-letter topics take records that did not fit their source: replicas and requests must let 8 MB through. */
const LARGEST_MESSAGE = 8 * 1024 * 1024;

/** What does not depend on the node, also for the containers of the Docker stack. */
export function kafkaSettings(brokers: number): Record<string, string | number | boolean> {
  const replicas = Math.min(brokers, 3);
  const inSync = Math.max(1, replicas - 1);
  return {
    'process.roles': 'broker,controller',
    'controller.listener.names': 'CONTROLLER',
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 8,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 8,
    // One member must not wait for others that may come, and tests want failures noticed within a second.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    // A killed broker is taken back only when its former session has run out: by default nine seconds.
    'broker.session.timeout.ms': 4000,
    'broker.heartbeat.interval.ms': 1000,
    // A laptop may sleep for weeks: positions must outlast it, ten years do.
    'offsets.retention.minutes': 10 * 365 * 24 * 60,
    'replica.fetch.max.bytes': LARGEST_MESSAGE + 65_536,
    'replica.fetch.response.max.bytes': 2 * LARGEST_MESSAGE,
    'socket.request.max.bytes': 100 * 1024 * 1024,
    // The cleaner takes 128 MB of the heap unless told otherwise.
    'log.cleaner.dedupe.buffer.size': 32 * 1024 * 1024,
  };
}

/** @param more in place of the settings here, or added to them. */
export function kafkaPlan(
  java: Java,
  jars: Jars,
  ports: Ports,
  index: number,
  dir: string,
  env: NodeJS.ProcessEnv,
  more: Record<string, string | number | boolean> = {},
): ServerPlan {
  const name = `kafka-${index + 1}`;
  const cwd = join(dir, name);
  mkdirSync(cwd, { recursive: true });
  const properties = {
    ...kafkaSettings(ports.brokers.length),
    'node.id': index + 1,
    'controller.quorum.voters': ports.controllers.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${ports.brokers[index]},CONTROLLER://127.0.0.1:${ports.controllers[index]}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${ports.brokers[index]}`,
    // Relative to the working directory: a path with a comma or a letter beyond Latin-1 would not survive this file.
    'log.dirs': 'data',
    ...more,
  };
  writeFileSync(join(cwd, 'server.properties'), propertiesText(properties));
  writeFileSync(join(cwd, 'log4j2.properties'), LOG4J);
  const flags = [`-Dquadrille.server=${name}`, '-Dlog4j2.configurationFile=log4j2.properties'];
  return {
    name,
    title: ports.brokers.length === 1 ? 'Kafka' : `Kafka broker ${index + 1}`,
    command: java.path,
    args: [...flags, '-Xms256m', '-Xmx512m', '-cp', jars.kafka.join(delimiter), 'kafka.Kafka', 'server.properties'],
    env,
    cwd,
    log: join(cwd, 'stdout.log'),
    ownLog: join(cwd, 'server.log'),
    ports: [ports.brokers[index]!, ports.controllers[index]!],
    // One suffices for all, and writing it takes some seconds of a processor.
    archive: new ClassArchive(join(jars.folder, `kafka-${java.version}.jsa`), cwd, index === 0),
    ready: async () => (await brokersKnownBy('127.0.0.1', ports.brokers[index]!)) > 0,
  };
}

/** Writes the cluster's identity into a new node's data folder. A folder that has one is left alone. */
export async function formatKafka(
  plan: ServerPlan,
  jars: Jars,
  clusterId: string,
  more: readonly string[] = [],
): Promise<void> {
  const data = join(plan.cwd, 'data');
  if (existsSync(join(data, 'meta.properties'))) return;
  // What an interrupted attempt left holds no records yet.
  rmSync(data, { recursive: true, force: true });
  const args = ['-XX:TieredStopAtLevel=1', '-cp', jars.kafka.join(delimiter), 'kafka.tools.StorageTool'];
  const { code, output } = await run(
    plan.command,
    [...args, 'format', '-t', clusterId, '-c', 'server.properties', ...more],
    plan.env,
    { cwd: plan.cwd },
  );
  if (code !== 0) throw new StackError('SERVER_FORMAT_FAILED', `${plan.title}\n${output.trim()}`, { place: data });
}

/** Sixteen random bytes as Kafka writes them, the same for all nodes and for the life of the state. */
export function clusterIdOf(dir: string): string {
  const file = join(dir, 'cluster.id');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  // An id that begins with a dash would be taken for an option.
  let id = '-';
  while (id.startsWith('-')) id = randomBytes(16).toString('base64url');
  writeFileSync(file, `${id}\n`);
  return id;
}

function propertiesText(properties: Record<string, string | number | boolean>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

// Without its own shutdown hook, which would be faster than the server's and swallow its last lines.
const LOG4J = `status=error
shutdownHook=disable
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName=server.log
appender.file.filePattern=server.log.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{ISO8601} %p %m (%c)%n%ex
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
`;
