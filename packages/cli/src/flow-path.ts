/** Which flow a word on the command line means. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Fault } from '@quadrille/record';
import type { Context } from './command.ts';
import { runningUp } from './state.ts';

/** A path, or the name of a folder in `flows`; left out, the flow of the `up` that runs here. @throws Fault USAGE */
export function flowPath(context: Context, given: string | undefined): string {
  if (given === undefined) {
    const up = runningUp(context.cwd);
    if (up === undefined)
      throw new Fault('USAGE', 'FLOW is missing, and no `quadrille up` runs in this folder', {
        help: 'name a folder that holds a flow.yaml, e.g. flows/flights',
      });
    return up.flow;
  }
  const path = resolve(context.cwd, given);
  const named = join(context.cwd, 'flows', given);
  return !existsSync(path) && existsSync(named) ? named : path;
}
