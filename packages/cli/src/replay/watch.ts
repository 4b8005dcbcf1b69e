/** Follows replays to their end, with one line of progress on a terminal and plain lines otherwise. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Replay } from '@quadrille/replay/api';
import type { Context } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { count } from '../print/values.ts';
import type { ReplayClient } from './client.ts';

const LOOK_MS = 300;
/** Without a terminal one line in so many looks. */
const PLAIN_EVERY = 10;

export const isOver = ({ state }: Replay): boolean => state === 'done' || state === 'cancelled' || state === 'stopped';

/** Over, and what it has led to further down is known. */
const isSettled = (replay: Replay): boolean => isOver(replay) && (replay.outcomes.pending ?? 0) === 0;

/** After this the rest of the way down is left to others: a station there may be stopped. */
const PATIENCE_MS = 30_000;

/** @returns the replays as they ended. */
export async function watchReplays(context: Context, client: ReplayClient, ids: readonly string[]): Promise<Replay[]> {
  let overAt: number | undefined;
  let said = '';
  for (let look = 0; ; look++) {
    const replays = await Promise.all(ids.map((id) => client.get<Replay>(`/v1/replays/${id}`)));
    const line = replays.map(progressOf).join('; ');
    if (context.terminal !== undefined) context.terminal.write(`\r\x1b[2K${line}`);
    else if (look % PLAIN_EVERY === 0 && line !== said) {
      said = line;
      context.err(line);
    }
    if (replays.every(isOver)) overAt ??= Date.now();
    if (replays.every(isSettled) || (overAt !== undefined && Date.now() - overAt > PATIENCE_MS)) {
      if (context.terminal !== undefined) context.terminal.write('\r\x1b[2K');
      return replays;
    }
    await sleep(LOOK_MS, undefined, { signal: context.cancel }).catch(() => {});
  }
}

function progressOf({ id, records, sent, passed, dropped, rejected, state }: Replay): string {
  const judged = passed + dropped + rejected;
  return `${id} ${state}: ${count(sent)} of ${count(records)} sent, ${count(judged)} judged, ${count(rejected)} failed again`;
}

/** How a replay ended, in a sentence. */
export function ending(replay: Replay): string {
  const { id, state, records, passed, dropped, rejected, withdrawn, outcomes, fault, kind } = replay;
  const parts = [
    `${count(passed)} passed`,
    ...(dropped > 0 ? [`${count(dropped)} dropped by rule`] : []),
    `${count(rejected)} failed again`,
    ...(withdrawn > 0 ? [`${count(withdrawn)} not sent`] : []),
  ];
  const led = Object.entries(outcomes).map(([name, n]) => `${count(n)} ${name}`);
  const what = kind === 'preview' ? 'dry run' : kind === 'rerun' ? 're-run' : kind;
  const why = fault === null ? '' : ` (${fault.code}: ${fault.message})`;
  return `${id}: ${what} of ${count(records)} ${state}${why}: ${parts.join(', ')}${led.length === 0 ? '' : `; further down ${led.join(', ')}`}`;
}

/** 0: all did what was wanted; 3: some failed again or were not sent; 2: cancelled. */
export function exitOf(replays: readonly Replay[]): ExitCode {
  if (replays.some(({ state }) => state === 'cancelled')) return EXIT.cancelled;
  return replays.some(({ rejected, withdrawn }) => rejected + withdrawn > 0) ? EXIT.partly : EXIT.done;
}
