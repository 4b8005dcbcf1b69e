/**
 * Finds the record that kills its station. Records whose judging has ended the process twice already are judged one by
 * one in a process apart; the one it does not survive becomes RECORD_CRASHED, the others go their way.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Fault, type InputRecord } from '@quadrille/record';
import type { Log } from './log.ts';
import type { Round, Slice } from './round.ts';

export interface ProbeOptions {
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
  /** Time for one record, ms. */
  recordMs: number;
  /** Time until the other process is ready to judge, ms. */
  startMs: number;
}

/** What goes over to the process apart; answered by 'judged'. */
export type ProbeMessage = Pick<
  InputRecord,
  'topic' | 'partition' | 'offset' | 'timestamp' | 'key' | 'bytes' | 'header' | 'headers'
>;

const CHILD = fileURLToPath(new URL('./probe-child.ts', import.meta.url));

export class Probe {
  private readonly options: ProbeOptions;
  private child: ChildProcess | undefined;

  constructor(options: ProbeOptions) {
    this.options = options;
  }

  /**
   * Condemns the records of suspect slices that end a process. The process apart stays for the next suspect round, since
   * starting it takes longer than many a round; a round without suspects ends it.
   * @throws Fault of class `dependency` when the other process cannot start.
   */
  async examine(round: Round): Promise<void> {
    if (!round.slices.some((slice) => slice.suspect)) return this.close();
    for (const slice of round.slices) if (slice.suspect) await this.examineSlice(slice);
  }

  private async examineSlice(slice: Slice): Promise<void> {
    this.options.log.warn(
      { topic: slice.topic, partition: slice.partition, offset: slice.from, records: slice.records.length },
      'judging record by record, apart',
    );
    for (let index = 0; index < slice.records.length; index++) {
      const record = slice.records[index]!;
      const end = await this.survives(record);
      if (end === undefined) continue;
      slice.condemn(index, new Fault('RECORD_CRASHED', end, { place: record.place }));
    }
  }

  /** @returns how the process ended on it; undefined when it did not. */
  private async survives(record: InputRecord): Promise<string | undefined> {
    const child = await this.running();
    const { topic, partition, offset, timestamp, key, bytes, header, headers } = record;
    const message: ProbeMessage = { topic, partition, offset, timestamp, key, bytes, header, headers };
    const answer = waitFor(child, 'judged', this.options.recordMs);
    child.send(message);
    const end = await answer;
    if (end !== undefined) this.close();
    return end;
  }

  private async running(): Promise<ChildProcess> {
    if (this.child?.connected) return this.child;
    const child = fork(CHILD, {
      env: { ...this.options.env },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child = child;
    const end = await waitFor(child, 'ready', this.options.startMs);
    if (end === undefined) return child;
    this.close();
    throw new Fault('BROKER_UNAVAILABLE', `the process that examines records did not start: ${end}`);
  }

  close(): void {
    this.child?.removeAllListeners();
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }
}

/** Waits for a word from the child. @returns undefined when it came, else why it will not come. */
function waitFor(child: ChildProcess, word: string, ms: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const done = (end: string | undefined): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(end);
    };
    const timer = setTimeout(() => done(`no answer after ${ms} ms`), ms);
    child.on('message', (message) => {
      if (message === word) done(undefined);
    });
    child.once('exit', (code, signal) => done(signal === null ? `exit code ${code}` : `signal ${signal}`));
    child.once('error', (error) => done(error.message));
  });
}
