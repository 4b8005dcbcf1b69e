/**
 * Follow-ups. A record that is replayed or run again gives its outputs anew. Where a station further down had made more of
 * the former output than it makes of the new one, it cannot know: the surplus would stand for ever. It is sent the new output
 * once more, with what stood before, so that it makes tombstones of what it does not make again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Flow, outputTopicsOf, type StationSpec } from '@quadrille/flow';
import { Fault, type FormerOutput, packFormer, replayTopic } from '@quadrille/record';
import type { Placed } from '../api/index.ts';
import { readersOf } from '../lineage/downstream.ts';
import { type Output, outputsBefore, outputsOf, standingOutputs } from '../lineage/outputs.ts';
import { livePartsAt, verdictIn } from '../lineage/parts.ts';
import type { Decisions, Duty, Ground } from '../model.ts';
import { Draft } from './draft.ts';
import { decideDrafts, type Terms } from './request.ts';

const BATCH = 1_000;
const BUSY_MS = 300;
const IDLE_MS = 1_000;
/** All that is there waits for its verdicts. */
const WAITING_MS = 3_000;

interface Item {
  replay: string;
  seq: number;
  number: number;
  by_whom: string;
  flow: string;
  station: string;
  /** Where it was sent. */
  topic: string;
  partition: number;
  offset: number;
  from_topic: string;
  from_partition: number;
  from_offset: number;
}

/** An output as it was, and as it is now. */
interface Again {
  item: Item;
  former: Output;
  now: Output;
}

/**
 * Asks for follow-ups of what was passed or dropped, once the stations behind have judged what became of it.
 * @param ready whether everything that was decided is known: nothing is asked for before.
 */
export function followUp(ground: Ground, decisions: Decisions, ready: () => boolean): Duty {
  return async (signal) => {
    let after = { replay: '', seq: -1 };
    while (!signal.aborted) {
      const stations = [...ground.flows.values()].flatMap((flow) =>
        [...flow.stations.values()].filter((spec) => behind(flow, spec).length > 0).map((spec) => ({ flow, spec })),
      );
      const items = stations.length === 0 || !ready() ? [] : await itemsAfter(ground, stations, after);
      after = items.length < BATCH ? { replay: '', seq: -1 } : items.at(-1)!;
      let done = 0;
      for (const batch of Map.groupBy(items, ({ replay }) => replay).values()) {
        const { flow, station } = batch[0]!;
        const { spec, flow: known } = stations.find((each) => each.flow.name === flow && each.spec.name === station)!;
        done += await followUpBatch(ground, decisions, known, spec, batch);
      }
      const wait = items.length === 0 ? IDLE_MS : done > 0 ? BUSY_MS : WAITING_MS;
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  };
}

/** The stations behind one that make something themselves. */
const behind = (flow: Flow, spec: StationSpec) =>
  outputTopicsOf(spec)
    .flatMap((topic) => readersOf(flow, topic))
    .filter(({ kind }) => kind !== 'loader');

const itemsAfter = (
  { database }: Pick<Ground, 'database'>,
  stations: readonly { flow: Flow; spec: StationSpec }[],
  { replay, seq }: { replay: string; seq: number },
): Promise<Item[]> =>
  database.query<Item>(
    `select i.replay, i.seq, r.number, r.by_whom, r.flow, r.station, r.destination as topic, i.partition,
       i.sent_offset as offset, i.from_topic, i.from_partition, i.from_offset
     from replay_item i join replay r on r.id = i.replay
     where i.state in ('passed', 'dropped') and not i.followed_up and i.sent_offset is not null
       and r.kind in ('replay', 'rerun') and (i.replay, i.seq) > ($1, $2)
       and (r.flow, r.station) in (select * from unnest($3::text[], $4::text[]))
     order by i.replay, i.seq limit ${BATCH}`,
    [replay, seq, stations.map(({ flow }) => flow.name), stations.map(({ spec }) => spec.name)],
  );

/** Items of one replay. @returns how many are done with. */
async function followUpBatch(
  ground: Ground,
  decisions: Decisions,
  flow: Flow,
  spec: StationSpec,
  items: readonly Item[],
): Promise<number> {
  const again = await outputsAgain(ground, flow.name, spec.name, items);
  const open = new Set<Item>();
  for (const reader of behind(flow, spec)) {
    const read = again.filter(({ now }) => now.topic === reader.from);
    const { waiting, surplus } = await surplusOf(ground, flow.name, reader.name, read);
    for (const item of waiting) open.add(item);
    const left = surplus.filter(({ item }) => !open.has(item));
    for (const item of await ask(ground, decisions, flow.name, reader.name, left)) open.add(item);
  }
  const done = items.filter((item) => !open.has(item));
  await ground.database.query(
    `update replay_item i set followed_up = true from unnest($1::text[], $2::integer[]) as w(replay, seq)
     where i.replay = w.replay and i.seq = w.seq`,
    [done.map(({ replay }) => replay), done.map(({ seq }) => seq)],
  );
  return done.length;
}

const originOf = (item: Item): Placed => ({
  topic: item.from_topic,
  partition: item.from_partition,
  offset: item.from_offset,
});

/** Outputs of the items that were there before, by id, be it that they are deleted now. */
async function outputsAgain(ground: Ground, flow: string, station: string, items: readonly Item[]): Promise<Again[]> {
  const former = await outputsBefore(
    ground,
    flow,
    station,
    items.map(originOf),
    items.map(({ number }) => number),
  );
  const known = items.flatMap((item, i) =>
    former[i]!.outputs.length > 0 ? [{ item, former: former[i]!.outputs }] : [],
  );
  const now = await outputsOf(
    ground,
    flow,
    station,
    known.map(({ item }) => item),
  );
  return known.flatMap(({ item, former }, i) =>
    former.flatMap((each) => {
      const same = now[i]!.outputs.find(({ topic, id }) => topic === each.topic && id === each.id);
      return same === undefined ? [] : [{ item, former: each, now: same }];
    }),
  );
}

interface Surplus {
  item: Item;
  /** The output that the station is to judge once more. */
  now: Output;
  /** What stands of the output, former and new. */
  standing: FormerOutput[];
}

/** Where the station behind made something of the former output that it does not make of the new one. */
async function surplusOf(
  ground: Ground,
  flow: string,
  station: string,
  again: readonly Again[],
): Promise<{ waiting: Item[]; surplus: Surplus[] }> {
  const places = again.map(({ now }) => now);
  const parts = await livePartsAt(ground.database, flow, station, places);
  const verdicts = places.map(({ offset }, i) => verdictIn(flow, station, parts[i], offset).verdict);
  const waiting = again.filter((_, i) => parts[i] === undefined).map(({ item }) => item);
  // What it rejects now is a dead letter: what stood before stands until that is replayed.
  const judged = again.filter((_, i) => verdicts[i] === 'pass' || verdicts[i] === 'drop');
  const before = await standingOutputs(
    ground,
    flow,
    station,
    judged.map(({ former }) => former),
  );
  const made = await standingOutputs(
    ground,
    flow,
    station,
    judged.map(({ now }) => now),
  );
  const surplus = judged.flatMap(({ item, now }, i): Surplus[] => {
    const isMade = ({ topic, id }: FormerOutput): boolean =>
      made[i]!.outputs.some((each) => each.topic === topic && each.id === id);
    const left = before[i]!.outputs.filter((each) => !isMade(each));
    return left.length === 0 ? [] : [{ item, now, standing: [...left, ...made[i]!.outputs] }];
  });
  return { waiting, surplus };
}

/** Asks for one replay with all of them. @returns the items of those that cannot be sent yet. */
async function ask(
  ground: Ground,
  decisions: Decisions,
  flow: string,
  station: string,
  surplus: readonly Surplus[],
): Promise<Item[]> {
  if (surplus.length === 0) return [];
  const { replay, by_whom } = surplus[0]!.item;
  const asked = await askedFor(ground, flow, station, replay);
  const topic = replayTopic(flow, station);
  const partitions = (await ground.admin.partitions([topic])).get(topic) ?? 1;
  const draft = new Draft(flow, station, 'rerun', topic, partitions);
  const wanted = surplus
    .filter(({ now }) => !asked.has(placeText(now)))
    // In the order in which they are read again.
    .sort(({ now: a }, { now: b }) => a.partition - b.partition || a.offset - b.offset);
  if (wanted.length === 0) return [];
  for (const { now, standing } of wanted) {
    const from = { topic: now.topic, partition: now.partition, offset: now.offset };
    draft.items.push({
      deadLetter: null,
      recordId: now.id.replaceAll('\0', '\uFFFD'),
      from,
      letter: null,
      correction: null,
      above: now.revision,
      partition: draft.partitionFor(from, now.key),
      former: JSON.parse(packFormer(standing).toString()) as unknown[],
    });
  }
  const terms: Terms & { follows: string } = { follows: replay, stopAt: 1, reason: `follows ${replay}` };
  try {
    const [made] = await decideDrafts(ground, decisions, { name: by_whom, role: 'operate' }, terms, [draft]);
    ground.log.info({ replay: made?.id, follows: replay, records: draft.items.length }, 'asked for a follow-up');
  } catch (error) {
    // One of another's is under way: looked at again when it is over.
    if (!(error instanceof Fault && error.code === 'REPLAYING_ALREADY')) throw error;
    return wanted.map(({ item }) => item);
  }
  const sent = new Set(draft.items.map(({ from }) => placeText(from)));
  return wanted.filter(({ now }) => !sent.has(placeText(now))).map(({ item }) => item);
}

const placeText = ({ topic, partition, offset }: Placed): string => `${topic}/${partition}/${offset}`;

/** Outputs for which a follow-up of this replay was decided before, and then the leader was gone. */
async function askedFor({ database }: Ground, flow: string, station: string, replay: string): Promise<Set<string>> {
  const rows = await database.query<Placed>(
    `select i.from_topic as topic, i.from_partition as partition, i.from_offset as offset
     from replay r join replay_item i on i.replay = r.id
     where r.flow = $1 and r.station = $2 and r.request ->> 'follows' = $3`,
    [flow, station, replay],
  );
  return new Set(rows.map(placeText));
}
