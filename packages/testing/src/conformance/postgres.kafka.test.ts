import { outboxTriggers } from '@quadrille/flow/postgres-outbox';
import { Client } from 'pg';
import { type FlowFixture, guardAgainstLeaks } from '../harness/index.ts';
import { ITEMS, sourceStationConformance } from './source-station.ts';

guardAgainstLeaks();

/** A table with the good rows and one that does not fit the schema. @param before what is to be done before there are any; `T` is the table. */
async function filled(flow: FlowFixture, before: (run: (sql: string) => Promise<unknown>) => Promise<unknown>) {
  const db = new Client({ connectionString: flow.clients.addresses.databaseUrl });
  await db.connect();
  const run = (sql: string) => db.query(sql.replaceAll(/\bT\b/g, flow.name));
  await run('CREATE TABLE T (id text PRIMARY KEY, n text, changed bigint)');
  await run('CREATE INDEX ON T (changed, id)');
  await before(run);
  await run(`INSERT INTO T SELECT 'r' || n, n, n FROM generate_series(0, ${ITEMS / 2 - 1}) n`);
  await run(`INSERT INTO T VALUES ('bad', 'no number', 5)`);
  await run(`INSERT INTO T SELECT 'r' || n, n, n FROM generate_series(${ITEMS / 2}, ${ITEMS - 1}) n`);
  return async () => {
    const outbox = `quadrille_${flow.name}_read`;
    await run(`DROP TABLE T; DROP TABLE IF EXISTS ${outbox}; DROP FUNCTION IF EXISTS ${outbox}()`);
    await db.end();
  };
}

sourceStationConformance({
  name: 'postgres-cursor',
  extractor: '{ type: postgres-cursor, table: FLOW, cursor: changed, pollMs: 50 }',
  bad: [
    { code: 'VERSION_INVALID', place: /^public\.\w+@null#\d+$/ },
    { code: 'FIELD_INVALID', place: /^public\.\w+@5#\d+$/ },
  ],
  prepare: (flow) => filled(flow, (run) => run(`INSERT INTO T VALUES ('none', '1', NULL)`)),
});

sourceStationConformance({
  name: 'postgres-outbox',
  // Every row is a change.
  extractor: '{ type: postgres-outbox, table: FLOW, snapshot: 0 }',
  bad: [{ code: 'FIELD_INVALID', place: /^public\.\w+@\d+$/ }],
  prepare: (flow) =>
    filled(flow, () =>
      outboxTriggers(
        { table: flow.name },
        { flow: flow.name, station: 'read', env: process.env },
        { remove: false, execute: true },
      ),
    ),
});
