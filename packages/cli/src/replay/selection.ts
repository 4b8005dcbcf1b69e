/** Which dead letters are meant: the selection flags of `dlq` commands, and dead letters by name. */
import { Fault } from '@quadrille/record';
import type { DeadLetter, Page, Selection } from '@quadrille/replay/api';
import { type Options, text, wholeNumber } from '../command.ts';
import { offsetsOf, timeOf } from '../times.ts';
import { type ReplayClient, ServiceError } from './client.ts';

export const SELECTION_OPTIONS: readonly (readonly [string, string])[] = [
  ['--flow <flow>', 'of this flow'],
  ['--topic <topic>', 'dead letters of this topic, with or without `dlq.`'],
  ['--station <station>', 'rejected by this station'],
  ['--group <fingerprint>', 'of this group, or of groups that begin so'],
  ['--code <code>', 'with this fault code'],
  ['--key <key>', 'with this record key'],
  ['--partition <n>', 'in this partition of the dead-letter topic'],
  ['--offsets <a-b>', 'offsets in the dead-letter topic, both inclusive'],
  ['--since <time>', 'failed last at or after: ISO-8601, or 90s, 15m, 2h, 7d ago'],
  ['--until <time>', 'failed last before'],
  ['--where <condition>', 'SQL over the fields of the value, e.g. "dest = \'SJU\'"'],
  ['--state <states>', 'open, corrected, replaying, resolved, discarded; several with commas; or all'],
];

export const NAMES = "id, the beginning of one, 'TOPIC[PARTITION]@OFFSET', or a record id";
const STATES = ['open', 'corrected', 'replaying', 'resolved', 'discarded'] as const;
const UNSETTLED = ['open', 'corrected', 'replaying'] as const;

/** @param usual the states that are meant where none are named; undefined: the service's choice. @throws Fault USAGE */
export function selectionOf(options: Options, usual?: readonly (typeof STATES)[number][], now = Date.now()): Selection {
  const topic = text(options, 'topic');
  const since = timeOf(text(options, 'since'), '--since', now);
  const until = timeOf(text(options, 'until'), '--until', now);
  const given: { [name in keyof Selection]: Selection[name] | undefined } = {
    flow: text(options, 'flow'),
    topic: topic?.startsWith('dlq.') ? topic.slice(4) : topic,
    station: text(options, 'station'),
    group: text(options, 'group'),
    code: text(options, 'code')?.toUpperCase(),
    key: text(options, 'key'),
    partition: wholeNumber(options, 'partition'),
    offsets: offsetsOf(text(options, 'offsets')),
    since: since === undefined ? undefined : new Date(since).toISOString(),
    until: until === undefined ? undefined : new Date(until).toISOString(),
    where: text(options, 'where'),
    states: statesOf(text(options, 'state')) ?? (usual === undefined ? undefined : [...usual]),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Selection;
}

/** Those that nobody has settled yet: what is listed and grouped unless said otherwise. */
export const unsettled = (options: Options): Selection => selectionOf(options, UNSETTLED);

function statesOf(given: string | undefined): Selection['states'] {
  if (given === undefined) return undefined;
  if (given === 'all') return [...STATES];
  return given.split(',').map((word) => {
    const state = STATES.find((each) => each === word.trim());
    if (state === undefined)
      throw new Fault('USAGE', `--state ${word}`, { help: `one or more of ${STATES.join(', ')}, or all` });
    return state;
  });
}

/** A selection as the query of a GET. */
export const queryOf = ({ offsets, ...rest }: Selection) => ({
  ...rest,
  ...(offsets === undefined ? {} : { offsets: `${offsets.from}-${offsets.to}` }),
});

/** The dead letters that words mean; a record id may mean several. @throws Fault NOT_FOUND, USAGE */
export async function lettersNamed(client: ReplayClient, words: readonly string[]): Promise<DeadLetter[]> {
  const found: DeadLetter[] = [];
  for (const word of words) {
    const byId = await lettersOf(client, named(word));
    if (byId.length > 1 && HEX.test(word))
      throw new Fault('USAGE', `${word} is the beginning of ${byId.length} ids`, { help: 'type more of it' });
    // A number is the id of many a record, and may look like the beginning of a dead letter's.
    const items = byId.length === 0 && HEX.test(word) ? await lettersOf(client, { record: word }) : byId;
    if (items.length === 0)
      throw new Fault('NOT_FOUND', `dead letter ${word}`, { help: 'list what there is with `quadrille dlq list`' });
    found.push(...items);
  }
  return found;
}

/** In whatever state. None where the role may not look for records by their ids. */
async function lettersOf(client: ReplayClient, selection: Selection): Promise<DeadLetter[]> {
  const query = { ...queryOf(selection), states: [...STATES], limit: 100 };
  try {
    return (await client.get<Page<DeadLetter>>('/v1/dead-letters', query)).items;
  } catch (error) {
    if (selection.record !== undefined && HEX.test(selection.record) && isNotAllowed(error)) return [];
    throw error;
  }
}

const isNotAllowed = (error: unknown): boolean => error instanceof ServiceError && error.has('NOT_ALLOWED');

const HEX = /^[0-9a-f]{4,12}$/;

function named(word: string): Selection {
  const [, topic, partition, offset] = /^([^\s[\]]+)\[(\d+)\]@(\d+)$/.exec(word) ?? [];
  if (topic !== undefined)
    return {
      topic: topic.startsWith('dlq.') ? topic.slice(4) : topic,
      partition: Number(partition),
      offsets: { from: Number(offset), to: Number(offset) },
    };
  return HEX.test(word) ? { prefix: word } : { record: word };
}

/** By name where names are given, by flags otherwise; not both. @throws Fault USAGE */
export async function selected(client: ReplayClient, words: readonly string[], options: Options): Promise<Selection> {
  const flags = selectionOf(options);
  if (words.length === 0) return flags;
  if (Object.keys(flags).length > 0)
    throw new Fault('USAGE', 'names and conditions at once', { help: 'name dead letters, or select them by flags' });
  return { ids: (await lettersNamed(client, words)).map(({ id }) => id) };
}

/** Whether a selection leaves nothing out. */
export const isUnbounded = ({ states: _, ...selection }: Selection): boolean => Object.keys(selection).length === 0;
