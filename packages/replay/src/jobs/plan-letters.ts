/** Dead letters that are selected, as items by station. Their bytes stand in the database: Kafka is not asked. */
import type { Flow, StationSpec } from '@quadrille/flow';
import { deadLetterTopic, Fault } from '@quadrille/record';
import type { Selection } from '../api/index.ts';
import { selectIds } from '../letters/query.ts';
import type { Ground } from '../model.ts';
import type { Draft } from './draft.ts';
import { TopicValues } from './open-values.ts';

interface Row {
  id: string;
  state: string;
  flow: string;
  station: string;
  topic: string;
  record_id: string | null;
  revision: number;
  letter_partition: number;
  letter_offset: number;
  source_topic: string;
  source_partition: number;
  source_offset: number;
  correction: number | null;
  /** The correction, else the original. */
  value: Buffer | null;
  key: Buffer | null;
  found: boolean;
}

/** Values are decoded so many at a time. */
const AT_ONCE = 200;

/** Those that are named one by one are all planned, so that it is told why one cannot be sent. */
const withStates = (selection: Selection): Selection =>
  selection.states !== undefined ||
  selection.ids !== undefined ||
  selection.prefix !== undefined ||
  selection.record !== undefined
    ? selection
    : { ...selection, states: ['open', 'corrected'] };

/** Whether a dead letter may be sent to its station in this state. */
export function refusalOf(state: string): Fault | undefined {
  if (state === 'open' || state === 'corrected') return undefined;
  return state === 'replaying' ? new Fault('REPLAYING_ALREADY', '') : new Fault('STATE_FORBIDS', `it is ${state}`);
}

/**
 * @param draftFor the station's draft; of a topic named by the request one for each station all the same.
 * @throws Fault SQL_INVALID; of class `dependency`
 */
export async function planLetters(
  ground: Ground,
  selection: Selection,
  draftFor: (flow: string, station: string) => Promise<Draft>,
): Promise<void> {
  const values = new Map<string, Promise<TopicValues>>();
  for await (const ids of selectIds(ground, withStates(selection))) {
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const rows = await ground.database.query<Row>(SELECT, [ids.slice(at, at + AT_ONCE)]);
      for (const row of rows) await plan(row, await draftFor(row.flow, row.station));
    }
  }

  async function plan(row: Row, draft: Draft): Promise<void> {
    const letter = { topic: deadLetterTopic(row.topic), partition: row.letter_partition, offset: row.letter_offset };
    const from = { topic: row.source_topic, partition: row.source_partition, offset: row.source_offset };
    const fault = await faultOf(row, draft);
    if (fault !== undefined) return draft.refuse(row.id, letter, fault);
    draft.items.push({
      deadLetter: row.id,
      recordId: row.record_id,
      from,
      letter,
      correction: row.correction,
      above: row.revision,
      partition: draft.partitionFor(from, row.key),
      former: null,
    });
  }

  async function faultOf(row: Row, draft: Draft): Promise<Fault | undefined> {
    if (!row.found) return new Fault('OFFSETS_GONE', 'the record of the dead letter is gone');
    // Consumers of a whole topic may want it for whatever reason.
    if (draft.kind === 'copy') return undefined;
    if (draft.kind !== 'preview') {
      const refusal = refusalOf(row.state);
      if (refusal !== undefined) return refusal;
    }
    const flow = ground.flows.get(row.flow)!;
    const spec = flow.stations.get(row.station)!;
    // What a source gave is read anew with the flow file as it stands now.
    if (row.value === null || (spec.kind === 'extractor' && row.value[0] !== 0)) return undefined;
    const decoded = await (await valuesOf(flow, spec)).decode(row.value);
    return 'fault' in decoded ? decoded.fault : undefined;
  }

  function valuesOf(flow: Flow, spec: StationSpec): Promise<TopicValues> {
    const topic = spec.kind === 'extractor' ? spec.to : spec.from;
    const known = values.get(`${flow.name} ${topic}`) ?? TopicValues.of(ground, flow, topic);
    values.set(`${flow.name} ${topic}`, known);
    return known;
  }
}

const SELECT = `
select w.n, d.id, d.state, d.flow, d.station, d.topic, d.record_id, d.revision, d.letter_partition, d.letter_offset,
  d.source_topic, d.source_partition, d.source_offset, d.correction,
  case when d.correction is null then r.value else c.value end as value, r.key, r.topic is not null as found
from unnest($1::text[]) with ordinality as w(id, n)
join dead_letter d on d.id = w.id
left join letter_record r
  on r.topic = 'dlq.' || d.topic and r.partition = d.letter_partition and r.record_offset = d.letter_offset
left join correction c on c.dead_letter = d.id and c.number = d.correction
order by w.n`;
