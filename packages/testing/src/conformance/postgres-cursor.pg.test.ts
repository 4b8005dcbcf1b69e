import { sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { noDatabase, ownTable } from './postgres-table.ts';
import { sourceConformance } from './source.ts';

const type = sourceTypes['postgres-cursor']!;

sourceConformance({
  name: 'postgres-cursor',
  traits: type.traits!,
  skip: noDatabase,
  async prepare(t) {
    const table =
      'CREATE TABLE T (id int PRIMARY KEY, name text, changed bigint, gone boolean); CREATE INDEX ON T (changed, id)';
    const { name, run, calm, gate, address } = await ownTable(t, table);
    // Ten rows share a value; one is marked as deleted, two have no value.
    await run(`INSERT INTO T SELECT n, 'näme ' || n, greatest(n, 10), n = 13 FROM generate_series(1, 25) n`);
    await run(`INSERT INTO T VALUES (26, 'no value', NULL, false), (27, 'no value', NULL, false)`);
    // The order of items is that of one sweep.
    await calm();
    const config = { table: name, cursor: 'changed', deleted: 'gone', pollMs: 20, address: 'GATE' };
    return {
      source: type.create(config, sourceContext('.', ['id', 'name'], { env: { GATE: address } })),
      shards: [
        {
          name: `public.${name}`,
          items: 27,
          faults: { 0: 'VERSION_INVALID', 1: 'VERSION_INVALID' },
          deletions: [14],
        },
      ],
      change: () => run(`DROP TABLE T; ${table}`),
      grow: async () => {
        await run(`BEGIN; INSERT INTO T SELECT n, 'new ' || n, n FROM generate_series(28, 40) n;
          UPDATE T SET changed = 41 WHERE id < 4; UPDATE T SET gone = true, changed = 42 WHERE id = 5; COMMIT`);
        return 17;
      },
      down: () => gate.close(),
      up: () => gate.open(),
    };
  },
});
