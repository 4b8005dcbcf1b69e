/** The leader's duty to find out what became of replayed records further down, until nothing of it changes any more. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Downstream } from '../api/index.ts';
import type { Duty, Ground } from '../model.ts';
import { downstreamOf, type KnownOutputs, knownOutputs } from './downstream.ts';

/** Looked at in one go: they mostly stand in a few parts, each of which is read once. */
const BATCH = 2_000;
const BUSY_MS = 300;
const IDLE_MS = 1_000;
/** Outputs kept so that they are not read again while they wait; beyond that all are forgotten. */
const KNOWN_LIMIT = 100_000;

interface Item {
  replay: string;
  seq: number;
  flow: string;
  station: string;
  topic: string;
  partition: number;
  offset: number;
  dead_letter: string | null;
  downstream: Downstream[] | null;
}

/** Fills `downstream` of passed items and of their dead letters, and says `followed` once it is final. */
export function followDownstream(ground: Pick<Ground, 'database' | 'kafka' | 'admin' | 'flows'>): Duty {
  return async (signal) => {
    const known: KnownOutputs = new Map();
    let after = { replay: '', seq: -1 };
    while (!signal.aborted) {
      // In turns, so that items whose stations are at rest do not keep the others waiting.
      let items = await itemsAfter(ground, after);
      if (items.length === 0 && after.replay !== '') items = await itemsAfter(ground, { replay: '', seq: -1 });
      after = items.length < BATCH ? { replay: '', seq: -1 } : items.at(-1)!;
      if (known.size > KNOWN_LIMIT) known.clear();
      for (const batch of Map.groupBy(items, ({ flow, station }) => `${flow}.${station}`).values())
        await followBatch(ground, batch, known);
      await sleep(items.length === 0 ? IDLE_MS : BUSY_MS, undefined, { signal }).catch(() => {});
    }
  };
}

const itemsAfter = (
  { database, flows }: Pick<Ground, 'database' | 'flows'>,
  { replay, seq }: { replay: string; seq: number },
): Promise<Item[]> =>
  database.query<Item>(
    `select i.replay, i.seq, r.flow, r.station, r.destination as topic, i.partition, i.sent_offset as offset,
       i.dead_letter, i.downstream
     from replay_item i join replay r on r.id = i.replay
     where i.state = 'passed' and not i.followed and i.sent_offset is not null and r.kind in ('replay', 'rerun')
       and r.flow = any($3) and (i.replay, i.seq) > ($1, $2)
     order by i.replay, i.seq
     limit ${BATCH}`,
    [replay, seq, [...flows.keys()]],
  );

/** Items of one station. */
async function followBatch(
  ground: Pick<Ground, 'database' | 'kafka' | 'admin' | 'flows'>,
  items: readonly Item[],
  known: KnownOutputs,
): Promise<void> {
  const { flow: name, station } = items[0]!;
  const flow = ground.flows.get(name);
  if (flow === undefined) return;
  const outputs = await knownOutputs(ground, name, station, items, known);
  const followed = await downstreamOf(ground, flow, outputs, known);
  const changed = items
    .map((item, i) => ({ item, ...followed[i]! }))
    .filter(({ item, downstream, final }) => final || !isDeepStrictEqual(item.downstream, downstream));
  if (changed.length === 0) return;
  const values = [
    changed.map(({ item }) => item.replay),
    changed.map(({ item }) => item.seq),
    changed.map(({ downstream }) => JSON.stringify(downstream)),
    changed.map(({ final }) => final),
  ];
  const letters = changed.filter(({ item }) => item.dead_letter !== null);
  await ground.database.transaction(async (tx) => {
    // What was just replayed in thousands the database still takes for a few rows, and would compare each with each.
    await tx.query('set local enable_nestloop = off');
    await tx.query(
      `update dead_letter d set downstream = w.downstream
       from unnest($1::text[], $2::text[], $3::jsonb[]) as w(id, replay, downstream)
       where d.id = any($1) and d.id = w.id and d.replay = w.replay and d.downstream is distinct from w.downstream`,
      [
        letters.map(({ item }) => item.dead_letter),
        letters.map(({ item }) => item.replay),
        letters.map(({ downstream }) => JSON.stringify(downstream)),
      ],
    );
    await tx.query(
      `update replay_item i set downstream = w.downstream, followed = w.final
       from unnest($1::text[], $2::integer[], $3::jsonb[], $4::boolean[]) as w(replay, seq, downstream, final)
       where i.replay = any($1) and i.seq = any($2) and i.replay = w.replay and i.seq = w.seq`,
      values,
    );
  });
}
