/** The stations of a flow as processes, restarted when they end unasked, as a container platform would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StackAddresses } from '@quadrille/devstack';
import type { Flow, StationSpec } from '@quadrille/flow';
import type { StationStatus } from '@quadrille/station';

const service = (kind: string): string =>
  fileURLToPath(new URL(`../../../../services/${kind}/main.ts`, import.meta.url));
const BROKEN = fileURLToPath(new URL('./broken-station.ts', import.meta.url));

export interface FleetOptions {
  flow: Flow;
  addresses: StackAddresses;
  sessionTimeoutMs: number;
  commitFirst: boolean;
  /** Where each instance's log goes: `<station>-<n>.log`. */
  logs: string;
  tell(line: string): void;
}

export interface UnaskedEnd {
  instance: string;
  code: number | null;
  signal: NodeJS.Signals | null;
}

const RESTART_MS = 300;

/** One place in the fleet: a process, and the one that follows when it ends. */
export class Instance {
  readonly name: string;
  readonly station: StationSpec;
  /** Of the present process; undefined until it has told one. */
  status: StationStatus | undefined;
  restarts = 0;
  private readonly options: FleetOptions;
  private readonly unasked: UnaskedEnd[];
  private child: ChildProcess | undefined;
  private killed = false;
  private leaving = false;
  private ended: Promise<void> = Promise.resolve();

  constructor(name: string, station: StationSpec, options: FleetOptions, unasked: UnaskedEnd[]) {
    this.name = name;
    this.station = station;
    this.options = options;
    this.unasked = unasked;
    this.spawn();
  }

  /** It has begun to work; it may be held up by a server. */
  get working(): boolean {
    return this.status?.state === 'running' || this.status?.state === 'held';
  }

  private spawn(): void {
    const { addresses, flow, logs, sessionTimeoutMs, commitFirst } = this.options;
    const { kind, name } = this.station;
    const log = openSync(join(logs, `${this.name}.log`), 'a');
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', ...(commitFirst ? [BROKEN, kind] : [service(kind)])],
      {
        stdio: ['ignore', log, log, 'ipc'],
        env: {
          ...env,
          KAFKA_BROKERS: addresses.brokers.join(','),
          SCHEMA_REGISTRY_URL: addresses.registryUrl,
          DATABASE_URL: addresses.databaseUrl,
          QUADRILLE_FLOW: flow.file,
          QUADRILLE_STATION: name,
          QUADRILLE_INSTANCE: `${this.name}.${this.restarts}`,
          QUADRILLE_SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
        },
      },
    );
    closeSync(log);
    this.child = child;
    this.status = undefined;
    this.killed = false;
    child.on('message', (message: { type?: string; status?: StationStatus }) => {
      if (message.type === 'status') this.status = message.status;
    });
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(this.onExit(code, signal))));
  }

  private onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.child = undefined;
    this.status = undefined;
    if (this.leaving) return;
    if (!this.killed) {
      this.unasked.push({ instance: this.name, code, signal });
      this.options.tell(`${this.name} ended by itself (${signal ?? `exit code ${code}`}), started again`);
    }
    setTimeout(() => {
      if (this.leaving) return;
      this.restarts++;
      this.spawn();
    }, RESTART_MS).unref();
  }

  /** kill -9; a new process follows. */
  kill(): void {
    this.killed = true;
    this.status = undefined;
    this.child?.kill('SIGKILL');
  }

  /** SIGSTOP: alive for the machine, silent for the group. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** SIGTERM; nobody follows. @returns false when it had to be killed. */
  async leave(graceMs = 40_000): Promise<boolean> {
    this.leaving = true;
    const { child } = this;
    if (child === undefined) return true;
    child.kill('SIGTERM');
    const ordered = await Promise.race([this.ended.then(() => true), sleep(graceMs, false, { ref: false })]);
    if (!ordered) {
      child.kill('SIGKILL');
      await this.ended;
    }
    return ordered;
  }
}

export class Fleet {
  readonly unasked: UnaskedEnd[] = [];
  private readonly instances = new Set<Instance>();
  private readonly options: FleetOptions;
  private readonly counts = new Map<string, number>();

  constructor(options: FleetOptions) {
    this.options = options;
  }

  start(station: string): Instance {
    const count = (this.counts.get(station) ?? 0) + 1;
    this.counts.set(station, count);
    const instance = new Instance(
      `${station}-${count}`,
      this.options.flow.stations.get(station)!,
      this.options,
      this.unasked,
    );
    this.instances.add(instance);
    return instance;
  }

  /** The instances of a station that are in the fleet, oldest first. */
  of(station: string): Instance[] {
    return [...this.instances].filter((instance) => instance.station.name === station);
  }

  all(): Instance[] {
    return [...this.instances];
  }

  async remove(instance: Instance): Promise<boolean> {
    this.instances.delete(instance);
    return instance.leave();
  }

  /** @returns the names of those that did not end in order. */
  async stop(): Promise<string[]> {
    const all = this.all();
    const ordered = await Promise.all(all.map((instance) => this.remove(instance)));
    return all.filter((_, index) => !ordered[index]).map(({ name }) => name);
  }
}
