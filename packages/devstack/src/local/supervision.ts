/** The owner's end of the pipe to supervisor.mjs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { StackError } from '../stack-error.ts';

export interface ServerProcess {
  /** Unique in the stack. Must stand in the command line as `quadrille.server=NAME`, by which a leftover is known. */
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  uid?: number;
  gid?: number;
  /** Its stdout and stderr are appended here. */
  log: string;
  /** What asks it to end in order; SIGTERM unless given. */
  stopSignal?: NodeJS.Signals;
}

export interface ServerExit {
  name: string;
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Answer {
  id?: number;
  error?: string;
  pid?: number;
  forced?: boolean;
  event?: 'ready' | 'locked' | 'exit';
  name?: string;
  code?: number | null;
  signal?: NodeJS.Signals | null;
}

const SUPERVISOR = fileURLToPath(new URL('./supervisor.mjs', import.meta.url));

/** Thrown by Supervision.open when another process holds the folder. */
export class FolderLocked extends Error {}

export class Supervision {
  #child: ChildProcess;
  #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #nextId = 1;
  #pids = new Map<string, number>();
  #ended = false;
  #closing = false;
  /** Called for every server that ended, asked to or not. */
  onExit: (exit: ServerExit) => void = () => {};
  /** Called once when the supervisor ended unasked; the servers have been killed by then. */
  onLost: () => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Takes the folder's lock, and ends servers that a killed supervisor left. Throws FolderLocked. */
  static async open(dir: string): Promise<Supervision> {
    const log = openSync(join(dir, 'supervisor.log'), 'a');
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', SUPERVISOR, dir, String(process.pid)],
      {
        detached: true,
        stdio: ['pipe', 'pipe', log],
        // Debugger and test-runner settings of the owner are not for the supervisor.
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    );
    closeSync(log);
    const supervision = new Supervision(child);
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const answer = JSON.parse(line) as Answer;
        if (answer.event === 'ready') resolve();
        else if (answer.event === 'locked') reject(new FolderLocked());
        else supervision.#hear(answer);
      });
      child.on('error', reject);
      child.stdin!.on('error', () => {});
      child.on('exit', () => {
        supervision.#lost();
        reject(new StackError('SUPERVISOR_GONE', '', { place: join(dir, 'supervisor.log') }));
      });
    });
    supervision.#hold(false);
    return supervision;
  }

  async start(server: ServerProcess): Promise<number> {
    const { pid } = await this.#ask({ do: 'start', ...server });
    this.#pids.set(server.name, pid!);
    return pid!;
  }

  /** Asks the server to end, waits, and forces it after `graceMs`. Resolves when it is gone; at once when it was. */
  async stop(name: string, graceMs?: number): Promise<void> {
    await this.#ask({ do: 'stop', name, graceMs });
  }

  /** From now on the container ends with the stack, however the owner ends. */
  async hold(engine: string, container: string, network?: string): Promise<void> {
    await this.#ask({ do: 'hold', engine, container, network });
  }

  /** Resolves when the server is gone, at once when it was. */
  async ended(name: string): Promise<void> {
    await this.#ask({ do: 'wait', name });
  }

  /** Stops all servers and the supervisor. Idempotent; when it resolves nothing is left. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#ended) return;
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#hold(true);
    await this.#ask({ do: 'shutdown' }).catch(() => {});
    if (!this.#ended) await gone;
  }

  #ask(request: object): Promise<Answer> {
    if (this.#ended) return Promise.reject(new StackError('SUPERVISOR_GONE'));
    const id = this.#nextId++;
    this.#hold(true);
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin!.write(`${JSON.stringify({ id, ...request })}\n`);
    }).finally(() => {
      if (this.#waiting.size === 0 && !this.#closing) this.#hold(false);
    });
  }

  #hear(answer: Answer): void {
    if (answer.event === 'exit') {
      this.#pids.delete(answer.name!);
      this.onExit({ name: answer.name!, code: answer.code ?? null, signal: answer.signal ?? null });
      return;
    }
    const waiting = this.#waiting.get(answer.id!);
    this.#waiting.delete(answer.id!);
    if (answer.error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(answer.error));
  }

  /** Its pipes keep the owner's event loop alive only while an answer is awaited: a stack must not prevent an exit. */
  #hold(keep: boolean): void {
    const call = keep ? 'ref' : 'unref';
    this.#child[call]();
    for (const pipe of [this.#child.stdin, this.#child.stdout])
      (pipe as unknown as { ref(): void; unref(): void })[call]();
  }

  #lost(): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.values()) reject(new StackError('SUPERVISOR_GONE'));
    this.#waiting.clear();
    if (this.#closing) return;
    for (const pid of this.#pids.values()) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // ended with it
      }
    }
    this.onLost();
  }
}
