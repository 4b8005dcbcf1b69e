/** `quadrille replay cancel`: sends no more of a replay; what was sent gets its verdict. */
import type { Replay } from '@quadrille/replay/api';
import { type Command, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { withReplay } from '../replay/service.ts';
import { ending, watchReplays } from '../replay/watch.ts';

export const replayCancel: Command = {
  path: 'replay cancel',
  summary: 'send no more of a replay',
  description: 'What was sent gets its verdict; the rest is open as before. Nothing is lost.',
  arguments: [['NAME', 'of the replay, e.g. flights-7']],
  options: [['--reason <text>', 'why; stands in the audit']],
  examples: ['replay cancel flights-7 --reason "wrong selection"'],
  run: (context, [name], options) =>
    withReplay(context, async (client) => {
      const { id } = await client.post<Replay>(`/v1/replays/${encodeURIComponent(name!)}/cancel`, {
        reason: text(options, 'reason') ?? '',
      });
      context.out(`${(await watchReplays(context, client, [id])).map(ending).join('\n')}\n`);
      return EXIT.done;
    }),
};
