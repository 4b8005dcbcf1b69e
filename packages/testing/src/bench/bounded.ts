/** A share of a processor for one process, so that a machine with few of them shows what many instances do. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PERIOD_US = 100_000;
const ROOT = '/sys/fs/cgroup';

/**
 * By a control group of the kernel, version 2 or 1; that takes root. All threads of the process count together.
 * @param cpus 0.2: a fifth of one processor. @returns removes the group; to be called once the process has ended
 * @throws where the kernel has no such groups, or this user may not make any
 */
export function bound(pid: number, cpus: number): () => void {
  const isTwo = existsSync(join(ROOT, 'cgroup.controllers'));
  const folder = join(ROOT, isTwo ? '' : 'cpu', `quadrille-bench-${pid}`);
  const quota = Math.round(cpus * PERIOD_US);
  if (isTwo) writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+cpu');
  mkdirSync(folder);
  if (isTwo) writeFileSync(join(folder, 'cpu.max'), `${quota} ${PERIOD_US}`);
  else {
    writeFileSync(join(folder, 'cpu.cfs_period_us'), String(PERIOD_US));
    writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quota));
  }
  writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  return () => rmdirSync(folder);
}
