import { randomBytes } from 'node:crypto';
import { sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { Client } from 'pg';
import { Gate } from './gate.ts';
import { noLogicalReplication } from './logical-replication.ts';
import { sourceConformance } from './source.ts';

const type = sourceTypes['postgres-replication']!;
const address = process.env.DATABASE_URL;

sourceConformance({
  name: 'postgres-replication',
  traits: type.traits!,
  skip: await noLogicalReplication(),
  cannot: {
    'bad items': 'the log holds no row that cannot be read; what does not fit the schema is the extractor’s to reject',
    change:
      'what was read stands in the log no longer; what is wrong with a slot is tested in postgres-replication-faults',
  },
  async prepare(t) {
    const name = `conformance_${randomBytes(4).toString('hex')}`;
    const url = new URL(address as string);
    const gate = new Gate(url.hostname, Number(url.port || 5432));
    await gate.open();
    const through = new URL(url);
    through.host = `127.0.0.1:${gate.port}`;
    const direct = new Client({ connectionString: address as string });
    await direct.connect();
    const run = (sql: string) => direct.query(sql.replaceAll('TABLE_NAME', name));
    await run('CREATE TABLE TABLE_NAME (id int PRIMARY KEY, name text)');
    await run(`INSERT INTO TABLE_NAME SELECT n, 'näme ' || n FROM generate_series(1, 25) n`);
    const config = { table: name, slot: name, address: 'GATE' };
    t.after(async () => {
      await gate.close();
      for (const end = Date.now() + 10_000; Date.now() < end; ) {
        const { rows } = await direct.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [name]);
        if (rows[0]?.active !== true) break;
      }
      await direct.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
        name,
      ]);
      await run('DROP PUBLICATION IF EXISTS TABLE_NAME');
      await run('DROP TABLE TABLE_NAME');
      await direct.end();
    });
    const source = type.create(config, sourceContext('.', ['id', 'name'], { env: { GATE: through.href } }));
    return {
      source: {
        shards: () => source.shards(),
        // A row is deleted while the snapshot is being read, so that it is in both.
        async open(shard, from) {
          const reader = await source.open(shard, from);
          let first = from === undefined;
          return {
            async read(max, stop) {
              const chunk = await reader.read(max, stop);
              if (first) await run('DELETE FROM TABLE_NAME WHERE id = 1');
              first = false;
              return chunk;
            },
            acknowledge: (settled) => reader.acknowledge!(settled),
            close: () => reader.close(),
          };
        },
      },
      shards: [{ name: `public.${name}`, items: 26, faults: {}, deletions: [25] }],
      grow: async () => {
        await run(`BEGIN; INSERT INTO TABLE_NAME SELECT n, 'new ' || n FROM generate_series(26, 40) n;
          UPDATE TABLE_NAME SET name = name || '!' WHERE id < 4; DELETE FROM TABLE_NAME WHERE id = 5; COMMIT`);
        return 18;
      },
      down: () => gate.close(),
      up: () => gate.open(),
    };
  },
});
