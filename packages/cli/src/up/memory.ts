/** Resident size of a process, where the kernel tells it: at most, and over its run. */
import { readFileSync } from 'node:fs';

export interface Resident {
  /** Bytes now, and at most so far. */
  now: number;
  peak: number;
}

/** VmRSS and VmHWM of /proc/<pid>/status; undefined without /proc or when the process is gone. */
export function residentOf(pid: number): Resident | undefined {
  try {
    return parseStatus(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return undefined;
  }
}

export function parseStatus(status: string): Resident | undefined {
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  const [now, peak] = [bytes('VmRSS'), bytes('VmHWM')];
  return now > 0 && peak > 0 ? { now, peak } : undefined;
}

/** Means of the first and the second half of what was seen at even intervals: of a process that leaks the second is larger. */
export function halvesOf(sizes: readonly number[]): [number, number] | undefined {
  if (sizes.length < 2) return undefined;
  const middle = sizes.length >> 1;
  return [meanOf(sizes.slice(0, middle)), meanOf(sizes.slice(middle))];
}

const meanOf = (sizes: readonly number[]): number =>
  Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
