/** One process that is kept running: started, heard, restarted when it dies, ended when it is silent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT as STATION_EXIT } from '@quadrille/station';
import { residentOf } from './memory.ts';

/** What it tells over IPC, as `{ type: 'status', status }`, at least once in a while. */
export interface Spoken {
  state: string;
  /** Why it does not work. */
  reason?: { code: string; message: string };
}

export interface ProcessOptions {
  name: string;
  /** The file that Node runs. */
  main: string;
  flags: readonly string[];
  env: NodeJS.ProcessEnv;
  log: string;
  /** One line for a person. */
  say(line: string): void;
}

/** Without a status for this long it hangs. */
const SILENT_MS = 60_000;
const LONGEST_WAIT_MS = 30_000;
/** After this long at work the next end counts as the first again. */
const SOUND_MS = 60_000;
/** Of every two seconds. */
const MOST_SIZES = 43_200;
const LOG_BYTES = 10_000_000;
/** glibc keeps freed memory by thread: few threads share, and large blocks go back at once. */
const MEMORY_ENV = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/** @param service a folder of services/ */
export const mainOf = (service: string): string =>
  fileURLToPath(new URL(`../../../../services/${service}/main.ts`, import.meta.url));

export class SupervisedProcess<S extends Spoken> {
  readonly name: string;
  /** The last it said; of a former process while a new one is starting. */
  status: S | undefined;
  restarts = 0;
  /** Why it will not be started again. */
  failed: string | undefined;
  /** Largest resident size of any of its processes, bytes; undefined where there is no /proc. */
  peakBytes: number | undefined;
  /** Its resident size, bytes, every two seconds that it ran; the latest day of them. */
  readonly residentBytes: number[] = [];
  #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #heardAt = 0;
  #startedAt = 0;
  /** The status is of the process that runs, or ran last. */
  #fresh = false;
  #logFrom = 0;
  #streak = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether this run's own process has spoken: a status of one that died is not its word. */
  get isFresh(): boolean {
    return this.#child !== undefined && this.#fresh;
  }

  /** Called with each status before it becomes the present one. */
  protected onStatus(_status: S): void {}

  /** Called when a process has ended, while its status is still there. */
  protected onEnd(): void {}

  start(): void {
    const log = openLog(this.#options.log);
    this.#logFrom = fstatSync(log).size;
    this.#startedAt = this.#heardAt = Date.now();
    this.#fresh = false;
    const child = spawn(process.execPath, [...this.#options.flags, this.#options.main], {
      // stderr goes to the file itself: it outlives this process by its last words, and must be able to say them.
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...MEMORY_ENV, ...this.#options.env },
    });
    closeSync(log);
    this.#child = child;
    child.on('message', (message) => this.#hear(message as { type?: string; status?: S }));
    child.on('error', (error) => this.#options.say(`${this.name}: ${error.message}`));
    this.#gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#ended(code, signal);
        resolve();
      });
      child.once('error', () => child.pid === undefined && resolve());
    });
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#look(), 2_000);
    this.#watch.unref();
  }

  /** Asks it to end in order, forces it after `graceMs`; resolves when it is gone. */
  async stop(graceMs = 35_000): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.noteMemory();
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await this.#gone;
    clearTimeout(force);
  }

  noteMemory(): void {
    const resident = this.pid === undefined ? undefined : residentOf(this.pid);
    if (resident !== undefined) {
      this.peakBytes = Math.max(this.peakBytes ?? 0, resident.peak);
      if (this.residentBytes.push(resident.now) > MOST_SIZES) this.residentBytes.shift();
    }
  }

  #hear({ type, status }: { type?: string; status?: S }): void {
    if (type !== 'status' || status === undefined) return;
    const before = this.status?.reason;
    this.#heardAt = Date.now();
    this.onStatus(status);
    this.#fresh = true;
    this.status = status;
    const { reason } = status;
    if (reason !== undefined && (before?.code !== reason.code || before.message !== reason.message)) {
      this.#options.say(`${this.name} is ${status.state}: ${reason.code} ${reason.message}`);
    } else if (reason === undefined && before !== undefined && status.state === 'running')
      this.#options.say(`${this.name} goes on`);
  }

  #look(): void {
    this.noteMemory();
    if (this.#child === undefined || Date.now() - this.#heardAt < SILENT_MS) return;
    this.#options.say(`${this.name} has been silent for ${SILENT_MS / 1000} s: ended`);
    this.#child.kill('SIGKILL');
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    clearInterval(this.#watch);
    if (this.#fresh) this.onEnd();
    this.#child = undefined;
    if (this.#stopping) return;
    const { say, log } = this.#options;
    if (code === STATION_EXIT.config) {
      this.failed = lastWords(log, this.#logFrom) || `exit code ${code}`;
      say(`${this.name} cannot run and is not started again:\n${this.failed}`);
      return;
    }
    this.#streak = Date.now() - this.#startedAt > SOUND_MS ? 0 : this.#streak + 1;
    const wait = this.#streak <= 1 ? 500 : Math.min(LONGEST_WAIT_MS, 500 * 2 ** (this.#streak - 1));
    const words = lastWords(log, this.#logFrom).split('\n')[0];
    say(
      `${this.name} ended (${signal ?? `exit code ${code}`}), starts again in ${wait / 1000} s${words ? `: ${words}` : ''}`,
    );
    this.restarts++;
    this.#timer = setTimeout(() => this.start(), wait);
  }
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  if (existsSync(file) && statSync(file).size > LOG_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a');
}

/** What a process wrote that is no JSON line of its log: faults, and what Node says when it dies. */
export function lastWords(file: string, from: number): string {
  try {
    const log = openSync(file, 'r');
    const size = fstatSync(log).size;
    const start = Math.max(from, size - 16_384);
    const bytes = Buffer.alloc(size - start);
    readSync(log, bytes, 0, bytes.length, start);
    closeSync(log);
    const lines = bytes.toString('utf8').split('\n');
    const plain = lines.filter((line) => line.trim() !== '' && !line.startsWith('{'));
    if (plain.length > 0) return plain.slice(0, 20).join('\n');
    const grave = lines.filter((line) => /"level":(50|60)/.test(line)).at(-1);
    return grave === undefined
      ? ''
      : ((JSON.parse(grave) as { err?: { message?: string }; msg?: string }).err?.message ??
          (JSON.parse(grave) as { msg?: string }).msg ??
          '');
  } catch {
    return '';
  }
}
