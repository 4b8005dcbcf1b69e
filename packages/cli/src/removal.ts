/** What removing a station would do, and what stands in its way. */
import { type Flow, readFlow } from '@quadrille/flow';
import { Fault, replayTopic } from '@quadrille/record';
import type { DeadLetterGroup } from '@quadrille/replay/api';
import { type Holdings, holdingsOf } from '@quadrille/station';
import type { Context } from './command.ts';
import { count } from './print/values.ts';
import { withReplay } from './replay/service.ts';
import type { Servers } from './servers.ts';

/** One line of the plan. */
export interface Step {
  name: string;
  /** `write`: into the ledger, in place of the group's position. */
  action: 'write' | 'delete' | 'keep';
  what: string;
}

export interface Removal {
  flow: string;
  station: string;
  /** Processes that still belong to its groups. */
  members: number;
  /** Records that it has not judged; replays that it has not judged. */
  waiting: number;
  waitingReplays: number;
  /** Its dead letters that are neither resolved nor discarded; null: not asked for. */
  openDeadLetters: number | null;
  /** The flow file still names it. */
  inFlowFile: boolean;
  steps: Step[];
}

export interface Concessions {
  /** Records that wait may stay unjudged by it. */
  waiting: boolean;
  /** Dead letters may stay open. */
  open: boolean;
  deleteTopics: boolean;
}

/** @param path of the flow. @throws Fault NOT_FOUND: neither flow file nor Kafka know the station. */
export async function planRemoval(
  context: Context,
  { kafka, admin }: Servers,
  path: string,
  station: string,
  concessions: Concessions,
): Promise<{ removal: Removal; holdings: Holdings; deleteTopics: string[]; obstacles: Fault[] }> {
  const flow = await readFlow(path);
  const spec = flow.stations.get(station);
  const input = spec === undefined || spec.kind === 'extractor' ? undefined : spec.from;
  const holdings = await holdingsOf(kafka, admin, flow.name, station, input);
  if (holdings === undefined)
    throw new Fault('NOT_FOUND', `station \`${station}\` has never run`, {
      place: flow.name,
      help: `the flow file names ${[...flow.stations.keys()].join(', ')}; what was removed is gone from Kafka too`,
    });
  const replays = replayTopic(flow.name, station);
  const sum = (isReplay: boolean): number =>
    holdings.standings.reduce((all, { topic, waiting }) => all + ((topic === replays) === isReplay ? waiting : 0), 0);
  const removal: Removal = {
    flow: flow.name,
    station,
    members: holdings.members,
    waiting: sum(false),
    waitingReplays: sum(true),
    openDeadLetters:
      concessions.open || holdings.rejected === 0
        ? concessions.open
          ? null
          : 0
        : await openOf(context, flow, station),
    inFlowFile: spec !== undefined,
    steps: [],
  };
  // A topic in which nothing ever stood tells nothing.
  const deleteTopics = holdings.topics
    .filter(({ records }) => records === 0 || concessions.deleteTopics)
    .map(({ topic }) => topic);
  removal.steps = stepsOf(holdings, deleteTopics);
  return { removal, holdings, deleteTopics, obstacles: obstaclesOf(removal, concessions) };
}

async function openOf(context: Context, flow: Flow, station: string): Promise<number> {
  const query = { flow: flow.name, station, states: ['open', 'corrected', 'replaying'] };
  const { items } = await withReplay(context, (client) =>
    client.get<{ items: DeadLetterGroup[] }>('/v1/groups', query),
  );
  return items.reduce((sum, group) => sum + group.count, 0);
}

function stepsOf({ groups, standings, topics }: Holdings, deleteTopics: readonly string[]): Step[] {
  const places = Map.groupBy(standings, ({ topic }) => topic);
  const written = [...places].map(([topic, at]): Step => {
    const partitions = `${at.length} ${at.length === 1 ? 'partition' : 'partitions'}`;
    return {
      name: topic,
      action: 'write',
      what: `where it stands on ${partitions}, so that what it did goes on counting`,
    };
  });
  return [
    ...written,
    ...groups.map((name): Step => ({ name, action: 'delete', what: 'consumer group' })),
    ...topics.map(({ topic, records }): Step => {
      const what = `topic, ${count(records)} ${records === 1 ? 'record' : 'records'}`;
      return deleteTopics.includes(topic)
        ? { name: topic, action: 'delete', what }
        : { name: topic, action: 'keep', what: `${what}; --delete-topics deletes it, and the name cannot come back` };
    }),
  ];
}

function obstaclesOf(
  { members, waiting, waitingReplays, openDeadLetters, ...of }: Removal,
  given: Concessions,
): Fault[] {
  const place = `${of.flow}.${of.station}`;
  const faults: Fault[] = [];
  if (members > 0)
    faults.push(new Fault('STATION_RUNNING', `${members} ${members === 1 ? 'member' : 'members'}`, { place }));
  if (waiting + waitingReplays > 0 && !given.waiting) {
    const what = `${count(waiting)} records and ${count(waitingReplays)} replays wait`;
    const help = 'let it finish, or leave them unjudged by it with --accept-waiting';
    faults.push(new Fault('STATION_NEEDED', what, { place, help }));
  }
  if (openDeadLetters !== null && openDeadLetters > 0) {
    const help = 'replay or discard them (`quadrille dlq list`), or leave them open with --accept-open';
    faults.push(new Fault('STATION_NEEDED', `${count(openDeadLetters)} dead letters are open`, { place, help }));
  }
  return faults;
}
