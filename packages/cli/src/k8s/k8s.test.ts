import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type EnricherSpec,
  type ExtractorSpec,
  type Flow,
  type LoaderSpec,
  loadRules,
  readFlow,
  readStation,
  type StationSpec,
  sourceTypes,
} from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { GRACE_MS, VERSION } from '@quadrille/station';
import { parseAllDocuments } from 'yaml';
import { rulesOf } from '../rule-files.ts';
import { schemasOf } from '../up/schemas.ts';
import { filesOfFlow, filesOfStation } from './flow-files.ts';
import { kafkaUser, partsOf } from './flow-parts.ts';
import { mostInstances } from './keda.ts';
import { DEFAULTS, type RenderOptions } from './options.ts';
import { connectionsOf, outsidePorts, variablesOf } from './outside.ts';
import { fitted, type Resource } from './resource.ts';
import { renderTree, type Tree } from './tree.ts';
import { differences, writeTree } from './write-tree.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const OPTIONS: RenderOptions = { ...DEFAULTS, version: VERSION, flowInImage: false };
const flights = await readFlow(join(ROOT, 'flows/flights'));
const scratch = mkdtempSync(join(tmpdir(), 'quadrille-k8s-'));
after(() => rmSync(scratch, { recursive: true }));

const rendered = ({ owned, started }: Tree, path: string): Resource[] =>
  parseAllDocuments((owned.get(path) ?? started.get(path))!).map((document) => document.toJS() as Resource);
const one = (resources: readonly Resource[], kind: string): Resource => {
  const found = resources.filter((resource) => resource.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0]!;
};

/** A copy of the flow that a test may change, with the schemas beside it. */
async function changed(change: (folder: string) => void): Promise<Flow> {
  const folder = mkdtempSync(join(scratch, 'flow-'));
  cpSync(join(ROOT, 'flows/flights/rules'), join(folder, 'rules'), { recursive: true });
  cpSync(join(ROOT, 'flows/flights/flow.yaml'), join(folder, 'flow.yaml'));
  cpSync(join(ROOT, 'schemas'), join(folder, 'schemas'), { recursive: true });
  change(folder);
  return readFlow(folder);
}
const edit = (file: string, from: string | RegExp, to: string): void => {
  const text = readFileSync(file, 'utf8');
  assert.notEqual(text.replace(from, to), text, 'the edit changes nothing');
  writeFileSync(file, text.replace(from, to));
};
const isUnfit =
  (said: RegExp) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === 'K8S_UNFIT' && said.test(error.message);

test('k8s/ is what the flow flights renders to', async () => {
  const tree = await renderTree(flights, OPTIONS);
  assert.deepEqual(differences(join(ROOT, 'k8s'), tree), [], 'run `node bin/quadrille.js k8s render flows/flights`');
  for (const [path, text] of tree.started)
    assert.equal(readFileSync(join(ROOT, 'k8s', path), 'utf8'), text, `remove k8s/${path} and render again`);
});

test('a station comes up from its ConfigMap alone, laid out as a volume is', async () => {
  // As the kubelet does it: files in a folder of their own time, and links to it.
  const app = join(scratch, 'app');
  const folder = join(app, 'flows/flights');
  mkdirSync(join(app, 'flows/flights/..data'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  const files = await filesOfStation(flights, flights.stations.get('locate')!);
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, '..data', path)), { recursive: true });
    writeFileSync(join(folder, '..data', path), text);
  }
  for (const top of new Set([...files.keys()].map((path) => path.split('/', 1)[0]!)))
    symlinkSync(join('..data', top), join(folder, top));
  const { flow, station } = await readStation(folder, 'locate');
  assert.deepEqual([...flow.stations.keys()], ['locate']);
  const [from] = [...flights.stations.values()].filter(({ name }) => name === 'locate');
  const { line: _, place: __, ...own } = station;
  const { line: ___, place: ____, ...whole } = from!;
  const text = (value: object): string =>
    JSON.stringify(value, (key, field) => (key === 'place' ? undefined : field)).replaceAll(flights.folder, folder);
  assert.equal(text(own), text(whole));
  const rules = rulesOf(flow, station, await schemasOf(flow))!;
  const loaded = await loadRules(rules.files, rules.context);
  assert.equal(loaded.length, 1);
  for (const rule of loaded) await rule.close();
});

test('what one station does not read does not change it (invariant 7)', async () => {
  const before = await changed(() => {});
  const other = await changed((folder) => {
    edit(join(folder, 'rules/arrival.ts'), 'const MINUTE = 60_000', 'const MINUTE = 60_001');
    edit(join(folder, 'flow.yaml'), 'table: flights', 'table: flown');
  });
  const bases = await Promise.all([before, other].map((flow) => renderTree(flow, OPTIONS)));
  const differing = [...bases[0]!.owned].filter(([path, text]) => bases[1]!.owned.get(path) !== text);
  assert.deepEqual(
    differing.map(([path]) => path),
    ['base/locate.yaml', 'base/warehouse.yaml', 'base/quadrille-replay.yaml', 'base/quadrille-provision.yaml'],
  );
});

test('imports of rules go along; those from outside of the flow are refused', async () => {
  const line = "import { rule } from '@quadrille/flow';\n";
  const flow = await changed((folder) => {
    mkdirSync(join(folder, 'rules/shared'));
    writeFileSync(join(folder, 'rules/shared/codes.ts'), "export * from './more.ts';\n");
    writeFileSync(join(folder, 'rules/shared/more.ts'), 'export const CODE = 1;\n');
    edit(join(folder, 'rules/cancelled.ts'), line, `${line}import { CODE } from './shared/codes.ts';\nvoid CODE;\n`);
  });
  const files = [...(await filesOfStation(flow, flow.stations.get('qualify')!)).keys()];
  assert.ok(files.includes('rules/shared/codes.ts') && files.includes('rules/shared/more.ts'), files.join());
  const outside = await changed((folder) => {
    writeFileSync(join(folder, '../outside.ts'), '');
    edit(join(folder, 'rules/cancelled.ts'), line, `${line}import '../../outside.ts';\n`);
  });
  await assert.rejects(filesOfFlow(outside), isUnfit(/outside of the folder/));
});

test('a flow too large for a ConfigMap is refused, and rendered with the flow in the images', async () => {
  const flow = await changed((folder) =>
    edit(join(folder, 'rules/cancelled.ts'), /$/, `// ${'x'.repeat(1_048_576)}\n`),
  );
  await assert.rejects(renderTree(flow, OPTIONS), isUnfit(/a ConfigMap takes 1048576/));
  const { owned } = await renderTree(flow, { ...OPTIONS, flowInImage: true });
  const all = [...owned.keys()].filter((path) => path.startsWith('base/')).flatMap((path) => owned.get(path)!);
  assert.ok(!all.some((text) => /kind: (ConfigMap|PersistentVolumeClaim)/.test(text)));
});

test('files beside the flow file have no folder to mount', async () => {
  const flow = await changed((folder) => edit(join(folder, 'flow.yaml'), 'data/airlines.csv', 'airlines.csv'));
  await assert.rejects(renderTree(flow, OPTIONS), isUnfit(/no folder of their own/));
});

test('a loader never has more connections than it may', async () => {
  const warehouse = flights.stations.get('warehouse')!;
  const most = (maxConnections: number): number => mostInstances(flights, warehouse, { ...OPTIONS, maxConnections });
  assert.deepEqual([2, 3, 5, 20].map(most), [1, 1, 2, 4]);
  assert.throws(() => most(1), isUnfit(/one instance takes 2 connections/));
  const { strategy } = one(rendered(await renderTree(flights, OPTIONS), 'base/warehouse.yaml'), 'Deployment')
    .spec as never as { strategy: { rollingUpdate: object } };
  assert.deepEqual(strategy.rollingUpdate, { maxSurge: 0, maxUnavailable: 1 });
});

test('what a source, lookup or target names by a variable becomes a secret, a port and a count of connections', async () => {
  const loader = { ...flights.stations.get('warehouse')! } as LoaderSpec;
  const http = {
    type: 'http',
    config: { address: 'API', secretHeaders: { 'x-key': 'API_KEY' }, oauth: { clientSecret: 'API_SECRET' } },
  };
  const names = (station: StationSpec): string[] => variablesOf(station).sort();
  assert.deepEqual(names(loader), ['DATABASE_URL']);
  assert.deepEqual(names({ ...loader, target: http }), ['API', 'API_KEY', 'API_SECRET']);
  assert.deepEqual(outsidePorts({ ...loader, target: http }), [443]);
  assert.deepEqual(
    [names(flights.stations.get('reported')!), outsidePorts(flights.stations.get('reported')!)],
    [[], []],
  );
  const reported = flights.stations.get('reported') as ExtractorSpec;
  for (const type of Object.keys(sourceTypes).filter((name) => name.startsWith('postgres'))) {
    const source = { type, config: { table: 'customers', address: 'CRM' } };
    assert.deepEqual([names({ ...reported, source }), outsidePorts({ ...reported, source })], [['CRM'], [5432]], type);
  }
  const locate = flights.stations.get('locate') as EnricherSpec;
  const asked = {
    name: 'rate',
    place: '',
    type: 'postgres',
    config: { query: 'select', address: 'RATES', connections: 3 },
    on: {},
    take: {},
    missing: 'null' as const,
    cache: { seconds: 1, missingSeconds: 1, rows: 1, staleWhileError: 0 },
  };
  const asking = { ...locate, lookups: [...locate.lookups, asked] };
  assert.deepEqual([names(asking), outsidePorts(asking), connectionsOf(asking)], [['RATES'], [5432], 3]);
});

test('a station that is called has a port, a Service before it, and takes calls of those who are let in', async () => {
  const extractor =
    'extractor: { type: webhook, listen: "127.0.0.1:8490", signature: { secret: HOOK }, idempotencyKey: Key }';
  const flow = await changed((folder) =>
    edit(join(folder, 'flow.yaml'), /extractor: \{ type: csv, path: data\/airlines\.csv[^}]*\}"? \}/, extractor),
  );
  const tree = await renderTree(flow, OPTIONS);
  const resources = rendered(tree, 'base/airlines.yaml');
  const services = resources.filter(({ kind }) => kind === 'Service');
  assert.deepEqual(
    services.map(({ metadata, spec }) => [metadata.name, (spec as { ports: unknown[] }).ports]),
    [
      ['flights-airlines-metrics', [{ name: 'metrics', port: 9464, targetPort: 'metrics' }]],
      ['flights-airlines', [{ name: 'http', port: 8490, targetPort: 'calls' }]],
    ],
  );
  const { template } = one(resources, 'Deployment').spec as never as {
    template: { spec: { containers: { ports: object[]; env: { name: string; value?: string }[] }[] } };
  };
  const [container] = template.spec.containers;
  assert.deepEqual(container!.ports[1], { name: 'calls', containerPort: 8490 });
  const value = (name: string): string | undefined => container!.env.find((each) => each.name === name)?.value;
  assert.equal(value('QUADRILLE_WEBHOOK'), '0.0.0.0:8490');
  assert.match(value('HOOK_FILE')!, /\/HOOK$/);
  const policies = rendered(tree, 'base/quadrille-network.yaml');
  const { spec } = policies.find(({ metadata }) => metadata.name === 'flights-calls-of-airlines')!;
  assert.deepEqual((spec as { ingress: { ports: object[] }[] }).ingress[0]!.ports, [{ protocol: 'TCP', port: 8490 }]);
  assert.deepEqual(outsidePorts(flow.stations.get('airlines')!), []);
});

test('a pod has more time to stop than its process takes', async () => {
  const tree = await renderTree(flights, OPTIONS);
  for (const { component } of partsOf(flights).slice(0, -1)) {
    const { template } = one(rendered(tree, `base/${component}.yaml`), 'Deployment').spec as never as {
      template: { spec: { terminationGracePeriodSeconds: number } };
    };
    assert.ok(template.spec.terminationGracePeriodSeconds * 1000 > GRACE_MS);
  }
});

test('each part has a Kafka user of its own', () => {
  const users = partsOf(flights).map(kafkaUser);
  assert.equal(new Set(users).size, users.length);
  assert.ok(users.includes('flights.qualify') && users.includes('quadrille.replay.flights'));
});

test('a station may not be called like a part of the engine', async () => {
  const flow = await changed((folder) => edit(join(folder, 'flow.yaml'), '  warehouse:', '  quadrille-replay:'));
  await assert.rejects(renderTree(flow, OPTIONS), isUnfit(/may not be called quadrille-replay/));
});

test('long names are cut, and stay different', () => {
  const long = 'a'.repeat(60);
  const [first, second] = [`${long}-first`, `${long}-second`].map((name) => fitted(name, 63));
  assert.ok(first!.length <= 63 && second!.length <= 63 && first !== second);
  assert.match(fitted('orders_v2.placed', 253), /^orders-v2\.placed-[0-9a-f]{8}$/);
  assert.equal(fitted('orders.placed', 253), 'orders.placed');
});

test('rendering again writes what changed, removes what is gone, keeps overlays and files of others', async () => {
  const folder = join(scratch, 'tree');
  const tree = await renderTree(flights, OPTIONS);
  writeTree(folder, tree, differences(folder, tree));
  assert.deepEqual(differences(folder, tree), []);
  writeFileSync(join(folder, 'overlays/local/kustomization.yaml'), '# mine\n');
  rmSync(join(folder, 'overlays/local/namespace.yaml'));
  writeFileSync(join(folder, 'base/mine.yaml'), '# mine\n');
  const flow = await changed((at) => edit(join(at, 'flow.yaml'), / {2}warehouse:[\s\S]*$/, ''));
  const fewer = await renderTree(flow, OPTIONS);
  const found = differences(folder, fewer);
  assert.ok(found.some(({ path, what }) => path === 'base/warehouse.yaml' && what === 'removed'));
  assert.ok(!found.some(({ path }) => path.startsWith('overlays/') || path.endsWith('mine.yaml')));
  writeTree(folder, fewer, found);
  assert.deepEqual(differences(folder, fewer), []);
  assert.equal(readFileSync(join(folder, 'overlays/local/kustomization.yaml'), 'utf8'), '# mine\n');
  writeFileSync(join(folder, 'base/qualify.yaml'), '# mine\n');
  assert.throws(() => differences(folder, fewer), isUnfit(/not one of the files that are rendered/));
});

test("another flow's tree is not overwritten", async () => {
  const folder = join(scratch, 'tree-of-flights');
  const tree = await renderTree(flights, OPTIONS);
  writeTree(folder, tree, differences(folder, tree));
  const orders = await changed((at) => edit(join(at, 'flow.yaml'), 'flow: flights', 'flow: orders'));
  const other = await renderTree(orders, OPTIONS);
  assert.throws(() => differences(folder, other), isUnfit(/it is of another flow/));
});
