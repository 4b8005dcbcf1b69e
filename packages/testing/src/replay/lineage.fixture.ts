/** What tests of lineage stand on: the service's database as it follows a chain, and replays written down as the service does. */
import assert from 'node:assert/strict';
import { HEADER, packHeader, replayTopic } from '@quadrille/record';
import type { Placed } from '@quadrille/replay/api';
import { type Database, openDatabase } from '@quadrille/replay/database';
import { records, replaySchema, until } from '../harness/index.ts';
import { encoded, type Item } from '../station/sample.ts';
import { type Chain, STEERED } from './sample.ts';

/** Two outputs where the record says so. */
export const MANY = `
  if (record.does === 'many') return [{ ...record, n: 1 }, { ...record, n: 2 }];
  ${STEERED}`;

export interface Ground extends AsyncDisposable {
  database: Database;
  kafka: Chain['flow']['clients']['kafka'];
  admin: Chain['flow']['clients']['admin'];
  flows: Map<string, Chain['flow']['flow']>;
  env: Record<string, string>;
}

export function groundOf({ flow }: Chain): Ground {
  const { clients } = flow;
  const database = openDatabase(clients.addresses.databaseUrl, replaySchema(flow), 2);
  return {
    database,
    kafka: clients.kafka,
    admin: clients.admin,
    flows: new Map([[flow.name, flow.flow]]),
    env: { DATABASE_URL: clients.addresses.databaseUrl },
    [Symbol.asyncDispose]: () => database.close(),
  };
}

/** A round that was judged twice, as after a rebalance, finds its rows there already. */
export const stood = (outcome: string | null): string | null => (outcome === 'unchanged' ? 'written' : outcome);

/** Where a record of an id stands in a topic. */
export async function placeOf({ flow }: Chain, topic: string, id: string): Promise<Placed> {
  const found = (await records(flow, topic)).find(({ key }) => key?.toString() === id);
  assert.ok(found, `${id} is not in ${topic}`);
  return { topic: flow.text(topic), partition: found.partition, offset: found.offset };
}

/** Sends items to the judge again, as number 1 and so on would; and notes them as the service does. @returns where they stand. */
export async function sendAgain(chain: Chain, database: Database, number: number, of: Placed[], items: Item[]) {
  const { flow } = chain;
  const fed = await encoded(flow, 'FLOW.in', items);
  const topic = replayTopic(flow.name, 'judge');
  const replay = `${flow.name}-${number}`;
  await database.query(
    `insert into replay (id, number, kind, flow, station, destination, state, records, ramp, stop_at, request, reason, by_whom, created_at, settled)
     values ($1, $2, 'rerun', $3, 'judge', $4, 'done', $5, '[]', 1, '{}', '', 'test', now(), true)`,
    [replay, number, flow.name, topic, items.length],
  );
  const sent: Placed[] = [];
  for (const [seq, { key, value }] of fed.entries()) {
    const { partition } = of[seq]!;
    const envelope = {
      id: String(key),
      version: 0n,
      revision: number,
      extractedAt: Date.now(),
      from: undefined,
      replay,
    };
    const [answer] = await flow.clients.producer.send({
      topic,
      acks: -1,
      messages: [{ key: key!, value, partition, headers: { [HEADER]: packHeader(envelope, true) } }],
    });
    sent.push({ topic, partition, offset: Number(answer!.baseOffset) });
    await database.query(
      `insert into replay_item (replay, seq, record_id, revision, from_topic, from_partition, from_offset, partition, sent_offset, state)
       values ($1, $2, $3, 1, $4, $5, $6, $7, $8, 'sent')`,
      [replay, seq, String(key), of[seq]!.topic, partition, of[seq]!.offset, partition, sent[seq]!.offset],
    );
  }
  await liveAt(chain, database, 'judge', sent);
  return sent;
}

/** Resolves once live parts cover all places. */
export const liveAt = ({ flow }: Chain, database: Database, station: string, places: readonly Placed[]) =>
  until(`${station} has judged`, async () => {
    const [row] = await database.query<{ n: number }>(
      `select count(*)::integer as n from unnest($3::text[], $4::integer[], $5::bigint[]) as w(topic, partition, o)
       where exists (select from ledger_part l where l.live and l.flow = $1 and l.station = $2 and l.topic = w.topic
         and l.partition = w.partition and l.from_offset <= w.o and w.o < l.to_offset)`,
      [flow.name, station, places.map((p) => p.topic), places.map((p) => p.partition), places.map((p) => p.offset)],
    );
    return row!.n === places.length;
  });
