/** One station's process: started, heard, restarted when it dies, ended when it is silent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StationSpec } from '@quadrille/flow';
import { EXIT as STATION_EXIT, type StationStatus } from '@quadrille/station';
import { peakMemory } from './memory.ts';

export interface ProcessOptions {
  spec: StationSpec;
  /** `<station>`, or `<station>-2` and so on where there are several. */
  name: string;
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
const LOG_BYTES = 10_000_000;
/**
 * Rounds are bounded in bytes; these bound the rest, so that a station stays under 300 MB. A young generation of 16 MB
 * holds a round: with 8 a fifth of the processor's time went into moving what was about to die (`npm run bench`).
 */
const NODE_FLAGS = ['--max-old-space-size=192', '--max-semi-space-size=16', '--disable-warning=ExperimentalWarning'];
/** glibc keeps freed memory by thread: few threads share, and large blocks go back at once. */
const MEMORY_ENV = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

export const mainOf = (kind: string): string =>
  fileURLToPath(new URL(`../../../../services/${kind}/main.ts`, import.meta.url));
export const nodeFlags: readonly string[] = NODE_FLAGS;

export class StationProcess {
  readonly name: string;
  readonly spec: StationSpec;
  /** The last it said; of a former process while a new one is starting. */
  status: StationStatus | undefined;
  /** Totals of former processes of this run, so that a restart does not set the display back. */
  received = 0;
  restarts = 0;
  /** When its received records first and last grew in this run, ms since the epoch, to half a second; 0 before. */
  firstAt = 0;
  lastAt = 0;
  /** Why it will not be started again. */
  failed: string | undefined;
  /** Largest resident size of any of its processes, bytes; undefined where there is no /proc. */
  peakBytes: number | undefined;
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
    this.spec = options.spec;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether this run's own process has spoken: a status of one that died is not its word. */
  get isFresh(): boolean {
    return this.#child !== undefined && this.#fresh;
  }

  /** Received by all its processes of this run. */
  get total(): number {
    return this.received + (this.isFresh ? (this.status?.totals.received ?? 0) : 0);
  }

  start(): void {
    const log = openLog(this.#options.log);
    this.#logFrom = fstatSync(log).size;
    this.#startedAt = this.#heardAt = Date.now();
    this.#fresh = false;
    const child = spawn(process.execPath, [...NODE_FLAGS, mainOf(this.spec.kind)], {
      // stderr goes to the file itself: a station outlives this process by its last words, and must be able to say them.
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...MEMORY_ENV, ...this.#options.env },
    });
    closeSync(log);
    this.#child = child;
    child.on('message', (message) => this.#hear(message as { type?: string; status?: StationStatus }));
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

  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
  }

  noteMemory(): void {
    const bytes = this.pid === undefined ? undefined : peakMemory(this.pid);
    if (bytes !== undefined) this.peakBytes = Math.max(this.peakBytes ?? 0, bytes);
  }

  #hear({ type, status }: { type?: string; status?: StationStatus }): void {
    if (type !== 'status' || status === undefined) return;
    const before = this.status?.reason;
    this.#heardAt = Date.now();
    if (status.totals.received > (this.isFresh ? (this.status?.totals.received ?? 0) : 0)) {
      this.firstAt ||= this.#heardAt;
      this.lastAt = this.#heardAt;
    }
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
    this.#child = undefined;
    if (this.#fresh) this.received += this.status?.totals.received ?? 0;
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
function lastWords(file: string, from: number): string {
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
