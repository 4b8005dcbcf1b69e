/**
 * The flow that the tests of this folder change while records flow: orders out of files, priced by a rule, located by a
 * lookup, loaded into a table. Some are dropped, some rejected, so that every verdict has to survive the change.
 */
import { cp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  drained,
  dropTable,
  type FlowFixture,
  flowFixture,
  ROOT,
  rows,
  startStation,
  until,
} from '../harness/index.ts';

const text = (name: string) => ({ name, type: 'string' });
export const ORDERED = [text('id'), text('place'), { name: 'cents', type: 'int' }];
export const schemas = {
  'FLOW.places': { type: 'record', name: 'Places', fields: [text('code'), text('name')] },
  'FLOW.ordered': { type: 'record', name: 'Ordered', fields: ORDERED },
  'FLOW.priced': { type: 'record', name: 'Priced', fields: [...ORDERED, { name: 'gross', type: 'int' }] },
  'FLOW.placed': {
    type: 'record',
    name: 'Placed',
    fields: [...ORDERED, { name: 'gross', type: 'int' }, text('place_name')],
  },
};

const RULE = `
import { rule } from '@quadrille/flow';
import { drop, reject } from '@quadrille/record';
export default rule({
  doc: 'Adds the tax; leaves out what costs nothing, rejects what costs less.',
  examples: [],
  apply(record) {
    if (record.cents === 0) return drop('FOR_NOTHING');
    if (record.cents < 0) return reject('BELOW_NOTHING', 'it costs less than nothing', { field: 'cents' });
    return { ...record, gross: Math.round(record.cents * 1.19) };
  },
});
`;

export const KINDS = ['ordered', 'price', 'place', 'store'] as const;
export const PARTITIONS = 4;
/** Connections of one loader. */
export const CONNECTIONS = 2;

/**
 * @param round records that a round takes at most: few, so that the load lasts; undefined: the default.
 * @param more entries of stations. @param topics entries of topics.
 */
export const flowFile = (round?: number, more = '', topics = ''): string => {
  const size = round === undefined ? '' : `\n    round: { records: ${round} }`;
  return `
flow: FLOW
topics:
  FLOW.places: { partitions: 1, compacted: true }
  FLOW.ordered: { partitions: ${PARTITIONS} }
  FLOW.priced: { partitions: ${PARTITIONS} }
  FLOW.placed: { partitions: ${PARTITIONS} }
${topics}stations:
  places:
    extractor: { type: csv, path: data/places.csv, id: "{code}" }
    to: FLOW.places
  ordered:
    extractor: { type: csv, path: data/orders-*.csv, id: "{id}" }
    to: FLOW.ordered${size}
  price:
    transformer: rules/price.ts
    from: FLOW.ordered
    to: FLOW.priced
    stopTheLine: "off"${size}
  place:
    enricher:
      place: { topic: FLOW.places, on: { code: place }, take: { name: place_name }, missing: reject }
    from: FLOW.priced
    to: FLOW.placed
    stopTheLine: "off"${size}
  store:
    loader: { type: postgres, table: orders-FLOW, connections: ${CONNECTIONS} }
    from: FLOW.placed${size}
${more}`;
};

const PLACES = 'code,name\n0,Aalen\n1,Bonn\n2,Celle\n3,Dessau\n4,Erfurt\n5,Fulda\n6,Gera\n7,Halle\n';

/** @param more schemas, by topic. */
export const ordersFlow = (round?: number, more: Record<string, object> = {}): Promise<FlowFixture> =>
  flowFixture({
    files: { 'flow.yaml': flowFile(round), 'rules/price.ts': RULE, 'data/places.csv': PLACES },
    schemas: { ...schemas, ...more },
  });

export const tableOf = (flow: FlowFixture): string => `orders-${flow.name}`;

/**
 * Another version of the flow's files beside the first, as another image would hold it; both read the same data.
 * @param files path → text, in place of those of the first version. @returns its folder, for QUADRILLE_FLOW.
 */
export async function version(flow: FlowFixture, name: string, files: Record<string, string>): Promise<string> {
  const folder = join(flow.folder, 'versions', name);
  for (const each of ['flow.yaml', 'rules', 'schemas'])
    await cp(join(flow.folder, each), join(folder, each), { recursive: true });
  await symlink(join(flow.folder, 'data'), join(folder, 'data'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [path, content] of Object.entries(files))
    await writeFile(join(folder, flow.text(path)), flow.text(content));
  return folder;
}

/** Every order of `flow`'s files through a flow of its own that nobody disturbs. The caller disposes of it. */
export async function undisturbed(flow: FlowFixture, orders: number): Promise<FlowFixture> {
  const calm = await ordersFlow();
  try {
    await cp(join(flow.folder, 'data'), join(calm.folder, 'data'), { recursive: true });
    const stations = await Promise.all(['places', ...KINDS].map((name) => startStation(calm, name)));
    await allThrough(calm, orders);
    await Promise.all(stations.map((station) => station.stop()));
    return calm;
  } catch (error) {
    await calm[Symbol.asyncDispose]();
    throw error;
  }
}

/** Resolves once so many orders stand in the first topic, and every station is at the end of its input. */
export async function allThrough(flow: FlowFixture, orders: number): Promise<void> {
  await until(`${orders} orders read`, async () => (await standing(flow)) >= orders, 120_000);
  for (const name of ['price', 'place', 'store']) await drained(flow, name, 120_000);
}

/** Records in the first topic, duplicates included. */
export async function standing({ clients, name }: FlowFixture): Promise<number> {
  return (await clients.admin.bounds(`${name}.ordered`)).reduce((sum, { low, high }) => sum + high - low, 0);
}

export { dropTable, rows };
