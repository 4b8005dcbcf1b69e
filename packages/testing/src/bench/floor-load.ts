/** The floor's loader: one upsert a batch from binary arrays, on a primary key; no versions, no outcomes, no hash. */
import { type LoaderSpec, readFlow, readTopicSchema } from '@quadrille/flow';
import { columnOf } from '@quadrille/flow/postgres-columns';
import pg from 'pg';
import { bareType, runFloor, settings } from './floor.ts';

const { flow: path, group, expect, table } = settings();
const flow = await readFlow(path!);
const { from } = flow.stations.get('warehouse') as LoaderSpec;
const type = bareType(flow.schemas, from);
const columns = (await readTopicSchema(flow.schemas, from)).fields.map(columnOf);
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const names = columns.map(({ name }) => `"${name}"`);
await client.query(
  `create table ${table} (_id text primary key, ${columns.map((c) => `"${c.name}" ${c.type}`).join(', ')})`,
);
const text = `insert into ${table} (_id, ${names.join(', ')})
select id, ${columns.map((c, i) => `c${i}${c.cast}`).join(', ')}
from unnest($1::text[], ${columns.map((c, i) => `$${i + 2}::${c.parameter}`).join(', ')}) as r(id, ${columns.map((_, i) => `c${i}`).join(', ')})
on conflict (_id) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`;

await runFloor({
  from,
  group: group!,
  expect: Number(expect),
  work: async (messages) => {
    const ids = messages.map(({ key }) => key!.toString());
    const rows = messages.map(({ value }) => ({ value: type.decode(value!, 5).value as Record<string, unknown> }));
    const values = columns.map((column) => column.encode(rows as never));
    await client.query({ name: 'load', text, values: [ids, ...values] });
    return [];
  },
});
