/** Tables of a test's own on a real server, for the tests of the target postgres. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Fault } from '@quadrille/record';
import { Client } from 'pg';
import { fieldsOf } from '../avro/field.ts';
import { typeOf } from '../avro/type.ts';
import type { Target, TargetRow } from '../target.ts';
import { type PostgresConfig, postgres } from './postgres.ts';

export const address = process.env.DATABASE_URL || undefined;
export const options = address === undefined ? { skip: 'no DATABASE_URL to write to' } : { timeout: 60_000 };

export type FieldJson = { name: string; type: unknown; default?: unknown };
export const field = (name: string, type: unknown): FieldJson => ({ name, type });
export const optional = (name: string, type: unknown): FieldJson => ({ name, type: ['null', type], default: null });
export const logical = (type: string, logicalType: string, more: object = {}): object => ({
  type,
  logicalType,
  ...more,
});

export interface Opened {
  target: Target;
  db: Client;
  table: string;
  /** Another target on the same table. */
  create(fields: FieldJson[], config?: Partial<PostgresConfig>): Target;
}

/** A target on a table of the test's own, made beforehand by `sql` (in which T is its name) or by the target. */
export async function prepare(
  t: TestContext,
  fields: FieldJson[],
  { sql, config = {}, open = true }: { sql?: string; config?: Partial<PostgresConfig>; open?: boolean } = {},
): Promise<Opened> {
  const table = `t_${randomBytes(6).toString('hex')}`;
  const db = new Client({ connectionString: address as string });
  await db.connect();
  const targets: Target[] = [];
  t.after(async () => {
    for (const target of targets) await target.close();
    await db.query(`DROP TABLE IF EXISTS ${table}`);
    await db.end();
  });
  if (sql !== undefined) await db.query(sql.replace('TABLE T ', `TABLE ${table} `));
  const create = (of: FieldJson[], more: Partial<PostgresConfig> = {}): Target => {
    const schema = { type: 'record', name: 'Row', fields: of };
    const env = { DATABASE_URL: address, NOWHERE: 'postgres://x@127.0.0.1:1/x' };
    const target = postgres.create(
      { table, ...more },
      { flow: 'test', station: table, folder: '.', schema: typeOf(schema), fields: fieldsOf(schema), env },
    );
    targets.push(target);
    return target;
  };
  const target = create(fields, config);
  if (open) await target.open();
  return { target, db, table, create };
}

let offset = 0;
export const row = (id: string, value: Record<string, unknown> | null, version = 1n): TargetRow => ({
  id,
  version,
  revision: 0,
  topic: 'rows',
  partition: 0,
  offset: offset++,
  timestamp: 1_700_000_000_000,
  value,
  bytes: value === null ? null : Buffer.from(`${id}${offset}`),
});

export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const fault = await work.then(
    () => undefined,
    (error: Fault) => error,
  );
  assert.ok(fault, 'no fault');
  return fault;
}

export const OWN =
  '_version bigint, _revision integer, _topic text, _partition integer, _offset bigint, _hash bytea, _deleted boolean, _loaded_at timestamptz DEFAULT now()';
