/** `quadrille dlq groups`: dead letters by cause. */
import type { DeadLetterGroup } from '@quadrille/replay/api';
import { type Command, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { printRows } from '../print/output.ts';
import { sparkline } from '../print/sparkline.ts';
import { age } from '../print/values.ts';
import { mustBeKnown } from '../replay/known.ts';
import { queryOf, SELECTION_OPTIONS, unsettled } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

export const dlqGroups: Command = {
  path: 'dlq groups',
  summary: 'group dead letters by cause, the largest first',
  description:
    'One cause: same station, code, field and place in the rule. Resolved and discarded ones are left out, see --state. TREND: failures an hour, over a day; FIRST is when it was first met; AGE how long ago it last was.',
  options: [...SELECTION_OPTIONS, ['--limit <n>', 'at most so many (default 100)']],
  lists: true,
  examples: ['dlq groups', 'dlq groups --station locate --since 1d -o wide'],
  run: async (context, _, options) => {
    const selection = unsettled(options);
    const { items } = await withReplay(context, async (client) => {
      const found = await client.get<{ items: DeadLetterGroup[] }>('/v1/groups', queryOf(selection));
      if (found.items.length === 0) await mustBeKnown(client, selection);
      return found;
    });
    const groups = items.slice(0, wholeNumber(options, 'limit', 1) ?? 100);
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (group) => group.fingerprint },
        { name: 'COUNT', of: (group) => group.count },
        { name: 'CODE', of: (group) => group.code },
        { name: 'FIELD', of: (group) => group.field },
        { name: 'STATION', of: (group) => group.station },
        { name: 'TOPIC', of: (group) => group.topic, wide: true },
        { name: 'ATTEMPTS', of: (group) => group.attempts },
        { name: 'TREND', of: (group) => sparkline(group.trend) },
        { name: 'MESSAGE', of: (group) => group.message },
        { name: 'FIRST', of: (group) => age(Date.parse(group.first)) },
        { name: 'AGE', of: (group) => age(Date.parse(group.last)) },
      ],
      groups,
      'no dead letters',
    );
    if (items.length > groups.length) context.err(`${items.length - groups.length} more groups, see --limit`);
    return EXIT.done;
  },
};
