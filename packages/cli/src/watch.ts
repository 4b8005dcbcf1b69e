/** Does something now, and again whenever files of some folders change, until the user gives up. */
import { type FSWatcher, watch } from 'node:fs';
import type { Context } from './command.ts';

/** What editors leave beside the file they write. */
const PASSED_OVER = /(^|[/\\])(\.|node_modules)|~$|\.(swp|tmp)$/;
/** Several files are often written at once. */
const QUIET_MS = 100;

/**
 * @param folders watched with all that is in them.
 * @param isMeant which changes count, by name.
 * @param work never runs twice at once; a change while it runs lets it run again.
 */
export async function watching(
  context: Context,
  folders: readonly string[],
  isMeant: (name: string) => boolean,
  work: () => Promise<void>,
): Promise<void> {
  let wake: (() => void) | undefined;
  let changed = false;
  const notice = (_event: string, name: string | null): void => {
    if (name === null || PASSED_OVER.test(name) || !isMeant(name)) return;
    changed = true;
    wake?.();
  };
  const watchers: FSWatcher[] = folders.map((folder) => watch(folder, { recursive: true }, notice));
  context.cancel.addEventListener('abort', () => wake?.());
  try {
    await work();
    while (!context.cancel.aborted) {
      if (!changed)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      wake = undefined;
      if (context.cancel.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      changed = false;
      await work();
    }
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}
