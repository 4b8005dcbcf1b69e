/** One server in a container: created by testcontainers, disturbed through the engine's own API. */
import { GenericContainer, type getContainerRuntimeClient, ImageName, type WaitStrategy } from 'testcontainers';
import { reasonOf } from '../probes.ts';
import type { Faultable } from '../stack.ts';
import { StackError } from '../stack-error.ts';

type Client = Awaited<ReturnType<typeof getContainerRuntimeClient>>;
type Handle = ReturnType<Client['container']['getById']>;

export interface ContainerPlan {
  /** For people: "Kafka broker 1". */
  title: string;
  image: string;
  env: Record<string, string>;
  /** Container port and the port of this machine at which it is reached. */
  ports: [container: number, host: number][];
  /** Named volume and where it is mounted: what outlives the container. */
  volume: [name: string, path: string];
  labels: Record<string, string>;
  /** Where the servers of a cluster find each other; not needed for one that stands alone. */
  network?: { name: string; alias: string };
  user?: string;
  ready: () => Promise<boolean>;
}

const READY_WITHIN_MS = 120_000;
const STOP_GRACE_SECONDS = 25;

/** Readiness is asked for from outside, as clients will. */
const NO_WAIT: WaitStrategy = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => NO_WAIT,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => READY_WITHIN_MS,
};

/** testcontainers publishes on all addresses of the machine. What needs no password is for this machine alone. */
class LoopbackContainer extends GenericContainer {
  protected override async beforeContainerCreated(): Promise<void> {
    const published = this.hostConfig.PortBindings as Record<string, { HostIp?: string; HostPort?: string }[]>;
    for (const bindings of Object.values(published)) for (const binding of bindings) binding.HostIp = '127.0.0.1';
  }
}

/** DOCKER_IMAGE_MISSING when the engine neither has the image nor can get it. */
export async function getImage(client: Client, image: string, onProgress: (line: string) => void): Promise<void> {
  const name = ImageName.fromString(image);
  try {
    if (await client.image.exists(name)) return;
    onProgress(`pulling ${image} (once)`);
    await client.image.pull(name);
  } catch (error) {
    throw new StackError('DOCKER_IMAGE_MISSING', reasonOf(error), { place: image, cause: error });
  }
}

export class DockerServer implements Faultable {
  readonly plan: ContainerPlan;
  #handle: Handle | undefined;
  /** Pausing is asynchronous in the engine and synchronous for the caller: what follows waits for it. */
  #pausing: Promise<unknown> = Promise.resolve();

  constructor(plan: ContainerPlan) {
    this.plan = plan;
  }

  /** Creates the container and starts it. `created` is told its id before anything can go wrong with it. */
  async create(client: Client, loopback: boolean, created: (id: string) => Promise<void>): Promise<void> {
    const { image, env, ports, volume, labels, network, user, title } = this.plan;
    const container = new (loopback ? LoopbackContainer : GenericContainer)(image)
      // The supervisor sees to the end, in order; the reaper of testcontainers would kill.
      .withAutoCleanup(false)
      .withEnvironment(env)
      .withLabels(labels)
      .withExposedPorts(...ports.map(([inside, host]) => ({ container: inside, host })))
      .withBindMounts([{ source: volume[0], target: volume[1] }])
      .withWaitStrategy(NO_WAIT);
    if (user !== undefined) container.withUser(user);
    if (network !== undefined) container.withNetworkMode(network.name).withNetworkAliases(network.alias);
    (container as unknown as { containerCreated: (id: string) => Promise<void> }).containerCreated = created;
    try {
      const started = await container.start();
      this.#handle = client.container.getById(started.getId());
    } catch (error) {
      throw new StackError('DOCKER_FAILED', `${title}: ${reasonOf(error)}`, { place: image, cause: error });
    }
    await this.#untilReady();
  }

  async stop(): Promise<void> {
    await this.#pausing;
    await done(this.#container.unpause());
    await done(this.#container.stop({ t: STOP_GRACE_SECONDS }));
  }

  async kill(): Promise<void> {
    await this.#pausing;
    await done(this.#container.kill());
  }

  pause(): void {
    this.#pausing = this.#pausing.then(() => done(this.#container.pause()));
  }

  resume(): void {
    this.#pausing = this.#pausing.then(() => done(this.#container.unpause()));
  }

  async start(): Promise<void> {
    await this.#pausing;
    await done(this.#container.start());
    await this.#untilReady();
  }

  get #container(): Handle {
    if (this.#handle === undefined) throw new Error(`${this.plan.title} was never created`);
    return this.#handle;
  }

  async #untilReady(): Promise<void> {
    for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; ) {
      if (await this.plan.ready()) return;
      const { State } = await this.#container.inspect();
      if (!State.Running) throw await this.#failure('SERVER_EXITED', `exit code ${State.ExitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    throw await this.#failure('SERVER_NOT_READY', `after ${READY_WITHIN_MS / 1000} seconds`);
  }

  async #failure(code: 'SERVER_EXITED' | 'SERVER_NOT_READY', detail: string): Promise<StackError> {
    const log = await this.#container.logs({ stdout: true, stderr: true, tail: 15 }).catch(() => Buffer.alloc(0));
    const shown = linesOf(log).map((line) => `\n  | ${line}`);
    return new StackError(code, `${this.plan.title}, ${detail}${shown.join('')}`, { place: this.plan.image });
  }
}

/** The engine's log stream puts eight bytes before each piece: which stream it is of, and its length. */
function linesOf(log: Buffer): string[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= log.length; ) {
    const length = log.readUInt32BE(at + 4);
    pieces.push(log.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces)
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

/** The engine refuses what is done already, with other statuses in other versions but in the same words. */
async function done(asked: Promise<unknown>): Promise<void> {
  try {
    await asked;
  } catch (error) {
    const { statusCode, message } = error as { statusCode?: number; message: string };
    if (statusCode === 304 || statusCode === 404 || /is (not|already) (paused|running|stopped)/.test(message)) return;
    throw error;
  }
}
