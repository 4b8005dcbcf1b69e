/** `quadrille dlq groups`: dead letters by cause. */
import type { Command } from '../command.ts';
import { Grouping } from '../dlq/groups.ts';
import { SELECTION_OPTIONS, selectDeadLetters, selectionOf } from '../dlq/index.ts';
import { EXIT } from '../exit.ts';
import { printRows } from '../print/output.ts';
import { age } from '../print/values.ts';
import { withServers } from '../servers.ts';

export const dlqGroups: Command = {
  path: 'dlq groups',
  summary: 'group dead letters by cause, the largest first',
  description:
    'One cause: same station, code, field and place in the rule. FIRST is when it was first met; AGE how long ago it last was.',
  options: SELECTION_OPTIONS,
  lists: true,
  examples: ['dlq groups', 'dlq groups --station locate --since 1d -o wide'],
  run: async (context, _, options) => {
    const selection = selectionOf(options);
    const grouping = new Grouping();
    const { dead } = await withServers(context, (servers) =>
      selectDeadLetters(servers, selection, (letter) => grouping.add(letter)),
    );
    const groups = grouping.groups;
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (group) => group.fingerprint },
        { name: 'COUNT', of: (group) => group.count },
        { name: 'CODE', of: (group) => group.code },
        { name: 'FIELD', of: (group) => group.field },
        { name: 'STATION', of: (group) => group.station },
        { name: 'TOPIC', of: (group) => group.topics.join(', '), wide: true },
        { name: 'MESSAGE', of: (group) => group.message },
        { name: 'FIRST', of: (group) => age(Date.parse(group.first)) },
        { name: 'AGE', of: (group) => age(Date.parse(group.last)) },
      ],
      groups.slice(0, selection.limit),
      'no dead letters',
    );
    if (groups.length > selection.limit) context.err(`${groups.length - selection.limit} more groups, see --limit`);
    if (dead > 0) context.err(`${dead} more were left by attempts that did not count, see --all`);
    return EXIT.done;
  },
};
