/** The whole way of a record: from where it entered the flow to the row that stands, with all that was decided about it. */
import { Fault } from '@quadrille/record';
import type { Trace, TraceStep } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { decidedOf, idsSentTo } from './decided.ts';
import { rowsOf } from './rows.ts';
import { findRecords, placeText } from './seen.ts';
import { depthsOf, type Ranked, Way } from './way.ts';

/** Before everything along the flow at one time, and after. */
const FIRST = Number.NEGATIVE_INFINITY;
const LAST = Number.POSITIVE_INFINITY;

/**
 * Records of this id in the flow's topics, what they were made from and what was made of them, with the verdict of every
 * station; corrections, replays and discards; the rows. In order of time, along the flow within one moment; what has no
 * time yet (a verdict that is waited for, a row) comes last. Takes as long as reading a partition of each topic.
 * @throws Fault NOT_FOUND: no such flow, or nothing is known of such a record; class `dependency`
 */
export async function trace(
  ground: Pick<Ground, 'database' | 'kafka' | 'admin' | 'flows' | 'env'>,
  flowName: string,
  recordId: string,
): Promise<Trace> {
  const flow = ground.flows.get(flowName);
  if (flow === undefined)
    throw new Fault('NOT_FOUND', `flow ${flowName}`, { help: `known are ${[...ground.flows.keys()].join(', ')}` });
  const way = new Way(ground, flow);
  const ranked: Ranked[] = [];
  way.addRecords(await findRecords(ground, [...depthsOf(flow).keys()], recordId));
  const asked = new Set<string>();
  // What was made of a record may have ids of its own, about which something was decided, of which more was made.
  for (let ids = new Set([recordId]); ids.size > 0; ) {
    for (const id of ids) asked.add(id);
    const { steps, sent } = await decidedOf(ground.database, flowName, [...ids]);
    for (const step of steps) ranked.push({ step, rank: FIRST });
    way.addSent(sent);
    await way.climb();
    await way.descend();
    ids = way.ids.union(new Set(await idsSentTo(ground.database, flowName, way.unknownSent))).difference(asked);
  }
  ranked.push(...way.steps());
  for (const spec of flow.stations.values()) {
    if (spec.kind !== 'loader') continue;
    const there = way.idsIn(spec.from);
    // What stands may be older than what the topics still hold.
    const rows = await rowsOf(ground, flow, spec, there.size > 0 ? there : [recordId]);
    for (const step of rows) ranked.push({ step, rank: LAST });
  }
  if (ranked.every(({ step }) => step.kind === 'row' && step.place === null))
    throw new Fault('NOT_FOUND', `record ${recordId} in flow ${flowName}`, {
      help: 'give its id as it stands in a dead letter, in a row or in a key',
    });
  return { recordId, flow: flowName, steps: inOrder(ranked) };
}

/**
 * In order of time. A station writes its entry when its outputs are acknowledged, and by then the next one may have judged
 * them: a verdict never comes before what it is about was made.
 */
function inOrder(ranked: readonly Ranked[]): TraceStep[] {
  const made = new Map<string, number>();
  for (const { step } of ranked)
    if (step.kind === 'record' && step.place !== null && step.at !== null)
      made.set(placeText(step.place), Date.parse(step.at));
  const timeOf = ({ kind, at, place }: TraceStep): number => {
    const time = at === null ? LAST : Date.parse(at);
    return kind === 'verdict' && place !== null ? Math.max(time, made.get(placeText(place)) ?? time) : time;
  };
  const compare = (a: number, b: number): number => (a === b ? 0 : a - b);
  return [...ranked]
    .sort((a, b) => compare(timeOf(a.step), timeOf(b.step)) || compare(a.rank, b.rank))
    .map(({ step }) => step);
}
