/** Publication and slot of a table: made at the first start, checked at each. */
import { Fault } from '@quadrille/record';
import { type Client, DatabaseError } from 'pg';
import { quoted, sourceFault } from './connect.ts';
import { parseLsn } from './lsn.ts';
import type { SourceTable } from './table.ts';

export interface Slot {
  /** Everything before may have been forgotten. */
  confirmed: bigint;
  /** The server has removed log that was not read yet. */
  lost: boolean;
}

/** @throws Fault SOURCE_SETTINGS, SOURCE_MISSING */
export async function checkServer(client: Client, table: SourceTable): Promise<void> {
  const place = table.shown;
  const refuse = (what: string, help: string): never => {
    throw new Fault('SOURCE_SETTINGS', what, { place, help });
  };
  const level = (await client.query<{ level: string }>(`SELECT current_setting('wal_level') AS level`)).rows[0]?.level;
  if (level !== 'logical')
    refuse(`wal_level is ${level}`, 'set wal_level = logical in postgresql.conf, and restart the server');
  if (table.kind !== 'r' && table.kind !== 'p')
    refuse('it is not a table', 'only tables can be replicated: read those that the view is made of');
  if (table.key.length === 0)
    refuse(
      'it has neither a primary key nor a replica identity by an index',
      'give it a primary key: without one nothing says which row was changed',
    );
  if (table.identity === 'n')
    refuse('its replica identity is NOTHING', `ALTER TABLE ${table.place} REPLICA IDENTITY DEFAULT`);
}

const PUBLICATION = `SELECT p.pubinsert, p.pubupdate, p.pubdelete, p.pubviaroot, p.puballtables OR EXISTS (
  SELECT FROM pg_publication_tables t WHERE t.pubname = p.pubname AND t.schemaname = $2 AND t.tablename = $3) AS has
FROM pg_publication p WHERE p.pubname = $1`;

/** Makes the publication if it is absent. @throws Fault ACCESS_DENIED, SOURCE_SETTINGS */
export async function ensurePublication(client: Client, name: string, table: SourceTable): Promise<void> {
  const publish = `CREATE PUBLICATION ${quoted(name)} FOR TABLE ${table.place} WITH (publish_via_partition_root = true)`;
  const find = () => client.query<Record<string, string>>(PUBLICATION, [name, table.schema, table.name]);
  let found = (await find()).rows[0];
  if (found === undefined) {
    try {
      await client.query(publish);
    } catch (error) {
      const raced = error instanceof DatabaseError && error.code === '42710';
      if (!raced) throw sourceFault(error, table.shown, { help: `let the table’s owner run: ${publish}` });
    }
    found = (await find()).rows[0];
  }
  const lacks = ['pubinsert', 'pubupdate', 'pubdelete', 'has', ...(table.kind === 'p' ? ['pubviaroot'] : [])].find(
    (what) => found?.[what] !== 't',
  );
  if (lacks !== undefined)
    throw new Fault(
      'SOURCE_SETTINGS',
      `publication ${name} ${lacks === 'has' ? 'lacks the table' : `has no ${lacks.slice(3)}`}`,
      {
        place: table.shown,
        help: `drop it, and let its owner run: ${publish}`,
      },
    );
}

const SLOT = `SELECT plugin, database = current_database() AS here, active_pid, wal_status, coalesce(confirmed_flush_lsn, '0/0') AS confirmed
FROM pg_replication_slots WHERE slot_name = $1`;
type SlotRow = Record<'plugin' | 'here' | 'wal_status' | 'confirmed', string> & { active_pid: string | null };

/**
 * Its state; undefined when there is none.
 * @throws Fault SOURCE_UNAVAILABLE another process reads it; SOURCE_SETTINGS it is of another kind
 */
export async function findSlot(client: Client, name: string, place: string): Promise<Slot | undefined> {
  const row = (await client.query<SlotRow>(SLOT, [name])).rows[0];
  if (row === undefined) return undefined;
  if (row.plugin !== 'pgoutput' || row.here !== 't')
    throw new Fault('SOURCE_SETTINGS', `slot ${name} is of another plugin or database`, {
      place,
      help: 'name another `slot`',
    });
  if (row.active_pid !== null)
    throw new Fault('SOURCE_UNAVAILABLE', `slot ${name} is read by process ${row.active_pid} of the server`, {
      place,
      help: 'another instance reads it, or one that was killed has not been noticed yet: it is tried again',
    });
  return { confirmed: parseLsn(row.confirmed), lost: row.wal_status === 'lost' };
}

/** What a person does when changes are lost. */
export const ANEW = 'raise `snapshot` in the flow file: the table is read anew, from a new slot';

/** Marks a place that this program has confirmed: places of PostgreSQL itself are multiples of 8. */
export const marked = (lsn: bigint): bigint => (lsn & ~7n) - 7n;
export const isMarked = (lsn: bigint): boolean => (lsn & 7n) === 1n;

export interface NewSlot {
  /** The changes that follow are those committed after. */
  consistent: bigint;
  /** No change that follows stands before it in the log. */
  restart: bigint;
  /** Of `SET TRANSACTION SNAPSHOT`, until the walsender gets its next command. */
  snapshot: string;
}

/**
 * Waits for all transactions that run to end.
 * @param walsender @param client a plain connection. @throws Fault ACCESS_DENIED, SOURCE_SETTINGS, SOURCE_UNAVAILABLE
 */
export async function createSlot(walsender: Client, client: Client, name: string, place: string): Promise<NewSlot> {
  try {
    const { rows } = await walsender.query<{ consistent_point: string; snapshot_name: string }>(
      `CREATE_REPLICATION_SLOT ${quoted(name)} LOGICAL pgoutput EXPORT_SNAPSHOT`,
    );
    const made = rows[0] as { consistent_point: string; snapshot_name: string };
    const restart = await client.query<{ lsn: string }>(
      `SELECT restart_lsn AS lsn FROM pg_replication_slots WHERE slot_name = $1`,
      [name],
    );
    return {
      consistent: parseLsn(made.consistent_point),
      restart: parseLsn((restart.rows[0] as { lsn: string }).lsn),
      snapshot: made.snapshot_name,
    };
  } catch (error) {
    if (error instanceof DatabaseError && error.code === '53400')
      throw new Fault('SOURCE_SETTINGS', error.message, {
        place,
        help: 'raise max_replication_slots, or drop slots that nobody reads',
        cause: error,
      });
    throw sourceFault(error, place, { help: 'the user needs the attribute REPLICATION: ALTER ROLE … REPLICATION' });
  }
}

export async function dropSlot(client: Client, name: string, place: string): Promise<void> {
  await client.query('SELECT pg_drop_replication_slot($1)', [name]).catch((error: unknown) => {
    throw sourceFault(error, place);
  });
}

/** Which server it is, and how far its log reaches. @param walsender a connection for replication */
export async function serverState(walsender: Client): Promise<{ system: string; end: bigint }> {
  const { rows } = await walsender.query<{ systemid: string; xlogpos: string }>('IDENTIFY_SYSTEM');
  const { systemid, xlogpos } = rows[0] as { systemid: string; xlogpos: string };
  return { system: systemid, end: parseLsn(xlogpos) };
}

/** How far the server's log is written for good, for SQL. */
export const LOG_END =
  'CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END';
