/** `quadrille dlq list`: dead letters one by one. */
import type { Command } from '../command.ts';
import { type DeadLetter, nameOf, SELECTION_OPTIONS, selectDeadLetters, selectionOf } from '../dlq/index.ts';
import { EXIT } from '../exit.ts';
import { printRows } from '../print/output.ts';
import { age } from '../print/values.ts';
import { withServers } from '../servers.ts';

export const dlqList: Command = {
  path: 'dlq list',
  summary: 'list dead letters',
  description: 'The newest failures first. NAME is what `dlq show` takes; AGE is how long ago it failed last.',
  options: SELECTION_OPTIONS,
  lists: true,
  examples: ['dlq list --code LOOKUP_MISSING --limit 20', 'dlq list --topic flights.qualified --offsets 0-99 -o jsonl'],
  run: async (context, _, options) => {
    const selection = selectionOf(options);
    const letters: DeadLetter[] = [];
    let more = 0;
    const { dead } = await withServers(context, (servers) =>
      selectDeadLetters(servers, selection, (letter) => {
        letters.push(letter);
        // Bounded: the newest are kept, now and then cut down to the limit.
        if (letters.length >= 2 * selection.limit + 1_000) more += cut(letters, selection.limit);
      }),
    );
    more += cut(letters, selection.limit);
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: nameOf },
        { name: 'CODE', of: (letter) => letter.code },
        { name: 'FIELD', of: (letter) => letter.field },
        { name: 'STATION', of: (letter) => letter.station },
        { name: 'KEY', of: (letter) => letter.key },
        ...(selection.all ? [{ name: 'LIVE', of: (letter: DeadLetter) => letter.live }] : []),
        { name: 'GROUP', of: (letter) => letter.fingerprint, wide: true },
        { name: 'SOURCE', of: ({ source }) => `${source.topic}[${source.partition}]@${source.offset}`, wide: true },
        { name: 'MESSAGE', of: (letter) => letter.message, wide: true },
        { name: 'AGE', of: (letter) => age(Date.parse(letter.last)) },
      ],
      letters,
      'no dead letters',
    );
    if (more > 0) context.err(`${more} more, see --limit`);
    if (dead > 0) context.err(`${dead} more were left by attempts that did not count, see --all`);
    return EXIT.done;
  },
};

/** Sorts newest first and leaves `limit`. @returns how many were cut off. */
function cut(letters: DeadLetter[], limit: number): number {
  letters.sort((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : b.offset - a.offset));
  const over = Math.max(0, letters.length - limit);
  letters.length -= over;
  return over;
}
