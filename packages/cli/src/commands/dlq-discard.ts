/** `quadrille dlq discard` and `dlq restore`: dead letters set aside for good, and taken up again. */
import { Fault } from '@quadrille/record';
import type { SetAsideResult } from '@quadrille/replay/api';
import { type Command, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { formatOf, toJson } from '../print/output.ts';
import { count } from '../print/values.ts';
import { isUnbounded, NAMES, SELECTION_OPTIONS, selected } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

export const dlqDiscard = setAside('discard', 'discards', 'discarded', {
  summary: 'set dead letters aside for good, with a reason',
  description: 'They no longer count as open; nothing is deleted, and `dlq restore` takes them up again.',
  examples: [
    'dlq discard 3f2a9c --reason "test data" --execute',
    'dlq discard --code NOT_WANTED --reason "never wanted" --execute',
  ],
});
export const dlqRestore = setAside('restore', 'restores', 'restored', {
  summary: 'take discarded dead letters up again',
  examples: ['dlq restore 3f2a9c --reason "needed after all" --execute'],
});

function setAside(
  word: 'discard' | 'restore',
  path: string,
  done: string,
  about: Pick<Command, 'summary' | 'description' | 'examples'>,
): Command {
  return {
    path: `dlq ${word}`,
    ...about,
    arguments: [['[NAME...]', NAMES]],
    options: [
      ...SELECTION_OPTIONS,
      ['--reason <text>', 'why; stands in the audit'],
      ['--execute', 'do it; without, only the numbers are shown'],
      ['--yes', 'yes, all of them: needed with --execute where no condition is named'],
    ],
    lists: true,
    run: async (context, words, options) => {
      const reason = text(options, 'reason');
      if (reason === undefined)
        throw new Fault('USAGE', '--reason is missing', { help: 'say why; it stands in the audit' });
      const execute = options.execute === true;
      const result = await withReplay(context, async (client) => {
        const selection = await selected(client, words, options);
        const all = options.yes === true && isUnbounded(selection);
        return client.post<SetAsideResult>(`/v1/${path}`, { selection, reason, execute, ...(all ? { all } : {}) });
      });
      const format = formatOf(options);
      if (format === 'json' || format === 'jsonl') context.out(`${toJson(result)}\n`);
      else context.out(`${count(result.changed)} ${execute ? done : `would be ${done}`}\n`);
      if (result.refused > 0) context.err(`${count(result.refused)} are being replayed, and were left alone`);
      if (!execute) context.err('nothing was changed; --execute does it');
      return execute && result.refused > 0 ? EXIT.partly : EXIT.done;
    },
  };
}
