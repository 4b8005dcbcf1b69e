/** From a request to what would be sent, station by station. Changes nothing. */
import { Fault, replayTopic } from '@quadrille/record';
import type { ReplayPlan, ReplayRequest } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { Draft } from './draft.ts';
import { planLetters } from './plan-letters.ts';
import { planRecords } from './plan-records.ts';

const ENGINE_TOPIC = /^(quadrille|dlq|replay|positions)\.|^__/;

/**
 * @throws Fault REQUEST_INVALID, NOT_FOUND, SELECTION_EMPTY, OFFSETS_GONE, SQL_INVALID; of class `dependency`.
 *   What cannot be sent of what is selected is told by the drafts.
 */
export async function draftsOf(ground: Ground, request: ReplayRequest): Promise<Draft[]> {
  const { deadLetters, records, to, preview } = request;
  if ((deadLetters === undefined) === (records === undefined))
    throw new Fault('REQUEST_INVALID', 'it names either dead letters or records');
  if (preview === true && to !== undefined)
    throw new Fault('REQUEST_INVALID', 'a dry run goes to its station, never to a whole topic', { field: 'to' });
  const copyPartitions = to === undefined ? undefined : await partitionsOfCopy(ground, to);
  const drafts = new Map<string, Promise<Draft>>();
  const draftFor = (flow: string, station: string): Promise<Draft> => {
    const key = `${flow} ${station}`;
    const known = drafts.get(key) ?? open(flow, station);
    drafts.set(key, known);
    return known;
  };
  const open = async (flow: string, station: string): Promise<Draft> => {
    if (to !== undefined) return new Draft(flow, station, 'copy', to, copyPartitions!);
    findStation(ground, flow, station);
    const topic = replayTopic(flow, station);
    const partitions = (await ground.admin.partitions([topic])).get(topic);
    if (partitions === undefined)
      throw new Fault('NOT_FOUND', `topic ${topic}`, { help: 'it is made when the flow is deployed: `quadrille up`' });
    const kind = preview === true ? 'preview' : records === undefined ? 'replay' : 'rerun';
    return new Draft(flow, station, kind, topic, partitions);
  };
  if (deadLetters !== undefined) {
    const { flow, station } = deadLetters;
    if (flow !== undefined && station !== undefined) findStation(ground, flow, station);
    await planLetters(ground, deadLetters, draftFor);
  } else if (records !== undefined) {
    const { flow, spec } = findStation(ground, records.flow, records.station);
    await planRecords(ground, flow, spec, records, await draftFor(flow.name, spec.name));
  }
  const all = await Promise.all(drafts.values());
  if (all.every(({ items, fault }) => items.length === 0 && fault === undefined))
    throw new Fault('SELECTION_EMPTY', '');
  return all;
}

export const planOf = (drafts: readonly Draft[], { rate, ramp }: ReplayRequest): ReplayPlan => ({
  stations: drafts.map((draft) => draft.plan()),
  records: drafts.reduce((sum, { items }) => sum + items.length, 0),
  rate: rate ?? null,
  ramp: ramp ?? [],
});

function findStation({ flows }: Ground, name: string, station: string) {
  const flow = flows.get(name);
  if (flow === undefined)
    throw new Fault('NOT_FOUND', `flow ${name}`, { help: `this service knows ${[...flows.keys()].join(', ')}` });
  const spec = flow.stations.get(station);
  if (spec === undefined)
    throw new Fault('NOT_FOUND', `station ${station} of flow ${name}`, {
      help: `it has ${[...flow.stations.keys()].join(', ')}`,
    });
  return { flow, spec };
}

async function partitionsOfCopy({ admin }: Ground, to: string): Promise<number> {
  if (ENGINE_TOPIC.test(to))
    throw new Fault('REQUEST_INVALID', `${to} is a topic of the engine`, { field: 'to', help: 'name a data topic' });
  const partitions = (await admin.partitions([to])).get(to);
  if (partitions === undefined)
    throw new Fault('NOT_FOUND', `topic ${to}`, { field: 'to', help: 'see `quadrille topic list`' });
  return partitions;
}
