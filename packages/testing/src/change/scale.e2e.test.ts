import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { dropTable, type FlowFixture, guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { Crew } from './crew.ts';
import { Load } from './load.ts';
import { assertSame } from './outcome.ts';
import { allThrough, CONNECTIONS, ordersFlow, PARTITIONS, tableOf, undisturbed } from './sample.ts';

guardAgainstLeaks();

test('transformer and loader go from one instance to four and back to one while orders keep coming', {
  skip: noServers,
}, async (t) => {
  await using flow = await ordersFlow(25);
  flow.atEnd(() => dropTable(flow, tableOf(flow)));
  await using crew = new Crew(flow);
  await using load = new Load(flow);
  await using connections = await watchConnections(flow);
  for (const station of ['places', 'ordered', 'price', 'place', 'store']) await crew.join(station);
  await crew.flowing('store');

  for (const station of ['price', 'store']) {
    for (let i = 2; i <= PARTITIONS; i++) await crew.join(station);
    await eachOwnsOne(flow, station);
    await crew.flowing(station);
    assert.ok(connections.most <= CONNECTIONS * crew.of('store').length, `${connections.most} connections`);
    while (crew.of(station).length > 1) {
      await crew.leave(station);
      await crew.flowing(station);
    }
  }

  const orders = await load.end();
  await allThrough(flow, orders);
  await crew.end();
  await using calm = await undisturbed(flow, orders);
  calm.atEnd(() => dropTable(calm, tableOf(calm)));
  const { books, tables } = await assertSame(flow, calm);
  t.diagnostic(
    `${orders} orders, ${tables['orders-FLOW']?.rows} rows, at most ${connections.most} connections, ` +
      `${books.edges.reduce((sum, { duplicate }) => sum + duplicate, 0)} duplicates in topics, ${books.stations.store?.unchanged} unchanged rows`,
  );
});

/** As many members as partitions. */
async function eachOwnsOne({ clients, name }: FlowFixture, station: string): Promise<void> {
  const group = `${name}.${station}`;
  await until(`${PARTITIONS} members of ${group}`, async () => {
    const { state, members } = await clients.admin.describeGroup(group);
    return state === 'Stable' && members.length === PARTITIONS;
  });
}

/** The most connections that the flow's loaders have held at once. */
async function watchConnections({ clients, name }: FlowFixture) {
  const client = new Client({ connectionString: clients.addresses.databaseUrl });
  await client.connect();
  const watch = { most: 0, over: false };
  const watching = (async () => {
    while (!watch.over) {
      const { rows } = await client.query<{ n: number }>(
        'SELECT count(*)::integer AS n FROM pg_stat_activity WHERE application_name = $1',
        [`quadrille ${name}.store`],
      );
      watch.most = Math.max(watch.most, rows[0]!.n);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    get most(): number {
      return watch.most;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      watch.over = true;
      await watching;
      await client.end();
    },
  };
}
