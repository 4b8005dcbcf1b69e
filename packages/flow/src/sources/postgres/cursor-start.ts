/** Where a table's cursor is read from: connected, checked, and held against what was read before. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { SourceContext, SourcePosition } from '../../source.ts';
import { connect, disconnect, sourceFault } from './connect.ts';
import type { CursorConfig } from './cursor.ts';
import { type CursorColumn, cursorColumn } from './cursor-column.ts';
import { readTable, type SourceTable } from './table.ts';
import type { WindowPlace } from './window.ts';

export type CursorPlan = CursorConfig & Required<Pick<CursorConfig, 'pollMs' | 'snapshot'>>;

export interface CursorPosition extends SourcePosition, WindowPlace {
  /** The table's number in the server: another one is another table. */
  table: string;
  cursor: string;
  /** The `snapshot` of the flow file. */
  snapshot: number;
  /** The sweep that is under way. */
  sweep?: { to: string; odd: boolean; after?: string[] };
}

/** @throws Fault SOURCE_CHANGED, SOURCE_MISSING, SOURCE_HEADER, SOURCE_SETTINGS, ACCESS_DENIED; SOURCE_UNAVAILABLE */
export async function openTable(
  plan: CursorPlan,
  context: SourceContext,
  known: CursorPosition | undefined,
): Promise<{ client: Client; table: SourceTable; cursor: CursorColumn }> {
  const client = await connect(plan, context);
  try {
    const table = await readTable(client, plan, context, true);
    const cursor = await cursorColumn(client, table, plan.cursor, context.log);
    await checkServer(client, table, plan, known);
    return { client, table, cursor };
  } catch (error) {
    await disconnect(client);
    throw sourceFault(error, `${plan.schema ?? 'public'}.${plan.table}`);
  }
}

/** @throws Fault SOURCE_SETTINGS, SOURCE_CHANGED */
async function checkServer(
  client: Client,
  { shown: place, oid }: SourceTable,
  plan: CursorPlan,
  known: CursorPosition | undefined,
): Promise<void> {
  const { rows } = await client.query<{ standby: string }>('SELECT pg_is_in_recovery() AS standby');
  if (rows[0]?.standby === 't')
    throw new Fault('SOURCE_SETTINGS', 'the address leads to a standby', {
      place,
      help: 'only the primary knows which transactions run: give its address',
    });
  if (known === undefined) return;
  const changed = (what: string): Fault =>
    new Fault('SOURCE_CHANGED', what, {
      place,
      help: 'correct it, or raise `snapshot` in the flow file: the table is read anew',
    });
  if (known.table !== oid) throw changed('the table was made anew since it was read');
  if (known.cursor !== plan.cursor)
    throw changed(`it was read by \`${known.cursor}\`, and now \`cursor\` is \`${plan.cursor}\``);
  const { rows: given } = await client.query<{ next: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
  );
  const { next } = given[0] as { next: string };
  if (known.seen !== undefined && BigInt(known.seen) > BigInt(next))
    throw changed('the server has given out fewer transactions than were read: it is another one, or was restored');
}
