/** `quadrille replay list`: replays, the newest first. */
import type { Replay } from '@quadrille/replay/api';
import { type Command, text, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { printRows } from '../print/output.ts';
import { age } from '../print/values.ts';
import { mustBeKnown } from '../replay/known.ts';
import { withReplay } from '../replay/service.ts';

export const replayList: Command = {
  path: 'replay list',
  summary: 'list replays, the newest first',
  options: [
    ['--flow <flow>', 'of this flow'],
    ['--station <station>', 'to this station'],
    ['--limit <n>', 'at most so many (default 20)'],
  ],
  lists: true,
  examples: ['replay list', 'replay list --station locate -o wide'],
  run: async (context, _, options) => {
    const query = { flow: text(options, 'flow'), station: text(options, 'station') };
    const limit = wholeNumber(options, 'limit', 1) ?? 20;
    const replays = await withReplay(context, async (client) => {
      const found = await Array.fromAsync(client.all<Replay>('/v1/replays', query, limit));
      if (found.length === 0) await mustBeKnown(client, query);
      return found;
    });
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (replay) => replay.id },
        { name: 'KIND', of: (replay) => replay.kind },
        { name: 'STATION', of: (replay) => replay.station },
        { name: 'STATE', of: (replay) => replay.state },
        { name: 'RECORDS', of: (replay) => replay.records },
        { name: 'SENT', of: (replay) => replay.sent },
        { name: 'PASSED', of: (replay) => replay.passed },
        { name: 'DROPPED', of: (replay) => replay.dropped, wide: true },
        { name: 'FAILED', of: (replay) => replay.rejected },
        { name: 'NOT-SENT', of: (replay) => replay.withdrawn, wide: true },
        { name: 'BY', of: (replay) => replay.by },
        { name: 'REASON', of: (replay) => replay.reason, wide: true },
        { name: 'AGE', of: (replay) => age(Date.parse(replay.created)) },
      ],
      replays,
      'no replays',
    );
    return EXIT.done;
  },
};
