import { Client } from 'pg';
import { guardAgainstLeaks, until } from '../harness/index.ts';
import { noLogicalReplication } from './logical-replication.ts';
import { ITEMS, sourceStationConformance } from './source-station.ts';

guardAgainstLeaks();

sourceStationConformance({
  name: 'postgres-replication',
  skip: await noLogicalReplication(),
  extractor: '{ type: postgres-replication, table: FLOW_t, slot: FLOW }',
  bad: [{ code: 'FIELD_INVALID', place: /^public\.\w+_t#\d+$/ }],
  async prepare(flow) {
    const db = new Client({ connectionString: flow.clients.addresses.databaseUrl });
    await db.connect();
    const run = (sql: string) => db.query(sql.replaceAll(/\bT\b/g, `${flow.name}_t`).replaceAll('FLOW', flow.name));
    await run('CREATE TABLE T (id text PRIMARY KEY, n text)');
    await run(`INSERT INTO T SELECT 'r' || n, n FROM generate_series(0, ${ITEMS - 1}) n`);
    await run(`INSERT INTO T VALUES ('bad', 'no number')`);
    return async () => {
      await until('nobody reads the slot', async () => {
        const { rowCount } = await run(`SELECT FROM pg_replication_slots WHERE slot_name = 'FLOW' AND active`);
        return rowCount === 0;
      });
      await run(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'FLOW'`);
      await run('DROP PUBLICATION IF EXISTS "FLOW"; DROP TABLE T');
      await db.end();
    };
  },
});
