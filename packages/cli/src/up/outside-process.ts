/** What is around a flow, as a process beside its stations (packages/flow/src/outside.ts). Not started again: a world that has ended is another one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '@quadrille/record';
import type { OutsideOrder, OutsideWord } from './outside-child.ts';
import { lastWords } from './supervised-process.ts';

const MAIN = fileURLToPath(new URL('./outside-child.ts', import.meta.url));
const GRACE_MS = 10_000;

export interface OutsideProcessOptions {
  file: string;
  order: OutsideOrder;
  env: NodeJS.ProcessEnv;
  /** Where its own output goes. */
  log: string;
  say(line: string): void;
}

export class OutsideProcess {
  /** Nothing more will come. */
  done = false;
  /** Why there is no world any more. */
  failed: Fault | undefined;
  readonly #options: OutsideProcessOptions;
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #logFrom: number;
  #stopping = false;

  constructor(options: OutsideProcessOptions) {
    this.#options = options;
    mkdirSync(dirname(options.log), { recursive: true });
    const log = openSync(options.log, 'a');
    this.#logFrom = fstatSync(log).size;
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, options.file], {
      stdio: ['ignore', log, log, 'ipc'],
      env: options.env,
    });
    closeSync(log);
    this.#gone = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.send(options.order);
  }

  /** Resolves with the variables for the stations once the world is there. @throws Fault OUTSIDE_FAILED */
  ready(): Promise<Record<string, string>> {
    return new Promise((resolve, reject) => {
      this.#child.on('message', (word: OutsideWord) => {
        if (word.type === 'line') this.#options.say(word.line);
        if (word.type === 'ready') resolve(word.env);
        if (word.type === 'done') this.done = true;
        if (word.type === 'failed') this.#fail(word.message);
      });
      // Its last words may come after its exit.
      this.#child.once('disconnect', () => {
        void this.#gone.then(() => {
          if (this.#stopping) return;
          const { exitCode, signalCode } = this.#child;
          const words = lastWords(this.#options.log, this.#logFrom);
          this.#fail(words === '' ? `it ended with ${signalCode ?? `exit code ${exitCode}`}` : words);
          reject(this.failed);
        });
      });
    });
  }

  #fail(message: string): void {
    if (this.failed !== undefined || this.#stopping) return;
    const { file, log, say } = this.#options;
    this.failed = new Fault('OUTSIDE_FAILED', message, {
      place: relative('', file),
      help: `see ${relative('', log)}`,
    });
    say(this.failed.format());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS);
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#gone;
    clearTimeout(force);
  }
}
