import { test } from 'node:test';
import { dropTable, guardAgainstLeaks, noServers } from '../harness/index.ts';
import { Crew } from './crew.ts';
import { Load } from './load.ts';
import { assertSame } from './outcome.ts';
import { allThrough, flowFile, KINDS, ordersFlow, tableOf, undisturbed, version } from './sample.ts';

guardAgainstLeaks();

test('every instance of every kind of station is replaced one by one while orders keep coming; nothing is lost or twice', {
  skip: noServers,
}, async (t) => {
  await using flow = await ordersFlow(25);
  flow.atEnd(() => dropTable(flow, tableOf(flow)));
  await using crew = new Crew(flow);
  await using load = new Load(flow);
  await crew.join('places');
  for (const station of KINDS) await Promise.all([crew.join(station), crew.join(station)]);
  await crew.flowing('store');

  const next = await version(flow, 'next', { 'flow.yaml': flowFile(30) });
  for (const station of KINDS) await crew.roll(station, next);

  const orders = await load.end();
  await allThrough(flow, orders);
  await crew.end();
  await using calm = await undisturbed(flow, orders);
  calm.atEnd(() => dropTable(calm, tableOf(calm)));
  const { books, tables } = await assertSame(flow, calm);
  t.diagnostic(
    `${orders} orders, ${tables['orders-FLOW']?.rows} rows, longest leave ${Math.round(crew.longestLeave)} ms, ` +
      `${books.edges.reduce((sum, { duplicate }) => sum + duplicate, 0)} duplicates in topics, ${books.stations.store?.unchanged} unchanged rows`,
  );
});
