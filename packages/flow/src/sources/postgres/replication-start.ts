/** Where a table's replication begins: from a new slot with a snapshot, or where it was left. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { SourceContext, SourcePosition } from '../../source.ts';
import { connect, disconnect } from './connect.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import type { ReplicationConfig } from './replication.ts';
import {
  ANEW,
  checkServer,
  createSlot,
  dropSlot,
  ensurePublication,
  findSlot,
  isMarked,
  serverState,
} from './replication-slot.ts';
import { Snapshot } from './snapshot.ts';
import { readTable, type SourceTable } from './table.ts';

/** The configuration with its defaults. */
export type ReplicationPlan = ReplicationConfig &
  Required<Pick<ReplicationConfig, 'slot' | 'publication' | 'snapshot' | 'truncate'>>;

export interface ReplicationPosition extends SourcePosition {
  /** The server's system identifier. */
  system: string;
  slot: string;
  /** The `snapshot` of the flow file. */
  snapshot: number;
  /** As in StreamPlace. */
  lsn: string;
  txn?: string;
  changes?: number;
  /** While the snapshot is being read: the version of its rows, and the key of the last one. */
  rest?: { version: string; after?: string[] };
}

export interface Begun {
  table: SourceTable;
  /** There are rows to be read before the changes. */
  snapshot: Snapshot | undefined;
  position: ReplicationPosition;
  /** The slot has forgotten what is before. */
  confirmed: bigint;
}

/**
 * Checks server, table, publication and slot, and makes what is missing at a first start. A snapshot that was broken off
 * goes on behind the last row with the table as it stands now: what has changed meanwhile follows from the slot.
 * @param onClient the connection that queries go through, as soon as there is one; the caller ends it.
 * @throws Fault SOURCE_CHANGED when changes are lost; SOURCE_SETTINGS, SOURCE_MISSING, SOURCE_HEADER, ACCESS_DENIED;
 *   SOURCE_UNAVAILABLE
 */
export async function beginReplication(
  plan: ReplicationPlan,
  context: SourceContext,
  known: ReplicationPosition | undefined,
  onClient: (client: Client) => void,
): Promise<Begun> {
  const client = await connect(plan, context, { readOnly: false });
  onClient(client);
  const table = await readTable(client, plan, context, false);
  await checkServer(client, table);
  const walsender = await connect(plan, context, { replication: true });
  try {
    const { system, end } = await serverState(walsender);
    if (known === undefined || known.snapshot !== plan.snapshot)
      return { table, ...(await fresh(plan, context, { client, walsender, table, system, known })) };
    await ensurePublication(client, plan.publication, table);
    const confirmed = await slotAsLeft(client, plan, table, known, { system, end });
    const { rest } = known;
    const snapshot = rest && (await Snapshot.begin(client, table, undefined, rest.after));
    return { table, snapshot, position: known, confirmed };
  } finally {
    await disconnect(walsender);
  }
}

/** @returns up to where the slot was confirmed. @throws Fault SOURCE_CHANGED */
async function slotAsLeft(
  client: Client,
  { slot }: ReplicationPlan,
  { shown: place }: SourceTable,
  known: ReplicationPosition,
  { system, end }: { system: string; end: bigint },
): Promise<bigint> {
  const changed = (what: string): Fault => new Fault('SOURCE_CHANGED', what, { place, help: `correct it, or ${ANEW}` });
  if (known.slot !== slot) throw changed(`it was read by slot ${known.slot}, and now \`slot\` is ${slot}`);
  if (known.system !== system) throw changed('the address leads to another server than before');
  const left = parseLsn(known.lsn);
  if (left > end)
    throw changed(
      `the server’s log ends at ${formatLsn(end)}, before what was read: it was restored to an earlier time`,
    );
  const found = await findSlot(client, slot, place);
  if (found === undefined) throw changed(`slot ${slot} is gone, and the changes that it kept`);
  if (found.lost)
    throw changed(
      `slot ${slot} was invalidated (max_slot_wal_keep_size): the server has removed log that was not read yet`,
    );
  if (found.confirmed > left && !isMarked(found.confirmed))
    throw changed(`slot ${slot} was read by another, up to ${formatLsn(found.confirmed)}`);
  return found.confirmed;
}

/** A new slot, and the table as it stood when the slot began. */
async function fresh(
  { slot, publication, snapshot }: ReplicationPlan,
  context: SourceContext,
  at: { client: Client; walsender: Client; table: SourceTable; system: string; known: SourcePosition | undefined },
): Promise<Omit<Begun, 'table'>> {
  const { client, walsender, table, system, known } = at;
  const place = table.shown;
  const found = await findSlot(client, slot, place);
  if (found !== undefined && known === undefined && isMarked(found.confirmed))
    throw new Fault('SOURCE_CHANGED', `slot ${slot} has been read before, and this station has no position in it`, {
      place,
      help: `another deployment reads it: name another \`slot\`; or the positions were deleted: SELECT pg_drop_replication_slot('${slot}')`,
    });
  if (found !== undefined) await dropSlot(client, slot, place);
  await ensurePublication(client, publication, table);
  context.log.info({ slot, table: place }, 'making a replication slot; it waits for running transactions');
  const made = await createSlot(walsender, client, slot, place);
  return {
    snapshot: snapshot > 0 ? await Snapshot.begin(client, table, made.snapshot, undefined) : undefined,
    confirmed: made.consistent,
    position: {
      row: known?.row ?? 0,
      system,
      slot,
      snapshot,
      lsn: formatLsn(made.consistent),
      // Not later than any change that follows: a row of the snapshot never wins against one.
      ...(snapshot > 0 && { rest: { version: String(made.restart) } }),
    },
  };
}
