/** A station as the process that runs in production, started and disturbed by a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StationStatus } from '@quadrille/station';
import { type FlowFixture, ROOT } from './flow-fixture.ts';
import { noteFailure } from './leaks.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Short, so that the group notices a killed member within a test. */
export const SESSION_TIMEOUT_MS = 3_000;
const LONGEST_END_MS = 40_000;

export class StationProcess<S extends { state: string } = StationStatus> implements AsyncDisposable {
  readonly name: string;
  /** Port of /live, /ready, /status and /metrics. */
  readonly port: number;
  readonly exited: Promise<Exit>;
  /** Everything it wrote has been read. */
  readonly closed: Promise<unknown>;
  status: S | undefined;
  /** What it wrote to stderr: faults and JSON log lines. */
  readonly output: string[] = [];
  readonly #child: ChildProcess;
  readonly #changed = new Set<() => void>();
  #exit: Exit | undefined;

  constructor(name: string, child: ChildProcess, port: number) {
    this.name = name;
    this.port = port;
    this.#child = child;
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    this.exited = ended.then(([code, signal]) => {
      this.#exit = { code, signal };
      this.#wake();
      return this.#exit;
    });
    this.closed = once(child, 'close');
    child.on('message', (message: { type: string; status: S }) => {
      if (message.type === 'status') this.status = message.status;
      this.#wake();
    });
    createInterface({ input: child.stderr! }).on('line', (line) => {
      this.output.push(line);
      this.#wake();
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  #wake(): void {
    for (const each of this.#changed) each();
  }

  /**
   * Resolves with the first status for which `holds`; looked at whenever the station says something.
   * @throws when the process ends before, or after `ms`; with the end of what it wrote.
   */
  async until(holds: (status: S) => boolean, ms = 60_000): Promise<S> {
    return this.#wait(
      () => (this.status !== undefined && holds(this.status) ? this.status : undefined),
      String(holds),
      ms,
    );
  }

  /** Resolves with the first line of its output that matches. */
  async says(pattern: RegExp, ms = 60_000): Promise<string> {
    return this.#wait(() => this.output.find((line) => pattern.test(line)), String(pattern), ms);
  }

  running(): Promise<S> {
    return this.until(({ state }) => state === 'running');
  }

  #wait<T>(look: () => T | undefined, what: string, ms: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#changed.delete(check);
      };
      const failed = (why: string): void => {
        done();
        reject(
          new Error(
            `${this.name} ${why}, waiting for ${what}; ${JSON.stringify(this.status)}\n${this.output.slice(-12).join('\n')}`,
          ),
        );
      };
      const check = (): void => {
        const found = look();
        if (found !== undefined) {
          done();
          resolve(found);
        } else if (this.#exit !== undefined) failed(`ended with ${JSON.stringify(this.#exit)}`);
      };
      const timer = setTimeout(() => failed(`is late after ${ms} ms`), ms);
      this.#changed.add(check);
      check();
    });
  }

  /** kill -9. Resolves when it is gone. */
  kill(): Promise<Exit> {
    this.#child.kill('SIGKILL');
    return this.exited;
  }

  /** SIGSTOP: alive for the machine, silent for the group. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGTERM. Resolves with how it ended. @throws when it does not end in order. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.name} does not stop\n${this.output.slice(-12).join('\n')}`)),
        LONGEST_END_MS,
      );
    });
    try {
      const exit = await Promise.race([this.exited, late]);
      if (exit.code !== 0)
        throw new Error(`${this.name} stopped with ${JSON.stringify(exit)}\n${this.output.slice(-12).join('\n')}`);
      return exit;
    } finally {
      clearTimeout(timer);
    }
  }

  /** For the fixture: gone, whatever it takes. */
  async end(): Promise<void> {
    if (this.#exit === undefined) await this.kill();
  }

  /** Stops it in order. What goes wrong then is told by the leak guard: thrown here, it would hide the test's own error. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exit !== undefined) return;
    this.resume();
    await this.stop().catch((error) => noteFailure(error));
    await this.end();
  }

  /** GET on its own endpoint. */
  async get(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, { headers: { connection: 'close' } });
    return { status: answer.status, text: await answer.text() };
  }
}

/**
 * Starts services/<kind>/main.ts for a station of the flow. It is not ready yet when this resolves.
 * @param main another program in its place.
 */
export async function startStation(
  fixture: FlowFixture,
  name: string,
  env: Record<string, string> = {},
  main?: string,
): Promise<StationProcess> {
  const spec = fixture.flow?.stations.get(name);
  const { brokers, registryUrl, databaseUrl } = fixture.clients.addresses;
  const port = await freePort();
  // A test runner within a station would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const program = main ?? join(ROOT, 'services', spec?.kind ?? 'transformer', 'main.ts');
  const child = spawn(process.execPath, [program], {
    cwd: fixture.folder,
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: {
      ...inherited,
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      DATABASE_URL: databaseUrl,
      QUADRILLE_FLOW: fixture.folder,
      QUADRILLE_STATION: name,
      QUADRILLE_HTTP: `127.0.0.1:${port}`,
      QUADRILLE_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      ...env,
    },
  });
  const station = new StationProcess(`${fixture.name}.${name}`, child, port);
  fixture.stations.add(station);
  void station.exited.then(() => fixture.stations.delete(station));
  return station;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
