/** Where an outbox is read from: what it was left at, or anew with the rows of its table first. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { SourceContext, SourcePosition } from '../../source.ts';
import { connect, disconnect, literal, quoted, sourceFault } from './connect.ts';
import { outboxState } from './outbox-ddl.ts';
import { type OutboxReading, outboxPlan } from './outbox-plan.ts';
import type { SourceTable } from './table.ts';
import { type WindowPlace, writersOf } from './window.ts';

export interface OutboxPosition extends SourcePosition, WindowPlace {
  /** The outbox's number in the server: another one is another outbox. */
  outbox: string;
  /** The `snapshot` of the flow file. */
  snapshot: number;
  /** While the rows of the table are being read: their version, and the key of the last one. */
  rest?: { version: string; after?: string[] };
  /** The sweep that is under way, and the last change taken. */
  sweep?: { to: string; after?: string };
}

export interface OpenOutbox {
  client: Client;
  table: SourceTable;
  /** Quoted, for SQL. */
  place: string;
  oid: string;
}

/** The first half of the number of an advisory lock: whoever reads an outbox holds the one of its number. */
const LOCK = 1_903_518_050;
const LOCK_TRIES = 20;
const WAIT_MS = 100;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Connects, checks triggers and position, and forgets what is known to be settled.
 * @throws Fault SOURCE_CHANGED, SOURCE_MISSING, SOURCE_HEADER, SOURCE_SETTINGS, ACCESS_DENIED; SOURCE_UNAVAILABLE, also
 *   while another reads it
 */
export async function openOutbox(
  reading: OutboxReading,
  context: SourceContext,
  known: OutboxPosition | undefined,
): Promise<OpenOutbox> {
  const { flow, station } = context;
  const client = await connect(reading, context, { readOnly: false });
  try {
    const plan = await outboxPlan(client, reading, context);
    const { table } = plan;
    const shown = `${table.schema}.${reading.outbox}`;
    const place = `${quoted(table.schema)}.${quoted(reading.outbox)}`;
    const { oid, missing, current } = await outboxState(client, plan);
    const help = `run \`quadrille source triggers ${flow} ${station}\`, then with --execute`;
    if (oid === undefined || missing.length > 0)
      throw new Fault(
        'SOURCE_SETTINGS',
        oid === undefined ? `there is no outbox ${shown}` : `no trigger ${missing.join(' and ')} is enabled`,
        { place: table.shown, help },
      );
    if (!current)
      context.log.warn({ table: table.shown, help }, 'the trigger function is another than this version makes');
    await own(client, oid, shown);
    const open = { client, table, place, oid };
    await asLeft(open, known);
    if (reading.listen) await client.query(`LISTEN ${quoted(reading.outbox)}`);
    return open;
  } catch (error) {
    await disconnect(client);
    throw sourceFault(error, `${reading.schema ?? 'public'}.${reading.table}`);
  }
}

/** One that was killed a moment ago is given time to be gone. */
async function own(client: Client, oid: string, place: string): Promise<void> {
  const second = BigInt.asIntN(32, BigInt(oid));
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    const { rows } = await client.query<{ own: string }>(`SELECT pg_try_advisory_lock(${LOCK}, ${second}) AS own`);
    if (rows[0]?.own === 't') return;
    await pause(WAIT_MS);
  }
  throw new Fault('SOURCE_UNAVAILABLE', 'the outbox is read by another', {
    place,
    help: 'another instance reads it, or one that was killed has not been noticed yet: it is tried again',
  });
}

async function asLeft({ client, table, place, oid }: OpenOutbox, known: OutboxPosition | undefined): Promise<void> {
  const changed = (what: string, help: string): Fault =>
    new Fault('SOURCE_CHANGED', what, { place: table.shown, help });
  const anew = 'raise `snapshot` in the flow file: the table is read anew';
  if (known !== undefined && known.outbox !== oid) throw changed('the outbox was made anew since it was read', anew);
  const { rows } = await client.query<{ next: string; foreign: string }>(
    `SELECT pg_snapshot_xmax(s)::text AS next, EXISTS (SELECT FROM ${place} WHERE xact >= pg_snapshot_xmax(s)) AS foreign
    FROM pg_current_snapshot() s`,
  );
  const { next, foreign } = rows[0] as { next: string; foreign: string };
  if (foreign === 't' || (known?.seen !== undefined && BigInt(known.seen) > BigInt(next)))
    throw changed(
      'the outbox knows transactions that the server has not given out: it was restored',
      `DELETE FROM ${place}, and ${anew}`,
    );
  const settled = known && settledBy(known);
  if (settled !== undefined) await client.query(`DELETE FROM ${place} WHERE ${settled}`);
}

/** SQL of the changes that are before a position; undefined: none is. */
export function settledBy({ seen, sweep }: Pick<OutboxPosition, 'seen' | 'sweep'>): string | undefined {
  const parts = [
    ...(seen === undefined ? [] : [`xact < '${BigInt(seen)}'`]),
    ...(sweep?.after === undefined ? [] : [`(xact < '${BigInt(sweep.to)}' AND seq <= ${BigInt(sweep.after)})`]),
  ];
  return parts.length === 0 ? undefined : `(${parts.join(' OR ')})`;
}

/**
 * Before the rows of the table are read: a number that all changes exceed which these rows do not hold yet. Waits for the
 * transactions that have been given smaller ones. What was in the outbox before is in the rows.
 */
export async function beginSnapshot(
  { client, table, place, oid }: OpenOutbox,
  context: SourceContext,
): Promise<string> {
  const { rows } = await client.query<{ version: string }>(
    `SELECT nextval(pg_get_serial_sequence(${literal(place)}, 'seq')) AS version`,
  );
  const { version } = rows[0] as { version: string };
  const writers = async (): Promise<Set<string>> => {
    const found = await client.query<{ vxid: string }>(writersOf(oid));
    return new Set(found.rows.map(({ vxid }) => vxid));
  };
  const first = await writers();
  if (first.size > 0) context.log.info({ table: table.shown }, 'waiting for transactions that write to the table');
  for (let left = first; [...first].some((each) => left.has(each)); left = await writers()) await pause(WAIT_MS);
  await client.query(`DELETE FROM ${place} WHERE seq < ${BigInt(version)}`);
  return version;
}
