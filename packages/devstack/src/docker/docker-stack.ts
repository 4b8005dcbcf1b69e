/** The stack as containers of the official images, with its state in named volumes. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getContainerRuntimeClient } from 'testcontainers';
import { allOrFirstError, takeFolder } from '../folder-owner.ts';
import { clusterIdOf, kafkaSettings } from '../local/kafka.ts';
import { choosePorts, type Ports } from '../local/ports.ts';
import { findDocker } from '../machine.mjs';
import { brokersKnownBy, databaseProblem, reasonOf, registryProblem } from '../probes.ts';
import type { Stack, StackOptions } from '../stack.ts';
import { StackError } from '../stack-error.ts';
import { keepShape, openFolder, publish, unpublish } from '../state-folder.ts';
import { type ContainerPlan, DockerServer, getImage } from './container.ts';

const IMAGES = {
  kafka: 'apache/kafka:4.3.1',
  registry: 'apicurio/apicurio-registry:3.3.3',
  postgres: 'postgres:17',
};
const LABEL = 'quadrille.state';
const USER = 'quadrille';

/** Where the published ports are reached. */
interface Place {
  host: string;
  ports: Ports;
}

export async function startDocker(options: StackOptions): Promise<Stack> {
  const { dir, env = process.env, onProgress = () => {} } = options;
  const brokers = options.brokers ?? 1;
  const engine = await findDocker(env);
  if (engine === undefined)
    throw new StackError('DOCKER_UNREACHABLE', '', { place: env.DOCKER_HOST ?? 'the usual sockets' });
  openFolder(dir);
  const supervision = await takeFolder(dir, onProgress);
  const name = stateName(dir);
  try {
    const client = await connect();
    await Promise.all(Object.values(IMAGES).map((image) => getImage(client, image, onProgress)));
    // Not before the images are there: without them the folder may still become one of local processes.
    keepShape(dir, { kind: 'docker', brokers });
    await removeLeftovers(client, name);
    const ports = await choosePorts(dir, brokers, options.ports);
    const loopback = engine.startsWith('unix:');
    const place = { host: loopback ? '127.0.0.1' : client.info.containerRuntime.host, ports };
    const network = brokers === 1 ? undefined : name;
    if (network !== undefined)
      await client.container.dockerode.createNetwork({ Name: network, Labels: { [LABEL]: name } });

    onProgress('starting Kafka, the schema registry and PostgreSQL in Docker');
    const password = passwordOf(dir);
    const plans = [
      ...ports.brokers.map((_, i) => kafkaPlan(place, i, name, clusterIdOf(dir), network)),
      registryPlan(place, name),
      postgresPlan(place, name, password),
    ];
    const servers = plans.map((plan) => new DockerServer(plan));
    await allOrFirstError(
      servers.map((server) => server.create(client, loopback, (id) => supervision.hold(engine, id, network))),
    );
    const addresses = {
      kind: 'docker' as const,
      brokers: ports.brokers.map((port) => `${place.host}:${port}`),
      registryUrl: registryUrlAt(place),
      databaseUrl: databaseUrlAt(place, password),
    };
    publish(dir, addresses);
    supervision.onLost = () => onProgress(new StackError('SUPERVISOR_GONE').format());
    return {
      ...addresses,
      broker: (index) => servers[index]!,
      registry: servers.at(-2)!,
      database: servers.at(-1)!,
      stop: async () => {
        unpublish(dir);
        await supervision.close();
      },
    };
  } catch (error) {
    await supervision.close();
    throw error;
  }
}

/** Removes the volumes of a folder's stack. The caller holds the folder. */
export async function removeVolumes(dir: string): Promise<void> {
  const client = await connect();
  const name = stateName(dir);
  await removeLeftovers(client, name);
  const { Volumes } = await client.container.dockerode.listVolumes();
  for (const volume of Volumes ?? [])
    if (volume.Name.startsWith(`${name}-`)) await client.container.dockerode.getVolume(volume.Name).remove();
}

async function connect(): ReturnType<typeof getContainerRuntimeClient> {
  try {
    return await getContainerRuntimeClient();
  } catch (error) {
    throw new StackError('DOCKER_UNREACHABLE', reasonOf(error), { cause: error });
  }
}

/** The folder is held, so whatever bears its name was left by a stack whose supervisor was killed. */
async function removeLeftovers(client: Awaited<ReturnType<typeof connect>>, name: string): Promise<void> {
  const { dockerode } = client.container;
  const filters = { label: [`${LABEL}=${name}`] };
  for (const { Id } of await dockerode.listContainers({ all: true, filters })) {
    const container = dockerode.getContainer(Id);
    // A database's volume must not be opened by a second server while the first still writes.
    await container.stop({ t: 20 }).catch(() => {});
    await container.remove({ force: true, v: true });
  }
  for (const { Id } of await dockerode.listNetworks({ filters })) await dockerode.getNetwork(Id).remove();
}

function kafkaPlan(
  { host, ports }: Place,
  index: number,
  name: string,
  clusterId: string,
  network?: string,
): ContainerPlan {
  const alias = `kafka-${index + 1}`;
  const nameOf = (i: number) => (network === undefined ? 'localhost' : `kafka-${i + 1}`);
  const port = ports.brokers[index]!;
  const settings = {
    ...kafkaSettings(ports.brokers.length),
    'node.id': index + 1,
    'controller.quorum.voters': ports.controllers.map((_, i) => `${i + 1}@${nameOf(i)}:9093`).join(','),
    listeners: 'PLAINTEXT://:9092,BROKER://:19092,CONTROLLER://:9093',
    'advertised.listeners': `PLAINTEXT://${host}:${port},BROKER://${nameOf(index)}:19092`,
    'inter.broker.listener.name': 'BROKER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': '/var/lib/kafka/data',
  };
  const env = Object.entries(settings).map(([key, value]) => [
    `KAFKA_${key.replaceAll('.', '_').toUpperCase()}`,
    String(value),
  ]);
  return {
    title: ports.brokers.length === 1 ? 'Kafka' : `Kafka broker ${index + 1}`,
    image: IMAGES.kafka,
    env: { ...Object.fromEntries(env), CLUSTER_ID: clusterId, KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m' },
    ports: [[9092, port]],
    volume: [`${name}-${alias}`, '/var/lib/kafka/data'],
    labels: { [LABEL]: name },
    ...(network === undefined ? {} : { network: { name: network, alias } }),
    ready: async () => (await brokersKnownBy(host, port)) > 0,
  };
}

function registryPlan(place: Place, name: string): ContainerPlan {
  return {
    title: 'the schema registry',
    image: IMAGES.registry,
    env: {
      APICURIO_STORAGE_KIND: 'sql',
      APICURIO_STORAGE_SQL_KIND: 'h2',
      APICURIO_DATASOURCE_URL: 'jdbc:h2:file:/data/registry;WRITE_DELAY=0',
      JAVA_OPTS_APPEND: '-Xmx256m -XX:TieredStopAtLevel=1',
    },
    ports: [[8080, place.ports.registry]],
    volume: [`${name}-registry`, '/data'],
    // The image's own user could not write to a new volume.
    user: 'root',
    labels: { [LABEL]: name },
    ready: async () => (await registryProblem(registryUrlAt(place), 2000)) === undefined,
  };
}

function postgresPlan(place: Place, name: string, password: string): ContainerPlan {
  return {
    title: 'PostgreSQL',
    image: IMAGES.postgres,
    env: {
      POSTGRES_USER: USER,
      POSTGRES_PASSWORD: password,
      POSTGRES_DB: USER,
      POSTGRES_INITDB_ARGS:
        '--auth=scram-sha-256 --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8',
      TZ: 'UTC',
    },
    ports: [[5432, place.ports.database]],
    volume: [`${name}-postgres`, '/var/lib/postgresql/data'],
    labels: { [LABEL]: name },
    ready: async () => (await databaseProblem(databaseUrlAt(place, password), 2000)) === undefined,
  };
}

function registryUrlAt({ host, ports }: Place): string {
  return `http://${host}:${ports.registry}/apis/ccompat/v7`;
}

function databaseUrlAt({ host, ports }: Place, password: string): string {
  return `postgres://${USER}:${password}@${host}:${ports.database}/${USER}`;
}

/** Of containers, volumes and network: the same for a folder wherever it is asked from. */
function stateName(dir: string): string {
  return `quadrille-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
}

function passwordOf(dir: string): string {
  const file = join(dir, 'postgres.password');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const password = randomBytes(24).toString('base64url');
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return password;
}
