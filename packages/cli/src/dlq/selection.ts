/** Which dead letters are meant: the selection flags of `dlq` commands. */
import { Fault } from '@quadrille/record';
import { type Options, text, wholeNumber } from '../command.ts';
import type { DeadLetter } from './dead-letter.ts';

export interface Selection {
  /** A dead-letter topic; given without `dlq.`, it is put before. */
  topic: string | undefined;
  station: string | undefined;
  /** Fingerprint, or the beginning of one. */
  group: string | undefined;
  code: string | undefined;
  key: string | undefined;
  /** Offsets in the dead-letter topic, both inclusive. */
  offsets: { from: number; to: number } | undefined;
  /** ms since the epoch; of the last failure. */
  since: number | undefined;
  until: number | undefined;
  limit: number;
  /** Also those that no live part claims. */
  all: boolean;
}

export const SELECTION_OPTIONS: readonly (readonly [string, string])[] = [
  ['--topic <topic>', 'dead letters of this topic, with or without `dlq.`'],
  ['--station <station>', 'rejected by this station'],
  ['--group <fingerprint>', 'of this group, or of groups that begin so'],
  ['--code <code>', 'with this fault code'],
  ['--key <key>', 'with this record key'],
  ['--offsets <a-b>', 'offsets in the dead-letter topic, both inclusive'],
  ['--since <time>', 'failed last at or after: ISO-8601, or 90s, 15m, 2h, 7d ago'],
  ['--until <time>', 'failed last before'],
  ['--limit <n>', 'at most so many (default 100)'],
  ['--all', 'also those that attempts left which did not count'],
];

const DEFAULT_LIMIT = 100;

/** @throws Fault USAGE */
export function selectionOf(options: Options, now = Date.now()): Selection {
  const topic = text(options, 'topic');
  return {
    topic: topic === undefined || topic.startsWith('dlq.') ? topic : `dlq.${topic}`,
    station: text(options, 'station'),
    group: text(options, 'group'),
    code: text(options, 'code')?.toUpperCase(),
    key: text(options, 'key'),
    offsets: offsetsOf(text(options, 'offsets')),
    since: timeOf(text(options, 'since'), '--since', now),
    until: timeOf(text(options, 'until'), '--until', now),
    limit: wholeNumber(options, 'limit', 1) ?? DEFAULT_LIMIT,
    all: options.all === true,
  };
}

/** `5-9`, `5-` or `5`. @throws Fault USAGE */
export function offsetsOf(given: string | undefined): Selection['offsets'] {
  if (given === undefined) return undefined;
  const [, first, dash, last] = /^(\d+)(-)?(\d+)?$/.exec(given) ?? [];
  const from = Number(first);
  const to = last !== undefined ? Number(last) : dash === undefined ? from : Number.MAX_SAFE_INTEGER;
  if (first === undefined || to < from)
    throw new Fault('USAGE', `--offsets ${given}`, { help: 'e.g. --offsets 100-199, --offsets 100- or --offsets 100' });
  return { from, to };
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment, or how long ago; ms since the epoch. @throws Fault USAGE */
export function timeOf(given: string | undefined, flag: string, now = Date.now()): number | undefined {
  if (given === undefined) return undefined;
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(given) ?? [];
  if (amount !== undefined) return now - Number(amount) * UNITS[unit!]!;
  const at = /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(at))
    throw new Fault('USAGE', `${flag} ${given} is no time`, {
      help: `e.g. ${flag} 2h, or ${flag} 2026-01-31T12:00:00Z`,
    });
  return at;
}

/** All but topic, offsets and limit, which decide what is read. */
export function matches(letter: DeadLetter, selection: Selection): boolean {
  const { station, group, code, key, since, until, all } = selection;
  if (!all && !letter.live) return false;
  if (station !== undefined && letter.station !== station && letter.group !== station) return false;
  if (group !== undefined && !letter.fingerprint.startsWith(group)) return false;
  if (code !== undefined && letter.code !== code) return false;
  if (key !== undefined && letter.key !== key) return false;
  const at = Date.parse(letter.last);
  return (since === undefined || at >= since) && (until === undefined || at < until);
}

/** `dlq.t[0]@5`, or its three parts. @throws Fault USAGE */
export function placeFrom(words: readonly string[]): { topic: string; partition: number; offset: number } {
  const joined = words.length === 3 ? `${words[0]}[${words[1]}]@${words[2]}` : words.join(' ');
  const [, topic, partition, offset] = /^([^\s[\]]+)\[(\d+)\]@(\d+)$/.exec(joined) ?? [];
  if (topic === undefined)
    throw new Fault('USAGE', `${JSON.stringify(joined)} is no place in a topic`, {
      help: "e.g. 'dlq.flights.qualified[0]@12', in quotes, or dlq.flights.qualified 0 12",
    });
  return {
    topic: topic.startsWith('dlq.') ? topic : `dlq.${topic}`,
    partition: Number(partition),
    offset: Number(offset),
  };
}
