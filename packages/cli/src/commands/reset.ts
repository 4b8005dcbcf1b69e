/** `quadrille reset`: removes all state of this folder's servers. */
import { existsSync, rmSync } from 'node:fs';
import { removeState } from '@quadrille/devstack';
import { Fault } from '@quadrille/record';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { runningUp, stateFolder } from '../state.ts';

export const reset: Command = {
  path: 'reset',
  summary: 'remove all topics, schemas and tables of this folder’s servers',
  description:
    'Only what the servers that Quadrille itself starts keep in .quadrille; servers given by address are never touched.',
  options: [['--yes', 'do not ask']],
  examples: ['reset', 'reset --yes'],
  run: async (context, _, options) => {
    const folder = stateFolder(context.cwd);
    const up = runningUp(context.cwd);
    if (up !== undefined) throw new Fault('STACK_IN_USE', `by process ${up.pid}`, { place: folder });
    if (!existsSync(folder)) {
      context.err('there is no state here');
      return EXIT.done;
    }
    if (options.yes !== true) {
      if (context.ask === undefined) throw new Fault('USAGE', 'there is no terminal to ask on', { help: 'add --yes' });
      const answer = await context.ask(`Remove ${folder}, with all topics, schemas and tables? [y/N] `).catch(() => '');
      if (!/^y(es)?$/i.test(answer.trim())) return EXIT.cancelled;
    }
    await removeState(folder);
    rmSync(folder, { recursive: true, force: true });
    context.err(`${folder} is removed`);
    return EXIT.done;
  },
};
