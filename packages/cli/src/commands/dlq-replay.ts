/** `quadrille dlq replay`: sends dead letters through their station again. */
import type { ReplayRequest } from '@quadrille/replay/api';
import { type Command, text, wholeNumber } from '../command.ts';
import { paceOf, planAndRun, REPLAY_OPTIONS } from '../replay/plan.ts';
import { isUnbounded, NAMES, SELECTION_OPTIONS, selected } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

export const dlqReplay: Command = {
  path: 'dlq replay',
  summary: 'send dead letters through the station that rejected them, and through no other',
  description:
    'Without --execute the plan is shown, and a dry run through the station itself says which would fail again; nothing is sent on. With it a dead letter is resolved once the verdict has arrived. Ends with 3 when some failed again.',
  arguments: [['[NAME...]', NAMES]],
  options: [
    ...SELECTION_OPTIONS,
    ['--limit <n>', 'at most so many'],
    ...REPLAY_OPTIONS,
    ['--to <topic>', 'copy them to this topic instead, for consumers of others; resolves nothing'],
    ['--yes', 'yes, all of them: needed with --execute where no condition is named'],
  ],
  lists: true,
  examples: [
    'dlq replay --code LOOKUP_MISSING',
    'dlq replay --code LOOKUP_MISSING --ramp 1,10,100 --execute',
    'dlq replay 3f2a9c --execute --reason "corrected by hand"',
  ],
  run: async (context, words, options) =>
    withReplay(context, async (client) => {
      const selection = await selected(client, words, options);
      const limit = wholeNumber(options, 'limit', 1);
      const to = text(options, 'to');
      const request: ReplayRequest = {
        deadLetters: { ...selection, ...(limit === undefined ? {} : { limit }) },
        ...paceOf(options),
        ...(to === undefined ? {} : { to }),
        ...(options.yes === true && isUnbounded(selection) ? { all: true } : {}),
      };
      return planAndRun(context, client, request, options);
    }),
};
