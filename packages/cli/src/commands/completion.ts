/** `quadrille completion`: completion of commands and options for a shell. */
import { Fault } from '@quadrille/record';
import type { Command } from '../command.ts';
import { completionScript } from '../completion.ts';
import { EXIT } from '../exit.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion: Command = {
  path: 'completion',
  summary: 'print a completion script',
  arguments: [['SHELL', 'bash, zsh or fish']],
  examples: ['completion bash > /etc/bash_completion.d/quadrille', 'completion zsh > ~/.zfunc/_quadrille'],
  run: async (context, [shell = '']) => {
    const known = SHELLS.find((each) => each === shell);
    if (known === undefined) throw new Fault('USAGE', `shell ${shell}`, { help: `one of ${SHELLS.join(', ')}` });
    // Imported here: the table holds this command too.
    const { commands } = await import('./index.ts');
    context.out(completionScript(known, commands));
    return EXIT.done;
  },
};
