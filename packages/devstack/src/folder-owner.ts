/** What the stacks of local processes and of containers have in common: taking the folder, starting side by side. */
import { join } from 'node:path';
import { isAlive } from './local/process-tree.mjs';
import { FolderLocked, Supervision } from './local/supervision.ts';
import { StackError, StackErrors, throwAll } from './stack-error.ts';
import { readJson } from './state-folder.ts';

const PREVIOUS_MAY_TAKE_MS = 40_000;

/** Waits for a stack whose owner is gone: its servers are being stopped in order. Throws STACK_IN_USE when it lives. */
export async function takeFolder(dir: string, onProgress: (line: string) => void): Promise<Supervision> {
  const until = Date.now() + PREVIOUS_MAY_TAKE_MS;
  for (let waited = false; ; waited = true) {
    try {
      return await Supervision.open(dir);
    } catch (error) {
      if (!(error instanceof FolderLocked)) throw error;
    }
    const owner = readJson<{ owner: number }>(join(dir, 'owner.json'))?.owner;
    if ((owner !== undefined && isAlive(owner)) || Date.now() > until)
      throw new StackError('STACK_IN_USE', owner === undefined ? '' : `process ${owner}`, { place: dir });
    if (!waited) onProgress('waiting for the servers of an ended process to stop');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Waits for all, so that nothing is still being started when the first error is dealt with. */
export async function allOrFirstError(work: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  // A defect of ours is shown as what it is, not as a fault of a server.
  for (const reason of reasons) if (!(reason instanceof StackError || reason instanceof StackErrors)) throw reason;
  throwAll(reasons.flatMap((reason) => (reason instanceof StackErrors ? reason.errors : [reason as StackError])));
}
