/** `quadrille dlq list`: dead letters one by one. */
import type { DeadLetter } from '@quadrille/replay/api';
import { type Command, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { printRows } from '../print/output.ts';
import type { Column } from '../print/table.ts';
import { age } from '../print/values.ts';
import { mustBeKnown } from '../replay/known.ts';
import { queryOf, SELECTION_OPTIONS, unsettled } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

export const LETTER_COLUMNS: readonly Column<DeadLetter>[] = [
  { name: 'NAME', of: (letter) => letter.id },
  { name: 'STATE', of: (letter) => letter.state },
  { name: 'CODE', of: (letter) => letter.code },
  { name: 'FIELD', of: (letter) => letter.field },
  { name: 'STATION', of: (letter) => letter.station },
  { name: 'RECORD', of: (letter) => letter.recordId },
  { name: 'ATTEMPTS', of: (letter) => letter.attempts },
  { name: 'GROUP', of: (letter) => letter.fingerprint, wide: true },
  { name: 'AT', of: ({ at }) => `${at.topic}[${at.partition}]@${at.offset}`, wide: true },
  { name: 'SOURCE', of: ({ source }) => `${source.topic}[${source.partition}]@${source.offset}`, wide: true },
  { name: 'REPLAY', of: (letter) => letter.replay, wide: true },
  { name: 'MESSAGE', of: (letter) => letter.message, wide: true },
  { name: 'AGE', of: (letter) => age(Date.parse(letter.last)) },
];

export const dlqList: Command = {
  path: 'dlq list',
  summary: 'list dead letters',
  description:
    'The newest failures first. Resolved and discarded ones are left out, see --state. NAME is what the other `dlq` commands take; AGE is how long ago it failed last.',
  options: [...SELECTION_OPTIONS, ['--limit <n>', 'at most so many (default 100)']],
  lists: true,
  examples: ['dlq list --code LOOKUP_MISSING --limit 20', 'dlq list --where "dest = \'SJU\'" -o jsonl'],
  run: async (context, _, options) => {
    const limit = wholeNumber(options, 'limit', 1) ?? 100;
    const selection = unsettled(options);
    const letters = await withReplay(context, async (client) => {
      const query = queryOf(selection);
      const found = await Array.fromAsync(client.all<DeadLetter>('/v1/dead-letters', query, limit + 1));
      if (found.length === 0) await mustBeKnown(client, selection);
      return found;
    });
    printRows(context, options, LETTER_COLUMNS, letters.slice(0, limit), 'no dead letters');
    if (letters.length > limit) context.err('more follow, see --limit');
    return EXIT.done;
  },
};
