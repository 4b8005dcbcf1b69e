/** The folder `.quadrille`: the stack's state, the logs of stations, and who runs `up` here. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RunningUp {
  pid: number;
  /** Folder or file of the flow, absolute. */
  flow: string;
  name: string;
  /** ISO-8601. */
  since: string;
  /** Whether a replay service runs beside its stations. */
  replay: boolean;
}

export const stateFolder = (cwd: string): string => join(cwd, '.quadrille');
export const logFile = (cwd: string, flow: string, instance: string): string =>
  join(stateFolder(cwd), 'logs', flow, `${instance}.log`);
/** What the world around a flow keeps from run to run. */
export const outsideFolder = (cwd: string, flow: string): string => join(stateFolder(cwd), 'outside', flow);

const file = (cwd: string): string => join(stateFolder(cwd), 'up.json');

/** Leaves the mark that `down` and the other commands look for. */
export function markUp(cwd: string, up: RunningUp): void {
  mkdirSync(stateFolder(cwd), { recursive: true });
  writeFileSync(file(cwd), `${JSON.stringify(up, null, 2)}\n`, { mode: 0o600 });
}

export function unmarkUp(cwd: string): void {
  if (readMark(cwd)?.pid === process.pid) rmSync(file(cwd), { force: true });
}

/** The `up` that runs in this folder; a mark left by one that was killed is not taken for one. */
export function runningUp(cwd: string): RunningUp | undefined {
  const up = readMark(cwd);
  return up !== undefined && isQuadrille(up.pid) ? up : undefined;
}

function readMark(cwd: string): RunningUp | undefined {
  try {
    return JSON.parse(readFileSync(file(cwd), 'utf8')) as RunningUp;
  } catch {
    return undefined;
  }
}

/** Where the replay service of this folder's `up` listens, and the file of the token that opens it. */
export interface RunningReplay {
  url: string;
  tokenFile: string;
}

const replayFile = (cwd: string): string => join(stateFolder(cwd), 'replay.json');

export function markReplay(cwd: string, replay: RunningReplay): void {
  writeFileSync(replayFile(cwd), `${JSON.stringify(replay, null, 2)}\n`, { mode: 0o600 });
}

export const unmarkReplay = (cwd: string): void => rmSync(replayFile(cwd), { force: true });

/** undefined where no `up` runs, or its service does not listen yet. */
export function runningReplay(cwd: string): RunningReplay | undefined {
  if (runningUp(cwd) === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(replayFile(cwd), 'utf8')) as RunningReplay;
  } catch {
    return undefined;
  }
}

/** Alive, and as far as /proc can tell not another program that was given the number since. */
function isQuadrille(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    return /quadrille|main\.ts/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}
