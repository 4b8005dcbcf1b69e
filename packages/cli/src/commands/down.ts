/** `quadrille down`: asks the `up` of this folder to end. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { runningUp } from '../state.ts';

/** Stations may take 35 s to end in order, the servers after them. */
const PATIENCE_MS = 90_000;

export const down: Command = {
  path: 'down',
  summary: 'stop the stations and servers of this folder',
  description: 'Stations finish what they have begun. All state stays: `quadrille up` goes on from there.',
  examples: ['down'],
  run: async (context) => {
    const up = runningUp(context.cwd);
    if (up === undefined) {
      context.err('nothing runs in this folder');
      return EXIT.done;
    }
    context.err(`asking ${up.name} (process ${up.pid}) to stop`);
    process.kill(up.pid, 'SIGTERM');
    const until = Date.now() + PATIENCE_MS;
    while (runningUp(context.cwd)?.pid === up.pid) {
      if (context.cancel.aborted) return EXIT.cancelled;
      if (Date.now() > until) {
        context.err(`process ${up.pid} has not ended within ${PATIENCE_MS / 1000} s`);
        return EXIT.findings;
      }
      await wait(100);
    }
    context.err('stopped');
    return EXIT.done;
  },
};
