/** `quadrille replay start`: runs records again that have passed, under a rule that was wrong. */
import { Fault } from '@quadrille/record';
import type { RecordSelection } from '@quadrille/replay/api';
import { type Command, text, wholeNumber } from '../command.ts';
import { paceOf, planAndRun, REPLAY_OPTIONS } from '../replay/plan.ts';
import { withReplay } from '../replay/service.ts';
import { offsetsOf, timeOf } from '../times.ts';

export const replayStart: Command = {
  path: 'replay start',
  summary: 'send records of a station’s input through it again, also those that had passed',
  description:
    'What they lead to now supersedes what they led to before, down to the row in the target; outputs that are not made again are deleted. No other station reads them.',
  arguments: [
    ['FLOW', 'name of the flow'],
    ['STATION', 'the station that judges them again'],
  ],
  options: [
    ['--partition <n>', 'of this partition of its input'],
    ['--offsets <a-b>', 'offsets in the input, both inclusive'],
    ['--since <time>', 'records from this time on: ISO-8601, or 90s, 15m, 2h, 7d ago'],
    ['--until <time>', 'records before this time'],
    ['--key <key>', 'with this key'],
    ['--where <condition>', 'SQL over the fields of the value, e.g. "month = 3 AND dep_delay > 60"'],
    ['--limit <n>', 'at most so many'],
    ...REPLAY_OPTIONS,
    ['--allow-orphans', 'also where former outputs can no longer be read, and so not be deleted'],
    ['--yes', 'yes, the whole topic: needed where no condition is named'],
  ],
  lists: true,
  examples: [
    'replay start flights qualify --where "month = 3"',
    'replay start flights qualify --where "month = 3" --execute --reason "delay class was wrong"',
  ],
  run: async (context, [flow, station], options) => {
    const since = timeOf(text(options, 'since'), '--since');
    const until = timeOf(text(options, 'until'), '--until');
    const conditions = {
      partition: wholeNumber(options, 'partition'),
      offsets: offsetsOf(text(options, 'offsets')),
      since: since === undefined ? undefined : new Date(since).toISOString(),
      until: until === undefined ? undefined : new Date(until).toISOString(),
      key: text(options, 'key'),
      where: text(options, 'where'),
      limit: wholeNumber(options, 'limit', 1),
    };
    const named = Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined));
    const all = Object.keys(named).length === 0;
    if (all && options.yes !== true)
      throw new Fault('USAGE', 'no condition is named', { help: 'name one, or say --yes for the whole topic' });
    const records = { flow: flow!, station: station!, ...named } as RecordSelection;
    const request = {
      records,
      ...paceOf(options),
      ...(options.allowOrphans === true ? { allowOrphans: true } : {}),
      ...(all ? { all } : {}),
    };
    return withReplay(context, (client) => planAndRun(context, client, request, options));
  },
};
