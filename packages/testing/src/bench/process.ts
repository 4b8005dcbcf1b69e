/** A process that is measured: what it says over IPC, the CPU it has used, the memory it has taken at most. */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Measured {
  name: string;
  /** CPU seconds of its whole life, and of the part after it was ready. */
  cpu: number;
  working: number;
  /** Largest resident size, MB. */
  rss: number;
}

export class Process {
  readonly name: string;
  readonly child: ChildProcess;
  message: Record<string, unknown> = {};
  private readyCpu = 0;
  private wake: () => void = () => {};

  constructor(name: string, file: string, env: Record<string, string>, heapMb: number) {
    this.name = name;
    this.child = fork(file, {
      // As `quadrille up` starts its stations.
      env: { ...process.env, MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072', ...env },
      execArgv: [`--max-old-space-size=${heapMb}`, '--max-semi-space-size=16'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child.on('message', (message) => {
      this.message = message as Record<string, unknown>;
      this.wake();
    });
    this.child.on('exit', () => this.wake());
  }

  async until(what: (message: Record<string, unknown>) => boolean, seconds: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!what(this.message)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`${this.name} has ended`);
      if (Date.now() > deadline)
        throw new Error(`${this.name} is not there after ${seconds} s: ${JSON.stringify(this.message)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  ready(): void {
    this.readyCpu = this.cpu();
  }

  /** Seconds of user and system time so far (proc(5): ticks of 10 ms). */
  private cpu(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  measure(): Measured {
    const cpu = this.cpu();
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'));
    return { name: this.name, cpu, working: cpu - this.readyCpu, rss: Number(peak?.[1] ?? 0) / 1024 };
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await gone;
  }
}

/** Seconds that all cores together have been busy since the machine came up (proc(5): ticks of 10 ms). */
export function machineBusy(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) / 100;
}
