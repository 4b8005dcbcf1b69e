/** One server under supervision: started, waited for, disturbed, and started again on the same ports. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Faultable } from '../stack.ts';
import { StackError } from '../stack-error.ts';
import type { ClassArchive } from './class-archive.ts';
import { isFree } from './ports.ts';
import { signalTree } from './process-tree.mjs';
import type { ServerExit, ServerProcess, Supervision } from './supervision.ts';

export interface ServerPlan extends ServerProcess {
  /** For people: "Kafka broker 1". */
  title: string;
  ports: number[];
  /** Whether it serves now. Asked again and again from the moment it was started. */
  ready: () => Promise<boolean>;
  /** The file with its own log, when stdout is not it. */
  ownLog?: string;
  /** What a JVM keeps of its classes for the next start. */
  archive?: ClassArchive;
}

const READY_WITHIN_MS = 90_000;
const STOP_GRACE_MS = 25_000;

export class LocalServer implements Faultable {
  readonly plan: ServerPlan;
  #supervision: Supervision;
  #pid: number | undefined;
  #exit: ServerExit | undefined;
  #asked = false;
  #ready = false;
  #onUnasked: (line: string) => void;

  constructor(supervision: Supervision, plan: ServerPlan, onUnasked: (line: string) => void) {
    this.#supervision = supervision;
    this.plan = plan;
    this.#onUnasked = onUnasked;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  async start(): Promise<void> {
    if (this.#pid !== undefined) return;
    for (const port of this.plan.ports)
      if (!(await isFree(port)))
        throw new StackError('PORT_TAKEN', `${this.plan.title} needs it`, { place: `127.0.0.1:${port}` });
    this.#exit = undefined;
    this.#asked = false;
    const { archive, args } = this.plan;
    const flags = archive?.flags() ?? [];
    this.#pid = await this.#supervision.start({ ...processOf(this.plan), args: [...flags, ...args] });
    await this.#untilReady();
  }

  async stop(): Promise<void> {
    if (this.#pid === undefined) return;
    this.#asked = true;
    await this.#supervision.stop(this.plan.name, STOP_GRACE_MS);
  }

  async kill(): Promise<void> {
    if (this.#pid === undefined) return;
    this.#asked = true;
    signalTree(this.#pid, 'SIGKILL');
    await this.#supervision.ended(this.plan.name);
  }

  pause(): void {
    if (this.#pid !== undefined) signalTree(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.#pid !== undefined) signalTree(this.#pid, 'SIGCONT');
  }

  /** From now on an end is no news. */
  expectEnd(): void {
    this.#asked = true;
  }

  /** The supervisor's word that the process ended. */
  noteExit(exit: ServerExit): void {
    this.#exit = exit;
    this.#pid = undefined;
    this.plan.archive?.keepAfter(exit);
    if (!this.#asked && this.#ready)
      this.#onUnasked(`${this.plan.title} ended unasked (${reason(exit)}), see ${this.#log}`);
    this.#ready = false;
  }

  get #log(): string {
    return this.plan.ownLog ?? this.plan.log;
  }

  async #untilReady(): Promise<void> {
    const until = Date.now() + READY_WITHIN_MS;
    while (Date.now() < until) {
      if (await this.plan.ready()) {
        this.#ready = true;
        return;
      }
      const exit = this.#exit as ServerExit | undefined;
      if (exit !== undefined) throw this.#failure('SERVER_EXITED', reason(exit));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    throw this.#failure('SERVER_NOT_READY', `after ${READY_WITHIN_MS / 1000} seconds`);
  }

  #failure(code: 'SERVER_EXITED' | 'SERVER_NOT_READY', detail: string): StackError {
    const lines = [this.plan.log, ...(this.plan.ownLog === undefined ? [] : [this.plan.ownLog])].flatMap((file) =>
      lastLines(file, 12),
    );
    const shown = lines.length === 0 ? '' : `\n${lines.map((line) => `  | ${line}`).join('\n')}`;
    return new StackError(code, `${this.plan.title}, ${detail}${shown}`, { place: this.#log });
  }
}

/** The part of a plan that the supervisor can be told. */
function processOf({ name, command, args, env, cwd, uid, gid, log, stopSignal }: ServerPlan): ServerProcess {
  return { name, command, args, env, cwd, uid, gid, log, stopSignal };
}

function reason(exit: ServerExit): string {
  return exit.signal === null ? `exit code ${exit.code}` : exit.signal;
}

/** The end of a log, read from its last 16 KB. */
function lastLines(file: string, count: number): string[] {
  try {
    const fd = openSync(file, 'r');
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, 16_384));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    closeSync(fd);
    const lines = buffer.toString('utf8').split('\n');
    // Frames of a Java stack would push out the line that says why.
    return lines.filter((line) => line.trim() !== '' && !/^\s+at /.test(line)).slice(-count);
  } catch {
    return [];
  }
}
