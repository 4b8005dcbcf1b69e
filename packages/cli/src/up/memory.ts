/** Largest resident size of a process, where the kernel tells it. */
import { readFileSync } from 'node:fs';

/** VmHWM of /proc/<pid>/status in bytes; undefined without /proc or when the process is gone. */
export function peakMemory(pid: number): number | undefined {
  try {
    return hwmOf(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return undefined;
  }
}

export function hwmOf(status: string): number | undefined {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
