import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaIdOf } from '@quadrille/flow';
import { Client } from 'pg';
import { Typed } from '../e2e/command.ts';
import {
  assertBalanced,
  drained,
  dropReplaySchema,
  dropTable,
  type FlowFixture,
  guardAgainstLeaks,
  noServers,
  records,
  replaySchema,
} from '../harness/index.ts';
import { Crew } from './crew.ts';
import { Load } from './load.ts';
import { assertSame } from './outcome.ts';
import { allThrough, flowFile, KINDS, ordersFlow, schemas, tableOf, undisturbed, version } from './sample.ts';

guardAgainstLeaks();

const ROUND = 30;
const PLACED = 'schemas/FLOW.placed.avsc';
const REGION = { name: 'region', type: ['null', 'string'], default: null };
const TARIFF = { name: 'tariff', type: 'string', default: 'standard' };

/** The event `placed` with more fields, and the enricher that fills them. */
const files = (fields: object[], body: string): Record<string, string> => {
  const { fields: former, ...schema } = schemas['FLOW.placed'];
  const rule = `
import { rule } from '@quadrille/flow';
export default rule({ doc: 'Fills what is new.', examples: [], apply: (record) => ({ ...record, ${body} }) });
`;
  return {
    [PLACED]: JSON.stringify({ ...schema, fields: [...former, ...fields] }),
    'rules/more.ts': rule,
    'flow.yaml': flowFile(ROUND).replace('    to: FLOW.placed\n', '    rules: [rules/more.ts]\n    to: FLOW.placed\n'),
  };
};
const SECOND = files([REGION], "region: 'R' + record.place");
const THIRD = files([REGION, TARIFF], "region: 'R' + record.place, tariff: record.cents > 500 ? 'high' : 'low'");

interface Row {
  _id: string;
  place: string;
  cents: number;
  region: string | null;
  tariff?: string;
}

async function rowsOf(flow: FlowFixture): Promise<Row[]> {
  const client = new Client({ connectionString: flow.clients.addresses.databaseUrl });
  await client.connect();
  const { rows } = await client.query<Row>(`SELECT * FROM ${client.escapeIdentifier(tableOf(flow))}`);
  await client.end();
  return rows;
}

/** Ids whose record, the last of its partition, was written with a schema that has the field. */
async function writtenWith(flow: FlowFixture, field: string): Promise<Set<string>> {
  const found = new Map<string, boolean>();
  const has = new Map<number, boolean>();
  for (const { key, value } of await records(flow, 'FLOW.placed')) {
    const id = schemaIdOf(value!);
    if (!has.has(id)) has.set(id, JSON.stringify(await flow.clients.registry.schemaOf(id)).includes(`"${field}"`));
    found.set(key!.toString(), has.get(id)!);
  }
  return new Set([...found].filter(([, is]) => is).map(([id]) => id));
}

async function quadrille(flow: FlowFixture, ...words: string[]): Promise<string> {
  const typed = new Typed(flow.folder, words, { NO_COLOR: '1', QUADRILLE_REPLAY_SCHEMA: replaySchema(flow) });
  const { code, out, err } = await typed.ended;
  assert.equal(code, 0, `${words.join(' ')}\n${out}\n${err}`);
  return out;
}

test('an event gains fields while orders keep coming, with old and new stations at once', {
  skip: noServers,
}, async (t) => {
  await using flow = await ordersFlow(ROUND);
  flow.atEnd(() => dropTable(flow, tableOf(flow)));
  flow.atEnd(() => dropReplaySchema(flow));
  await using crew = new Crew(flow);
  await using load = new Load(flow);
  await crew.join('places');
  for (const station of KINDS) await crew.join(station);
  await crew.join('place');
  await crew.join('store');
  await crew.flowing('store', 1_000);

  // In order: the new version is registered, then who reads the event is replaced, then who writes it.
  const second = await version(flow, 'second', SECOND);
  await quadrille(flow, 'flow', 'provision', second, '--execute');
  const [oldStore] = crew.of('store');
  await crew.join('store', second);
  await crew.flowing('store', 500);
  for (const old of [...crew.of('store')].slice(0, 2)) await crew.leave('store', old);
  assert.ok(oldStore?.output.every((line) => !line.includes('passed over')));
  await crew.join('place', second);
  await crew.flowing('place', 500);
  for (const old of [...crew.of('place')].slice(0, 2)) await crew.leave('place', old);
  await crew.flowing('store', 500);

  // Out of order: who writes first, beside one that still writes the former version. The field is passed over, and told.
  const third = await version(flow, 'third', THIRD);
  await quadrille(flow, 'flow', 'provision', third, '--execute');
  await crew.join('place', third);
  const [behind] = crew.of('store');
  await behind!.says(/"fields":\["tariff"\].*passed over/);
  await crew.flowing('store', 500);
  await crew.leave('place');
  await crew.join('store', third);
  await crew.flowing('store', 500);
  await crew.leave('store');

  const orders = await load.end();
  await allThrough(flow, orders);
  const rows = await rowsOf(flow);
  const withRegion = await writtenWith(flow, 'region');
  assert.ok(withRegion.size > 0 && withRegion.size < rows.length);
  for (const { _id, place, region } of rows) assert.equal(region, withRegion.has(_id) ? `R${place}` : null, _id);
  const withTariff = await writtenWith(flow, 'tariff');
  const lost = rows.filter(({ _id, tariff }) => withTariff.has(_id) && tariff === 'standard').length;
  assert.ok(lost > 0, 'the loader that was behind has passed it over');

  // What was passed over still stands in the topic: the loader is given the records again.
  const again = [
    'replay',
    'start',
    flow.name,
    'store',
    '--yes',
    '--allow-orphans',
    '--reason',
    'tariff was passed over',
  ];
  await quadrille(flow, ...again, '--execute');
  await drained(flow, 'store');
  for (const { _id, cents, tariff } of await rowsOf(flow))
    assert.equal(tariff, withTariff.has(_id) ? (cents > 500 ? 'high' : 'low') : 'standard', _id);
  await assertBalanced(flow);

  await crew.end();
  await using calm = await undisturbed(flow, orders);
  calm.atEnd(() => dropTable(calm, tableOf(calm)));
  const { books } = await assertSame(flow, calm);
  t.diagnostic(
    `${orders} orders, ${rows.length} rows, ${withRegion.size} with the first field, ${withTariff.size} with the second, of which ${lost} were passed over and loaded again; ${books.stations.store?.unchanged} unchanged`,
  );
});
