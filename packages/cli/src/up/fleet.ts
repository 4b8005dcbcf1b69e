/** All processes of a running flow: its stations, and the replay service beside them. */
import { mkdirSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import type { StackAddresses } from '@quadrille/devstack';
import type { Flow, StationSpec } from '@quadrille/flow';
import { serverEnv } from '../access.ts';
import type { Context } from '../command.ts';
import { logFile, outsideFolder, unmarkReplay } from '../state.ts';
import { OutsideProcess } from './outside-process.ts';
import { ReplayProcess } from './replay-process.ts';
import { StationProcess } from './station-process.ts';

export class Fleet {
  /** Of stations. */
  readonly processes: StationProcess[] = [];
  #replay: ReplayProcess | undefined;
  #context: Context;
  #flow: Flow;
  #addresses: StackAddresses;
  #say: (line: string) => void;
  /** What is around the flow; undefined: nothing is played. */
  outside: OutsideProcess | undefined;
  #outsideEnv: Readonly<Record<string, string>> = {};

  constructor(context: Context, flow: Flow, addresses: StackAddresses, say: (line: string) => void) {
    this.#context = context;
    this.#flow = flow;
    this.#addresses = addresses;
    this.#say = say;
  }

  /** Starts what is around the flow; stations get the variables that it answers with. @throws Fault OUTSIDE_FAILED */
  async startOutside(file: string): Promise<void> {
    const { databaseUrl, brokers } = this.#addresses;
    const { cwd, env } = this.#context;
    const folder = outsideFolder(cwd, this.#flow.name);
    mkdirSync(folder, { recursive: true });
    this.outside = new OutsideProcess({
      file,
      order: { flow: this.#flow.name, databaseUrl, brokers, stateFolder: folder },
      env: serverEnv(env, this.#addresses),
      log: logFile(cwd, this.#flow.name, 'outside'),
      say: (line) => this.#say(`outside: ${line}`),
    });
    this.#outsideEnv = await this.outside.ready();
  }

  /** Starts as many processes of a station as its entry says. */
  start(spec: StationSpec): void {
    for (let i = 1; i <= spec.instances; i++) {
      const name = i === 1 ? spec.name : `${spec.name}-${i}`;
      const started = new StationProcess(spec, {
        name,
        say: this.#say,
        log: logFile(this.#context.cwd, this.#flow.name, name),
        env: {
          ...serverEnv(this.#context.env, this.#addresses),
          ...this.#outsideEnv,
          ...(getCompileCacheDir() === undefined ? {} : { NODE_COMPILE_CACHE: getCompileCacheDir() }),
          QUADRILLE_FLOW: this.#flow.file,
          QUADRILLE_STATION: spec.name,
          QUADRILLE_INSTANCE: `${name}@${process.pid}`,
          // Any free port: a fixed one would be taken by the first of them.
          QUADRILLE_HTTP: '127.0.0.1:0',
        },
      });
      this.processes.push(started);
      started.start();
    }
  }

  /** Asks a station's processes to end in order; resolves when they are gone. @returns false when there are none. */
  async end(station: string): Promise<boolean> {
    const own = this.processes.filter(({ spec }) => spec.name === station);
    for (const each of own) this.processes.splice(this.processes.indexOf(each), 1);
    await Promise.all(own.map((each) => each.stop()));
    return own.length > 0;
  }

  /** Starts the replay service for this flow. */
  startReplay(): void {
    this.#replay = new ReplayProcess(this.#context, {
      addresses: this.#addresses,
      flows: [this.#flow.file],
      say: this.#say,
    });
    this.#replay.start();
  }

  /** Asks all to end in order; resolves when all are gone. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.processes, ...(this.#replay === undefined ? [] : [this.#replay])].map((each) => each.stop()),
    );
    if (this.#replay !== undefined) unmarkReplay(this.#context.cwd);
    await this.outside?.stop();
  }

  get failed(): StationProcess[] {
    return this.processes.filter(({ failed }) => failed !== undefined);
  }

  /** Every station that has not failed has come as far as its loop. */
  get isUp(): boolean {
    return this.processes.every(
      (each) => each.failed !== undefined || (each.isFresh && each.status?.state !== 'starting'),
    );
  }

  /** Nothing more comes from outside, and every extractor has said of itself that there is nothing more to read. */
  get exhausted(): boolean {
    if (this.outside !== undefined && !this.outside.done) return false;
    return this.processes
      .filter(({ spec, failed }) => spec.kind === 'extractor' && failed === undefined)
      .every((each) => each.isFresh && (each.status?.exhausted === true || isBlocked(each)));
  }

  /** Changes whenever any station has done something. */
  get activity(): number {
    return this.processes.reduce((sum, each) => sum + each.total, 0);
  }
}

/** Waits for an operator: it will not go on by itself. */
export const isBlocked = ({ status }: StationProcess): boolean =>
  status?.state === 'paused' || status?.state === 'stuck';
