/** Replays as the API gives them: what was sent, which verdicts there are, what came of it further down. */
import { Decoder, schemaIdOf, typeOf, valueToJson } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { ItemsQuery, Page, Replay, ReplayItem, ReplaysQuery } from '../api/index.ts';
import type { Queries } from '../db/database.ts';
import type { PageOf } from '../http/backend.ts';
import type { Ground } from '../model.ts';
import type { ItemRow, ReplayRow } from './rows.ts';

/** Of the flows that the service knows, the newest first. @throws Fault REQUEST_INVALID for a cursor that is none of ours. */
export async function replays(
  { database, flows }: Pick<Ground, 'database' | 'flows'>,
  { flow, station, states, limit, cursor }: ReplaysQuery & PageOf,
): Promise<Page<Replay>> {
  const [, at, id] = cursor === undefined ? [] : (/^(\d{1,16})~(.+)$/.exec(cursor) ?? noCursor());
  const rows = await database.query<ReplayRow>(
    `select * from replay
     where flow = any($7) and ($1::text is null or flow = $1) and ($2::text is null or station = $2) and ($3::text[] is null or state = any($3))
       and ($4::bigint is null or (created_at, id) < (to_timestamp($4 / 1000.0), $5))
     order by created_at desc, id desc limit $6`,
    [flow ?? null, station ?? null, states ?? null, at ?? null, id ?? null, limit + 1, [...flows.keys()]],
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: await shownReplays(database, shown),
    cursor: rows.length > limit && last !== undefined ? `${last.created_at.getTime()}~${last.id}` : null,
  };
}

/** @throws Fault NOT_FOUND */
export async function replayOf({ database }: Pick<Ground, 'database'>, id: string): Promise<Replay> {
  const rows = await database.query<ReplayRow>('select * from replay where id = $1', [id]);
  const [found] = await shownReplays(database, rows);
  if (found === undefined) throw new Fault('NOT_FOUND', `replay ${id}`, { help: 'see `quadrille replay list`' });
  return found;
}

const noCursor = (): never => {
  throw new Fault('REQUEST_INVALID', 'the cursor is none of a page before', { field: 'cursor' });
};

interface Counts {
  replay: string;
  sent: number;
  passed: number;
  dropped: number;
  rejected: number;
  withdrawn: number;
  pending: number;
}

/** Rows with their counts, in the same order. */
export async function shownReplays(queries: Queries, rows: readonly ReplayRow[]): Promise<Replay[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const counts = await queries.query<Counts>(
    `select replay, count(sent_offset) as sent,
       count(*) filter (where state = 'passed') as passed, count(*) filter (where state = 'dropped') as dropped,
       count(*) filter (where state = 'rejected') as rejected, count(*) filter (where state = 'withdrawn') as withdrawn,
       count(*) filter (where state = 'passed' and not followed) as pending
     from replay_item where replay = any($1) group by replay`,
    [ids],
  );
  const outcomes = await queries.query<{ replay: string; outcome: string; records: number }>(
    `select replay, outcome, count(*) as records
     from (
       select i.replay, coalesce(d ->> 'outcome', case d ->> 'verdict' when 'drop' then 'dropped' when 'reject' then 'rejected' end) as outcome
       from replay_item i cross join jsonb_array_elements(i.downstream) d
       where i.replay = any($1) and i.state = 'passed' and i.downstream is not null
     ) o
     where outcome is not null group by 1, 2 order by 1, 2`,
    [ids],
  );
  const countsOf = new Map(counts.map((each) => [each.replay, each]));
  return rows.map((row) => {
    const { pending = 0, ...counted } = countsOf.get(row.id) ?? {};
    const own = outcomes.filter(({ replay }) => replay === row.id).map(({ outcome, records }) => [outcome, records]);
    return shownReplay(row, counted, Object.fromEntries([...own, ...(pending > 0 ? [['pending', pending]] : [])]));
  });
}

function shownReplay(row: ReplayRow, counts: Partial<Counts>, outcomes: Record<string, number>): Replay {
  const { sent = 0, passed = 0, dropped = 0, rejected = 0, withdrawn = 0 } = counts;
  return {
    id: row.id,
    kind: row.kind,
    flow: row.flow,
    station: row.station,
    destination: row.destination,
    state: row.state,
    revision: row.number,
    records: row.records,
    sent,
    passed,
    dropped,
    rejected,
    withdrawn,
    outcomes,
    rate: row.rate,
    ramp: row.ramp,
    stopAt: row.stop_at,
    reason: row.reason,
    by: row.by_whom,
    created: row.created_at.toISOString(),
    finished: row.finished_at?.toISOString() ?? null,
    fault: row.fault_code === null ? null : { code: row.fault_code, message: row.fault_message ?? '' },
  };
}

/** In the order they are sent. @throws Fault NOT_FOUND, REQUEST_INVALID, REGISTRY_UNAVAILABLE */
export async function items(
  ground: Pick<Ground, 'database' | 'registry'>,
  id: string,
  { states, limit, cursor }: ItemsQuery & PageOf,
): Promise<Page<ReplayItem>> {
  const { database, registry } = ground;
  const [replay] = await database.query<{ destination: string }>('select destination from replay where id = $1', [id]);
  if (replay === undefined) throw new Fault('NOT_FOUND', `replay ${id}`, { help: 'see `quadrille replay list`' });
  if (cursor !== undefined && !/^\d{1,9}$/.test(cursor)) noCursor();
  const rows = await database.query<ItemRow>(
    `select * from replay_item where replay = $1 and seq > $2 and ($3::text[] is null or state = any($3))
     order by seq limit $4`,
    [id, cursor ?? -1, states ?? null, limit + 1],
  );
  const shown = rows.slice(0, limit);
  const values = new PreviewValues(registry);
  return {
    items: await Promise.all(shown.map((row) => shownItem(row, replay.destination, values))),
    cursor: rows.length > limit ? String(shown.at(-1)!.seq) : null,
  };
}

async function shownItem(row: ItemRow, destination: string, values: PreviewValues): Promise<ReplayItem> {
  const outputs = [];
  for (const { topic, key, value } of row.outputs ?? [])
    outputs.push({
      topic,
      key: key === null ? null : Buffer.from(key, 'base64').toString('utf8'),
      value: value === null ? null : await values.toJson(Buffer.from(value, 'base64')),
    });
  return {
    seq: row.seq,
    deadLetter: row.dead_letter,
    recordId: row.record_id,
    from: { topic: row.from_topic, partition: row.from_partition, offset: row.from_offset },
    sent: row.sent_offset === null ? null : { topic: destination, partition: row.partition, offset: row.sent_offset },
    state: row.state,
    code: row.code,
    message: row.message,
    field: row.field,
    downstream: row.downstream ?? [],
    outputs,
  };
}

/** Values decoded with the schema that they were written with. */
class PreviewValues {
  readonly #registry: Ground['registry'];
  readonly #known = new Map<number, Promise<{ schema: unknown; decoder: Decoder }>>();

  constructor(registry: Ground['registry']) {
    this.#registry = registry;
  }

  async toJson(bytes: Buffer): Promise<unknown> {
    const id = schemaIdOf(bytes);
    const known = this.#known.get(id) ?? this.#open(id);
    this.#known.set(id, known);
    const { schema, decoder } = await known;
    return valueToJson(schema, decoder.decode(bytes));
  }

  async #open(id: number): Promise<{ schema: unknown; decoder: Decoder }> {
    const schema = await this.#registry.schemaOf(id);
    const decoder = new Decoder(typeOf(schema), async () => schema);
    await decoder.prepare(id);
    return { schema, decoder };
  }
}
