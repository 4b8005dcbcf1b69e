/** `quadrille replay show`: one replay, and what became of its records. */
import type { Replay, ReplayItem } from '@quadrille/replay/api';
import { type Command, text, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { formatOf, printRows, toJson } from '../print/output.ts';
import { withReplay } from '../replay/service.ts';
import { ending } from '../replay/watch.ts';

export const replayShow: Command = {
  path: 'replay show',
  summary: 'show one replay and what became of its records',
  description: 'Those that failed again come first to mind: --state rejected.',
  arguments: [['NAME', 'of the replay, e.g. flights-7']],
  options: [
    ['--state <states>', 'waiting, sent, passed, dropped, rejected, withdrawn; several with commas'],
    ['--limit <n>', 'at most so many records (default 50)'],
  ],
  lists: true,
  examples: ['replay show flights-7', 'replay show flights-7 --state rejected -o jsonl'],
  run: async (context, [name], options) => {
    const states = text(options, 'state')?.split(',');
    const limit = wholeNumber(options, 'limit', 1) ?? 50;
    const { replay, items } = await withReplay(context, async (client) => ({
      replay: await client.get<Replay>(`/v1/replays/${encodeURIComponent(name!)}`),
      items: await Array.fromAsync(
        client.all<ReplayItem>(`/v1/replays/${encodeURIComponent(name!)}/items`, { states }, limit),
      ),
    }));
    if (formatOf(options) === 'json') {
      context.out(`${toJson({ ...replay, items }, 2)}\n`);
      return EXIT.done;
    }
    if (formatOf(options) !== 'jsonl') context.out(`${ending(replay)}\n`);
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (item) => item.deadLetter },
        { name: 'RECORD', of: (item) => item.recordId },
        { name: 'STATE', of: (item) => item.state },
        { name: 'CODE', of: (item) => item.code },
        { name: 'FIELD', of: (item) => item.field },
        { name: 'MESSAGE', of: (item) => item.message },
        { name: 'FROM', of: ({ from }) => `${from.topic}[${from.partition}]@${from.offset}`, wide: true },
        { name: 'SENT', of: ({ sent }) => (sent === null ? null : `[${sent.partition}]@${sent.offset}`), wide: true },
        {
          name: 'FURTHER-DOWN',
          of: ({ downstream }) => downstream.map((d) => `${d.station} ${d.outcome ?? d.code ?? d.verdict}`).join(', '),
        },
      ],
      items,
      'no records of that state',
    );
    return EXIT.done;
  },
};
