/** `quadrille audit`: who has changed what, when and why. */
import { Fault } from '@quadrille/record';
import type { AuditEntry } from '@quadrille/replay/api';
import { type Command, text, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { printRows, toJson } from '../print/output.ts';
import { age } from '../print/values.ts';
import { withReplay } from '../replay/service.ts';
import { timeOf } from '../times.ts';

const ACTIONS = ['correct', 'discard', 'restore', 'replay', 'preview', 'cancel'];

export const audit: Command = {
  path: 'audit',
  summary: 'show who has changed what, when and why; the newest first',
  description: 'Also what was refused. Entries are only ever added.',
  options: [
    ['--by <name>', 'of this person or token'],
    ['--action <action>', ACTIONS.join(', ')],
    ['--since <time>', 'at or after: ISO-8601, or 90s, 15m, 2h, 7d ago'],
    ['--until <time>', 'before'],
    ['--limit <n>', 'at most so many (default 50)'],
  ],
  lists: true,
  examples: ['audit', 'audit --action discard --since 7d -o jsonl'],
  run: async (context, _, options) => {
    const moment = (name: 'since' | 'until'): string | undefined => {
      const at = timeOf(text(options, name), `--${name}`);
      return at === undefined ? undefined : new Date(at).toISOString();
    };
    const query = {
      by: text(options, 'by'),
      action: actionOf(text(options, 'action')),
      since: moment('since'),
      until: moment('until'),
    };
    const entries = await withReplay(context, (client) =>
      Array.fromAsync(client.all<AuditEntry>('/v1/audit', query, wholeNumber(options, 'limit', 1) ?? 50)),
    );
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (entry) => entry.id, wide: true },
        { name: 'AT', of: (entry) => entry.at },
        { name: 'BY', of: (entry) => entry.by },
        { name: 'ROLE', of: (entry) => entry.role, wide: true },
        { name: 'ACTION', of: (entry) => entry.action },
        { name: 'OUTCOME', of: (entry) => entry.outcome },
        { name: 'REASON', of: (entry) => entry.reason },
        { name: 'PLAN', of: (entry) => toJson(entry.plan), wide: true },
        { name: 'RESULT', of: (entry) => toJson(entry.result) },
        { name: 'AGE', of: (entry) => age(Date.parse(entry.at)) },
      ],
      entries,
      'no entries',
    );
    return EXIT.done;
  },
};

/** @throws Fault USAGE */
function actionOf(given: string | undefined): string | undefined {
  if (given === undefined || ACTIONS.includes(given)) return given;
  throw new Fault('USAGE', `--action ${given}`, { help: `one of ${ACTIONS.join(', ')}` });
}
