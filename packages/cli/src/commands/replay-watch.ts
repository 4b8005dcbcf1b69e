/** `quadrille replay watch`: follows a replay to its end. */
import type { Command } from '../command.ts';
import { withReplay } from '../replay/service.ts';
import { ending, exitOf, watchReplays } from '../replay/watch.ts';

export const replayWatch: Command = {
  path: 'replay watch',
  summary: 'follow a replay to its end',
  description: 'Ends with 3 when records failed again, with 2 when it was cancelled.',
  arguments: [['NAME', 'of the replay, e.g. flights-7']],
  examples: ['replay watch flights-7'],
  run: (context, [name]) =>
    withReplay(context, async (client) => {
      const ended = await watchReplays(context, client, [name!]);
      context.out(`${ended.map(ending).join('\n')}\n`);
      return exitOf(ended);
    }),
};
