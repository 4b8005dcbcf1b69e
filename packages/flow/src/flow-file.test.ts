import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Fault, Faults } from '@quadrille/record';
import { generateTypes } from './avro/typescript.ts';
import { readFlow, readStation } from './flow-file.ts';
import { flowFileReference } from './flow-file-reference.ts';
import { flowSchema } from './flow-file-schema.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The flow flights in a folder of its own, with some of its text replaced. */
function flightsWith(t: TestContext, ...changes: [before: string, after: string][]): string {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-flow-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'schemas'), join(folder, 'schemas'), { recursive: true });
  cpSync(join(root, 'flows/flights/rules'), join(folder, 'flights/rules'), { recursive: true });
  let text = readFileSync(join(root, 'flows/flights/flow.yaml'), 'utf8');
  for (const [before, after] of changes) {
    assert.ok(text.includes(before), before);
    text = text.replace(before, after);
  }
  writeFileSync(join(folder, 'flights/flow.yaml'), text);
  return join(folder, 'flights');
}

async function faultsOf(reading: Promise<unknown>): Promise<readonly Fault[]> {
  const error = await reading.then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Faults, String(error));
  return error.faults;
}

const lineOf = (fault: Fault): number => Number(/:(\d+):\d+$/.exec(fault.place ?? '')?.[1]);

test('the flow flights is read whole', async () => {
  const flow = await readFlow(join(root, 'flows/flights'));
  assert.deepEqual(
    [...flow.stations.values()].map((station) => station.kind),
    [...Array(5).fill('extractor'), 'transformer', 'enricher', 'loader'],
  );
  const reported = flow.stations.get('reported');
  assert.ok(reported?.kind === 'extractor');
  assert.deepEqual(reported.source, { type: 'csv', config: { path: 'data/flights-2013-*.csv.gz' } });
  assert.deepEqual(
    { nulls: reported.nulls, version: reported.version, priority: reported.priority, start: reported.start },
    { nulls: ['NA'], version: undefined, priority: 0, start: 'earliest' },
  );
  const locate = flow.stations.get('locate');
  assert.ok(locate?.kind === 'enricher');
  assert.deepEqual(
    locate.lookups.map(({ name, missing }) => `${name}: ${missing}`),
    ['airline: reject', 'origin: reject', 'dest: reject', 'plane: null', 'weather: null'],
  );
  assert.deepEqual(flow.topics.get('airports.reported'), {
    name: 'airports.reported',
    partitions: 1,
    compacted: true,
    maxBytes: undefined,
    external: false,
    writers: ['airports'],
    readers: ['locate'],
  });
});

test('every problem at once, each at its line, with what to do', async (t) => {
  const folder = flightsWith(
    t,
    ['path: data/airlines.csv', 'pth: data/airlines.csv'],
    ['nulls: NA, id: "{faa}"', 'id: 7'],
    ['transformer: [', 'tranformer: ['],
    ['connections: 2', 'connections: two'],
  );
  const faults = await faultsOf(readFlow(folder));
  const text = readFileSync(join(folder, 'flow.yaml'), 'utf8').split('\n');
  for (const fault of faults) assert.equal(fault.code, 'FLOW_INVALID');
  const told = faults.map((fault) => [
    text[lineOf(fault) - 1]?.trim().split(/[:{ ]/)[0],
    fault.message.replace(/^[^:]*: /, ''),
    fault.help,
  ]);
  assert.deepEqual(
    told
      .filter(([, , help]) => /did you mean/.test(help as string))
      .map(([key, message, help]) => `${key} | ${message} | ${help}`),
    [
      'extractor | unknown key `pth` | did you mean `path`?',
      'tranformer | unknown key `tranformer` | did you mean `transformer`?',
    ],
  );
  for (const key of ['path', 'id', 'qualify', 'connections'])
    assert.ok(
      faults.some((fault) => fault.message.includes(`\`${key}\``)),
      key,
    );
});

test('the column is that of the key', async (t) => {
  const [fault] = await faultsOf(
    readFlow(flightsWith(t, ['    from: flights.enriched', '    from: flights.enriched\n    star: latest'])),
  );
  assert.match(fault?.place ?? '', /flow\.yaml:\d+:5$/);
  assert.match(fault?.help ?? '', /`start`/);
});

const semantic: [what: string, before: string, after: string, message: RegExp, help?: RegExp][] = [
  [
    'a topic nobody writes',
    'from: flights.qualified',
    'from: flights.qualfied',
    /nobody writes topic `flights.qualfied`/,
    /`flights.qualified`/,
  ],
  [
    'a topic without a schema',
    'to: weather.reported',
    'to: weather.observed',
    /weather\.observed has no schema/,
    /weather\.observed\.avsc/,
  ],
  ['a rule that is not there', 'rules/departure.ts', 'rules/departed.ts', /no file rules\/departed.ts/],
  ['an id of unknown fields', 'id: "{carrier}"', 'id: "{carier}"', /no field `carier`/, /`carrier`/],
  ['a version that is not ordered', 'id: "{carrier}"', 'version: name, id: "{carrier}"', /`name` is string/],
  ['a join on unknown fields', 'on: { faa: dest }', 'on: { fa: dst }', /no field `(fa|dst)`/],
  [
    'a join that can never match',
    'on: { faa: dest }',
    'on: { faa: distance }',
    /`faa` is string and `distance` is int/,
  ],
  [
    'a lookup that is not compacted',
    'planes.reported: { compacted: true, partitions: 1 }',
    'planes.reported: { partitions: 1 }',
    /`planes.reported` is not compacted/,
  ],
  [
    'settings of a topic nobody uses',
    'planes.reported: { compacted: true, partitions: 1 }',
    'planes.reported: { compacted: true }\n  plane.reported: {}',
    /no station reads or writes topic `plane.reported`/,
  ],
  ['the name of the engine', 'flow: flights', 'flow: quadrille', /no flow may be called/],
  ['a reserved topic', 'to: weather.reported', 'to: quadrille.ledger', /keeps for itself/],
  ['a circle', 'to: flights.qualified', 'to: flights.reported', /circle: qualify → qualify/],
  [
    'an empty window',
    'from: flights.enriched',
    'from: flights.enriched\n    stopTheLine: { rejects: 5, of: 2 }',
    /more rejects than it looks back/,
  ],
];

for (const [what, before, after, message, help] of semantic) {
  test(`refused: ${what}`, async (t) => {
    const faults = await faultsOf(readFlow(flightsWith(t, [before, after])));
    const fault = faults.find((candidate) => message.test(candidate.message));
    assert.ok(fault, faults.map((one) => one.format()).join('\n'));
    if (help) assert.match(fault.help, help);
    assert.ok(lineOf(fault) > 1, fault.place);
  });
}

test('a lookup whose null does not fit is refused, where no rule could mend it', async (t) => {
  const faults = await faultsOf(
    readFlow(
      flightsWith(
        t,
        ['    rules: [rules/arrival.ts]\n', ''],
        ['name: airline_name }, missing: reject', 'name: airline_name }, missing: null'],
      ),
    ),
  );
  assert.deepEqual(
    faults.map((fault) => /`(\w+)` of/.exec(fault.message)?.[1]),
    ['airline_name'],
  );
});

test('invalid YAML is told with its line', async (t) => {
  const faults = await faultsOf(readFlow(flightsWith(t, ['connections: 2 }', 'connections: 2'])));
  assert.equal(faults[0]?.code, 'FLOW_SYNTAX');
  assert.ok(lineOf(faults[0] as Fault) >= 59, faults[0]?.place);
});

test('no file, and a file that is no mapping', async (t) => {
  assert.deepEqual(
    (await faultsOf(readFlow('/nowhere'))).map((fault) => fault.code),
    ['FLOW_NOT_FOUND'],
  );
  const folder = flightsWith(t);
  for (const text of ['', '- a\n', 'text', 'flow: x\nstations: []\n', 'flow: x\nstations:\n  a:\n']) {
    writeFileSync(join(folder, 'flow.yaml'), text);
    assert.equal((await faultsOf(readFlow(folder)))[0]?.code, 'FLOW_INVALID', JSON.stringify(text));
  }
});

test('a running station is stopped by its own entry only', async (t) => {
  const graft = (entry: string): [string, string] => [
    '    from: flights.enriched\n',
    `    from: flights.enriched\n${entry}`,
  ];
  for (const entry of [
    '  second:\n    loadr: { type: nothing }\n',
    '  second: { loader: { type: postgres, table: x }, from: nobody.writes }\n',
    '  second: { loader: { type: postgres, table: x, from: }\n',
  ]) {
    const folder = flightsWith(t, graft(entry));
    await faultsOf(readFlow(folder));
    assert.equal((await readStation(folder, 'warehouse')).station.kind, 'loader', entry);
    await faultsOf(readStation(folder, 'second'));
  }
  const own = flightsWith(t, ['rules/departure.ts', 'rules/departed.ts']);
  assert.equal((await readStation(own, 'locate')).station.name, 'locate');
  assert.match((await faultsOf(readStation(own, 'qualify')))[0]?.message ?? '', /departed.ts/);
  assert.match((await faultsOf(readStation(own, 'qualfy')))[0]?.help ?? '', /`qualify`/);
});

test('what a target finds wrong with its entry is told with its place', async (t) => {
  const folder = flightsWith(t, ['table: flights,', 'table: flights, mode: history, validFrom: carrier,']);
  const [fault, ...others] = await faultsOf(readFlow(folder));
  assert.deepEqual(others, []);
  assert.match(fault?.message ?? '', /`carrier` is string/);
  assert.equal(fault?.help, 'take a date or a timestamp');
  assert.equal(lineOf(fault as Fault), 60);
  await faultsOf(readStation(folder, 'warehouse'));
});

test('what is generated is up to date: else run `node scripts/schemas.ts`', async () => {
  assert.deepEqual(
    JSON.parse(readFileSync(join(root, 'schemas/flow.schema.json'), 'utf8')),
    JSON.parse(JSON.stringify(flowSchema())),
  );
  assert.equal(readFileSync(join(root, 'docs/reference/flow-file.md'), 'utf8'), flowFileReference());
  for (const { file, isCurrent } of await generateTypes(join(root, 'schemas'))) assert.ok(isCurrent, file);
});
