/** Who has changed what, when and why. Append-only, in Kafka and in the database. */
import { randomUUID } from 'node:crypto';
import { Fault } from '@quadrille/record';
import type { AuditEntry, AuditQuery, Page } from './api/index.ts';
import type { PageOf } from './http/backend.ts';
import { Parameters } from './letters/conditions.ts';
import type { Apply, Decisions, Ground } from './model.ts';

/** @throws Fault BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE: whether it was written is not known. */
export async function note(
  { database }: Pick<Ground, 'database'>,
  decisions: Decisions,
  entry: Omit<AuditEntry, 'id' | 'at'>,
): Promise<void> {
  const { by, reason, ...rest } = entry;
  const body = JSON.stringify(rest);
  await database.transaction((tx) =>
    decisions.decide(tx, [{ kind: 'audit', id: randomUUID(), at: Date.now(), by, reason, body, bytes: null }]),
  );
}

const audit: Apply = async (tx, { id, at, by, reason, body }) => {
  const { role, action, plan, result, outcome } = JSON.parse(body) as Omit<AuditEntry, 'id' | 'at' | 'by' | 'reason'>;
  await tx.query(
    `insert into audit (id, at, by_whom, role, action, reason, plan, result, outcome)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
    [
      id,
      new Date(at).toISOString(),
      by,
      role,
      action,
      reason,
      // An undefined part is not in the body.
      JSON.stringify(plan ?? null),
      JSON.stringify(result ?? null),
      outcome,
    ],
  );
};

/** By kind of decision. */
export const auditApplies: Record<string, Apply> = { audit };

interface AuditRow extends Omit<AuditEntry, 'at' | 'by'> {
  at: Date;
  by_whom: string;
}

/** Newest first. @throws Fault REQUEST_INVALID for a cursor that is none of ours. */
export async function auditOf(
  { database }: Pick<Ground, 'database'>,
  query: AuditQuery & PageOf,
): Promise<Page<AuditEntry>> {
  const { by, action, since, until, limit, cursor } = query;
  const parameters = new Parameters();
  const all = ['true'];
  const on = (value: unknown, condition: (parameter: string) => string): void => {
    if (value !== undefined) all.push(condition(parameters.add(value)));
  };
  on(by, (name) => `by_whom = ${name}`);
  on(action, (name) => `action = ${name}`);
  on(since, (moment) => `at >= ${moment}::timestamptz`);
  on(until, (moment) => `at < ${moment}::timestamptz`);
  if (cursor !== undefined) {
    const { at, id } = readCursor(cursor);
    all.push(`(at, id) < (${parameters.add(at)}::timestamptz, ${parameters.add(id)})`);
  }
  const rows = await database.query<AuditRow>(
    `select id, at, by_whom, role, action, reason, plan, result, outcome from audit where ${all.join(' and ')}
     order by at desc, id desc limit ${parameters.add(limit + 1)}`,
    parameters.values,
  );
  const items = rows
    .slice(0, limit)
    .map(({ by_whom, at, ...rest }) => ({ ...rest, by: by_whom, at: at.toISOString() }));
  return { items, cursor: rows.length > limit ? cursorAt(items.at(-1)!) : null };
}

const cursorAt = ({ at, id }: AuditEntry): string => Buffer.from(JSON.stringify({ at, id })).toString('base64url');

function readCursor(cursor: string): { at: string; id: string } {
  try {
    const { at, id } = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as { at: string; id: string };
    if (typeof id === 'string' && !Number.isNaN(Date.parse(at))) return { at, id };
  } catch {
    // Said below.
  }
  throw new Fault('REQUEST_INVALID', 'the cursor is not of an answer of this service', { field: 'cursor' });
}
