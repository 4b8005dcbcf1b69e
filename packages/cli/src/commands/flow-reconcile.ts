/** `quadrille flow reconcile`: does every edge and every station of a flow add up? */
import { existsSync } from 'node:fs';
import { readFlow } from '@quadrille/flow';
import { Fault, LEDGER_TOPIC, type Reconciliation } from '@quadrille/record';
import type { FlowReconciliation, LetterCounts, ReconcileQuery } from '@quadrille/replay/api';
import { takePicture } from '@quadrille/station';
import { type Command, type Context, type Options, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { formatOf, toJson } from '../print/output.ts';
import { edgeTable, letterLine, replayTable, stationTable, verdictLines } from '../print/reconciliation.ts';
import { isReplayThere, withReplay } from '../replay/service.ts';
import { withServers } from '../servers.ts';
import { timeOf } from '../times.ts';

/** As far as the ledger alone tells them, dead letters have no states. */
type Books = Reconciliation & { deadLetters?: LetterCounts };

export const flowReconcile: Command = {
  path: 'flow reconcile',
  summary: 'reconcile every edge and station of a flow, now',
  description:
    'Exact also while the flow runs. Ends with 1 when it does not balance, or a target could not decide about a row. Where the replay service runs, dead letters are counted by state; to narrow it down, one is started if need be. What is narrowed is what is shown: whether it balances is always said of the whole flow.',
  arguments: [['[FLOW]', 'folder of the flow file; left out, the flow that runs here']],
  options: [
    ['--station <station>', 'this station'],
    ['--topic <topic>', 'this topic, with its dead letters'],
    ['--since <time>', 'verdicts from this time on, by rounds: ISO-8601, or 90s, 15m, 2h, 7d ago'],
    ['--until <time>', 'verdicts before this time'],
    ['--audit', 'read all that is claimed too, and hold it against the claims; takes as long as reading all topics'],
  ],
  lists: true,
  examples: [
    'flow reconcile flows/flights',
    'flow reconcile flows/flights --station locate --since 1d',
    'flow reconcile flows/flights -o json',
  ],
  run: async (context, [given], options) => {
    const format = formatOf(options);
    const narrowing = narrowingOf(options);
    const isNarrowed = Object.keys(narrowing).length > 0;
    const audit = options.audit === true;
    const books =
      isNarrowed || isReplayThere(context)
        ? await asked(context, { flow: await nameOf(context, given), ...narrowing, ...(audit ? { audit } : {}) })
        : await taken(context, given, audit);
    if (format === 'json' || format === 'jsonl') context.out(`${toJson(books, format === 'json' ? 2 : undefined)}\n`);
    else context.out(`${pageOf(books).join('\n')}\n`);
    return books.balanced && books.conflicts === 0 ? EXIT.done : EXIT.findings;
  },
};

function pageOf(books: Books): string[] {
  const replays = replayTable(books.stations);
  return [
    ...stationTable(books.stations),
    '',
    ...edgeTable(books.edges),
    '',
    ...(replays.length === 0 ? [] : [...replays, '']),
    ...(books.deadLetters === undefined ? [] : [letterLine(books.deadLetters)]),
    ...verdictLines(books),
  ];
}

/** @throws Fault USAGE */
function narrowingOf(options: Options): Omit<ReconcileQuery, 'flow'> {
  const moment = (name: 'since' | 'until'): string | undefined => {
    const at = timeOf(text(options, name), `--${name}`);
    return at === undefined ? undefined : new Date(at).toISOString();
  };
  const given = {
    station: text(options, 'station'),
    topic: text(options, 'topic'),
    since: moment('since'),
    until: moment('until'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The service may be elsewhere, and the flow known by its name alone. */
async function nameOf(context: Context, given: string | undefined): Promise<string> {
  const path = flowPath(context, given);
  return given !== undefined && !existsSync(path) ? given : (await readFlow(path)).name;
}

async function asked(context: Context, query: ReconcileQuery): Promise<Books> {
  const answer = await withReplay(context, (client) =>
    client.get<FlowReconciliation>('/v1/reconciliation', { ...query }),
  );
  return { strays: [], ...answer } as unknown as Books;
}

async function taken(context: Context, given: string | undefined, audit: boolean): Promise<Books> {
  const flow = await readFlow(flowPath(context, given));
  return withServers(context, async ({ kafka, admin }) => {
    if (!(await admin.listTopics()).includes(LEDGER_TOPIC))
      throw new Fault('NOT_FOUND', 'there is no ledger yet', {
        help: `run the flow first: \`quadrille up ${given ?? ''}\``,
      });
    return (await takePicture(kafka, admin, flow, audit)).reconcile();
  });
}
