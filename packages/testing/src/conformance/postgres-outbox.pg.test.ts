import { sourceTypes } from '@quadrille/flow';
import { outboxTriggers } from '@quadrille/flow/postgres-outbox';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { noDatabase, ownTable } from './postgres-table.ts';
import { sourceConformance } from './source.ts';

const type = sourceTypes['postgres-outbox']!;

sourceConformance({
  name: 'postgres-outbox',
  traits: type.traits!,
  skip: noDatabase,
  async prepare(t) {
    const table = await ownTable(t, 'CREATE TABLE T (id int PRIMARY KEY, name text, n int)');
    const { name, run, gate, address } = table;
    const config = { table: name, outbox: `${name}_o`, address: 'GATE' };
    const context = sourceContext('.', ['id', 'name', 'n'], { env: { GATE: address } });
    // As a person would, past the gate.
    const triggers = (remove: boolean) =>
      outboxTriggers(
        { ...config, address: 'DATABASE_URL' },
        { ...context, env: process.env },
        { remove, execute: true },
      );
    await triggers(false);
    await run(`INSERT INTO T SELECT n, 'näme ' || n, n FROM generate_series(1, 25) n`);
    const source = type.create(config, context);
    return {
      source: {
        shards: () => source.shards(),
        // While the rows that stand are being read, one is deleted, and one is changed that the table will not take any more.
        async open(shard, from) {
          const reader = await source.open(shard, from);
          let first = from === undefined;
          return {
            async read(max, stop) {
              const chunk = await reader.read(max, stop);
              if (first) {
                await run('DELETE FROM T WHERE id = 1');
                await run(`UPDATE T SET n = 2 WHERE id = 2`);
                await run(`UPDATE "${name}_o" SET "row" = '{"id": 2, "n": "none"}' WHERE op = 'U'`);
              }
              first = false;
              return chunk;
            },
            acknowledge: (settled) => reader.acknowledge!(settled),
            close: () => reader.close(),
          };
        },
      },
      shards: [{ name: `public.${name}`, items: 27, faults: { 26: 'ROW_MALFORMED' }, deletions: [25] }],
      change: async () => {
        await triggers(true);
        await triggers(false);
      },
      grow: async () => {
        await run(`BEGIN; INSERT INTO T SELECT n, 'new ' || n, n FROM generate_series(26, 40) n;
          UPDATE T SET name = name || '!' WHERE id < 5; DELETE FROM T WHERE id = 5; UPDATE T SET id = 0 WHERE id = 6; COMMIT`);
        return 21;
      },
      down: () => gate.close(),
      up: () => gate.open(),
    };
  },
});
