/** The ways to read a table of PostgreSQL, and what each asks of the table and of those who write to it. */
import { outboxTriggers } from '@quadrille/flow/postgres-outbox';
import type { Client } from 'pg';
import type { FlowFixture } from '../harness/index.ts';

export interface Way {
  type: string;
  /** What stands under `extractor`; `TABLE` is the table. */
  extractor: string;
  /** Rows are deleted; else they are marked, and their keys stay as they are. */
  deletes: boolean;
  /** Before anything is read. */
  prepare(flow: FlowFixture, db: Client): Promise<void>;
  /** When nobody reads any more. */
  end(flow: FlowFixture, db: Client): Promise<void>;
}

export const sourceOf = ({ name }: FlowFixture): string => `${name}_source`;

const replication: Way = {
  type: 'postgres-replication',
  extractor: '{ type: postgres-replication, table: TABLE, slot: FLOW }',
  deletes: true,
  prepare: async () => {},
  async end({ name }, db) {
    await db.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [name]);
    await db.query(`DROP PUBLICATION IF EXISTS ${name}`);
  },
};

const outbox: Way = {
  type: 'postgres-outbox',
  extractor: '{ type: postgres-outbox, table: TABLE, outbox: TABLE_outbox }',
  deletes: true,
  async prepare(flow) {
    const config = { table: sourceOf(flow), outbox: `${sourceOf(flow)}_outbox` };
    const env = { DATABASE_URL: flow.clients.addresses.databaseUrl };
    await outboxTriggers(config, { flow: flow.name, station: 'read', env }, { remove: false, execute: true });
  },
  async end(flow, db) {
    const name = `${sourceOf(flow)}_outbox`;
    await db.query(`DROP TABLE ${name}; DROP FUNCTION ${name}() CASCADE`);
  },
};

const cursor: Way = {
  type: 'postgres-cursor',
  extractor: '{ type: postgres-cursor, table: TABLE, cursor: changed, deleted: gone, pollMs: 200 }',
  deletes: false,
  async prepare(flow, db) {
    const table = sourceOf(flow);
    await db.query(`CREATE FUNCTION ${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      NEW.changed := greatest(clock_timestamp(), OLD.changed + interval '1 microsecond'); RETURN NEW; END $$;
      CREATE TRIGGER changed BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${table}();
      CREATE INDEX ON ${table} (changed, id)`);
  },
  async end(flow, db) {
    await db.query(`DROP FUNCTION ${sourceOf(flow)}() CASCADE`);
  },
};

export const WAYS: Readonly<Record<string, Way>> = Object.fromEntries(
  [replication, outbox, cursor].map((way) => [way.type, way]),
);
