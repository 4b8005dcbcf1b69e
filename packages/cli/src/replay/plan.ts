/** What a replay would send, for people; and the course of the commands that start one: plan, dry run, execute. */
import type { Replay, ReplayAnswer, ReplayItem, ReplayPlan, ReplayRequest } from '@quadrille/replay/api';
import { type Context, type Options, text } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { formatOf, toJson } from '../print/output.ts';
import { tableLines } from '../print/table.ts';
import { count } from '../print/values.ts';
import type { ReplayClient } from './client.ts';
import { numberOf, rampOf } from './numbers.ts';
import { ending, exitOf, watchReplays } from './watch.ts';

export const REPLAY_OPTIONS: readonly (readonly [string, string])[] = [
  ['--rate <n>', 'records a second at most'],
  ['--ramp <steps>', 'first so many, then so many, e.g. 1,10,100; each step waits for the verdicts of the one before'],
  ['--stop-at <share>', 'stop when more than this share fails again (default 0.5; 1: never)'],
  ['--reason <text>', 'why; stands in the audit'],
  ['--preview', 'a dry run through the station itself; the default without --execute'],
  ['--execute', 'send; without, only the plan and the dry run are shown'],
  ['--no-wait', 'do not wait for the verdicts'],
];

const TELLING_MS = 3_000;

/** @throws Fault USAGE */
export function paceOf(options: Options): Partial<ReplayRequest> {
  const rate = numberOf(options, 'rate');
  const stopAt = numberOf(options, 'stopAt');
  const ramp = rampOf(text(options, 'ramp'));
  const reason = text(options, 'reason');
  return {
    ...(rate === undefined ? {} : { rate }),
    ...(stopAt === undefined ? {} : { stopAt }),
    ...(ramp === undefined ? {} : { ramp }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Shows the plan; then runs it, or what it would come to. */
export async function planAndRun(
  context: Context,
  client: ReplayClient,
  request: ReplayRequest,
  options: Options,
): Promise<ExitCode> {
  const json = ['json', 'jsonl'].includes(formatOf(options));
  const execute = options.execute === true;
  const { plan } = await told(context, 'still planning: every record that may be meant is read', () =>
    client.post<ReplayAnswer>('/v1/replays', { ...request, execute: false }),
  );
  const lines = planLines(plan!);
  if (json) context.err(lines.join('\n'));
  else context.out(`${lines.join('\n')}\n`);
  if (plan!.records === 0) return EXIT.findings;
  const dry = !execute && request.to === undefined;
  if (!execute && !dry) {
    context.err('nothing was sent; --execute does it');
    return EXIT.done;
  }
  // A dry run changes nothing: it may be of all that there is without saying so.
  const isPreview = dry || options.preview === true;
  const decided = { ...request, ...(isPreview ? { preview: true, all: true } : {}), execute: true };
  const { replays } = await told(context, 'still being written down', () =>
    client.post<ReplayAnswer>('/v1/replays', decided),
  );
  if (options.wait === false) {
    for (const { id } of replays) context.out(`${id}\n`);
    return EXIT.done;
  }
  const ended = await watchReplays(
    context,
    client,
    replays.map(({ id }) => id),
  );
  if (json) context.out(`${toJson({ plan, replays: ended }, 2)}\n`);
  else {
    context.out(`${ended.map(ending).join('\n')}\n`);
    for (const replay of ended) if (replay.rejected > 0) await showFailures(context, client, replay);
  }
  if (dry) context.err('nothing was sent; --execute does it');
  return exitOf(ended);
}

/** Says every few seconds that a call of the service is still going on. */
async function told<T>(context: Context, what: string, call: () => Promise<T>): Promise<T> {
  const begun = Date.now();
  const timer = setInterval(() => context.err(`${what} (${Math.round((Date.now() - begun) / 1000)} s)`), TELLING_MS);
  try {
    return await call();
  } finally {
    clearInterval(timer);
  }
}

function planLines({ stations, records, rate, ramp }: ReplayPlan): string[] {
  const lines: string[] = [];
  for (const plan of stations) {
    const { flow, station, destination, partitions, problems, problemCount, corrected, formerOutputs, orphans } = plan;
    const mended = corrected > 0 ? `, ${count(corrected)} of them corrected` : '';
    lines.push(`${count(plan.records)} records${mended} to ${flow}.${station} through ${destination}`);
    if (formerOutputs > 0)
      lines.push(`  compared with ${count(formerOutputs)} outputs that stand; what is not made again is deleted`);
    if (orphans > 0) lines.push(`  of ${count(orphans)} records the former outputs can no longer be read`);
    if (partitions.length > 0)
      lines.push(
        ...tableLines(
          [
            { name: 'PARTITION', of: (row) => row.partition },
            { name: 'RECORDS', of: (row) => row.records },
            { name: 'FROM-OFFSET', of: (row) => row.from },
            { name: 'TO-OFFSET', of: (row) => row.to },
          ],
          partitions,
        ).map((line) => `  ${line}`),
      );
    if (problemCount > 0) lines.push(`  ${count(problemCount)} cannot be sent:`);
    for (const { deadLetter, at, code, message } of problems.slice(0, 10))
      lines.push(`    ${deadLetter ?? `${at.topic}[${at.partition}]@${at.offset}`}  ${code}: ${message}`);
    if (problemCount > 10) lines.push(`    … ${count(problemCount - 10)} more`);
  }
  const pace = [
    ...(rate === null ? [] : [`at most ${rate} a second, ${count(Math.ceil(records / rate))} s`]),
    ...(ramp.length === 0 ? [] : [`in steps of ${ramp.join(', ')}, then the rest`]),
  ];
  if (pace.length > 0) lines.push(pace.join('; '));
  return lines;
}

const SHOWN = 20;

async function showFailures(context: Context, client: ReplayClient, { id, rejected }: Replay): Promise<void> {
  const items: ReplayItem[] = [];
  for await (const item of client.all<ReplayItem>(`/v1/replays/${id}/items`, { states: ['rejected'] }, SHOWN))
    items.push(item);
  const lines = tableLines(
    [
      { name: 'NAME', of: (item) => item.deadLetter },
      { name: 'RECORD', of: (item) => item.recordId },
      { name: 'CODE', of: (item) => item.code },
      { name: 'FIELD', of: (item) => item.field },
      { name: 'MESSAGE', of: (item) => item.message },
    ],
    items,
  );
  context.out(`failed again:\n${lines.map((line) => `  ${line}`).join('\n')}\n`);
  if (rejected > items.length)
    context.err(`${count(rejected - items.length)} more, see \`quadrille replay show ${id}\``);
}
