/** An outbox: the table that a watched table's triggers write to. What makes it, what removes it, what of it is there. */
import type { Client } from 'pg';
import { literal, quoted } from './connect.ts';
import type { SourceTable } from './table.ts';

export interface OutboxPlan {
  /** The watched table. */
  table: Pick<SourceTable, 'oid' | 'schema' | 'name' | 'place' | 'shown' | 'key'>;
  /** Name of outbox, function, triggers and channel; in the schema of the table. */
  outbox: string;
  /** Each change wakes the extractor. */
  listen: boolean;
  /** Who reads it, for people. */
  reader: string;
}

const placeOf = ({ table, outbox }: Pick<OutboxPlan, 'table' | 'outbox'>): string =>
  `${quoted(table.schema)}.${quoted(outbox)}`;
const truncateTrigger = (outbox: string): string => `${outbox}_truncate`;

/**
 * What a change leaves: the row as JSON, so that columns may come and go without a write failing; a new key is another
 * row. Runs with the rights of its owner, so that those who write to the table need none.
 */
function body(plan: OutboxPlan): string {
  const outbox = placeOf(plan);
  const keyOf = (row: string): string => plan.table.key.map(({ name }) => `${row} ->> ${literal(name)}`).join(', ');
  return `
DECLARE
  former json;
  present json;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO ${outbox} (op) VALUES ('T');
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO ${outbox} (op, "row") VALUES ('D', row_to_json(OLD));
  ELSE
    present := row_to_json(NEW);
    IF TG_OP = 'UPDATE' THEN
      former := row_to_json(OLD);
      IF (${keyOf('former')}) IS DISTINCT FROM (${keyOf('present')}) THEN
        INSERT INTO ${outbox} (op, "row") VALUES ('D', former);
      END IF;
    END IF;
    INSERT INTO ${outbox} (op, "row") VALUES (CASE TG_OP WHEN 'INSERT' THEN 'I' ELSE 'U' END, present);
  END IF;${plan.listen ? `\n  PERFORM pg_notify(${literal(plan.outbox)}, '');` : ''}
  RETURN NULL;
END
`;
}

/** A script that makes what is missing, and changes nothing that is there as it should. @param role may read it. */
export function installScript(plan: OutboxPlan, role?: string): string {
  const { table, outbox, reader } = plan;
  const place = placeOf(plan);
  const sequence = `${quoted(table.schema)}.${quoted(`${outbox}_seq`)}`;
  const trigger = (name: string, events: string, each: string): string =>
    `DROP TRIGGER IF EXISTS ${quoted(name)} ON ${table.place};
CREATE TRIGGER ${quoted(name)} AFTER ${events} ON ${table.place} FOR EACH ${each} EXECUTE FUNCTION ${place}();`;
  return `BEGIN;
CREATE TABLE IF NOT EXISTS ${place} (
  seq bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ${sequence} CACHE 1) PRIMARY KEY,
  xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  op "char" NOT NULL,
  "row" json
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE ${place} IS ${literal(`Changes of ${table.shown}, taken out by ${reader}`)};
CREATE OR REPLACE FUNCTION ${place}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog SET bytea_output = hex SET intervalstyle = iso_8601 SET extra_float_digits = 1
AS $quadrille$${body(plan)}$quadrille$;
REVOKE ALL ON FUNCTION ${place}() FROM PUBLIC;
${trigger(outbox, 'INSERT OR UPDATE OR DELETE', 'ROW')}
${trigger(truncateTrigger(outbox), 'TRUNCATE', 'STATEMENT')}
${
  role === undefined
    ? ''
    : `GRANT SELECT ON ${table.place} TO ${quoted(role)};
GRANT SELECT, DELETE ON ${place} TO ${quoted(role)};
GRANT USAGE ON SEQUENCE ${sequence} TO ${quoted(role)};
`
}COMMIT;
`;
}

/** A script that takes all of it away; changes that nobody has read are gone. */
export function removeScript(plan: OutboxPlan): string {
  const { table, outbox } = plan;
  return `BEGIN;
DROP TRIGGER IF EXISTS ${quoted(outbox)} ON ${table.place};
DROP TRIGGER IF EXISTS ${quoted(truncateTrigger(outbox))} ON ${table.place};
DROP FUNCTION IF EXISTS ${placeOf(plan)}();
DROP TABLE IF EXISTS ${placeOf(plan)};
COMMIT;
`;
}

export interface OutboxState {
  /** The outbox's number in the server; undefined: it is not there. */
  oid: string | undefined;
  /** What changes would not reach it for: triggers that are absent or disabled. */
  missing: string[];
  /** The function is the one that this version makes. */
  current: boolean;
}

const STATE = `SELECT c.oid, f.prosrc AS source, ARRAY(
  SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = $3 AND t.tgfoid = f.oid AND t.tgenabled IN ('O', 'A'))::text[] AS triggers
FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2 AND c.relkind = 'r'
LEFT JOIN pg_proc f ON f.pronamespace = n.oid AND f.proname = $2 AND f.pronargs = 0 WHERE n.nspname = $1`;

export async function outboxState(client: Client, plan: OutboxPlan): Promise<OutboxState> {
  const { table, outbox } = plan;
  const { rows } = await client.query<{ oid: string | null; source: string | null; triggers: string }>(STATE, [
    table.schema,
    outbox,
    table.oid,
  ]);
  const { oid, source, triggers = '{}' } = rows[0] ?? {};
  const enabled = new Set(
    triggers
      .slice(1, -1)
      .split(',')
      .map((name) => name.replaceAll('"', '')),
  );
  return {
    oid: oid ?? undefined,
    missing: [outbox, truncateTrigger(outbox)].filter((name) => !enabled.has(name)),
    current: source === body(plan),
  };
}
