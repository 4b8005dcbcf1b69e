import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readFlow } from '@quadrille/flow';
import { inspect } from '../check/inspect.ts';
import { drawing, mermaid } from '../graph.ts';
import { schemasOf } from '../up/schemas.ts';
import { junit } from './junit.ts';
import { runCases } from './run-cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'quadrille-cases-'));
after(() => rmSync(folder, { recursive: true }));
cpSync(fileURLToPath(new URL('../../../testing/fixtures/tiny', import.meta.url)), folder, { recursive: true });
mkdirSync(join(folder, 'cases'));

const schema = (name: string, ...fields: [string, unknown][]) =>
  JSON.stringify({ type: 'record', name, fields: fields.map(([field, type]) => ({ name: field, type })) });
writeFileSync(join(folder, 'schemas/tiny.towns.avsc'), schema('Town', ['town', 'string'], ['zone', 'int']));
writeFileSync(
  join(folder, 'schemas/tiny.zoned.avsc'),
  schema('Zoned', ['parcel', 'string'], ['town', 'string'], ['grams', 'int'], ['zone', ['null', 'int']]),
);
const FLOW = `flow: tiny
topics: { tiny.towns: { compacted: true, external: true } }
stations:
  parcels: { extractor: { type: csv, path: data/parcels.csv, id: "{parcel}" }, to: tiny.sent }
  weigh: { transformer: rules/weight.ts, from: tiny.sent, to: tiny.weighed }
  zone:
    enricher: { town: { topic: tiny.towns, on: { town: town }, take: { zone: zone }, missing: hold } }
    from: tiny.weighed
    to: tiny.zoned
  depot: { loader: { type: postgres, table: tiny }, from: tiny.zoned }
`;
writeFileSync(join(folder, 'flow.yaml'), FLOW);

async function run(text: string): Promise<{ name: string; told: string[] }[]> {
  writeFileSync(join(folder, 'cases/a.yaml'), text);
  const flow = await readFlow(folder);
  const outcomes = await runCases(flow, await schemasOf(flow));
  const prefix = `${relative('', join(folder, 'cases/a.yaml'))}:`;
  return outcomes.map(({ name, faults }) => ({
    name,
    told: faults.map(
      ({ code, place, message }) => `${code} ${place?.replace(prefix, '')} ${message.replace(/^.*?: /, '')}`,
    ),
  }));
}

test('records go from row to target through every judge, and every verdict is what was expected', async () => {
  const outcomes = await run(`
lookups:
  tiny.towns: [{ town: Graz, zone: 7 }]
cases:
  - name: all of them
    given:
      parcels:
        - { parcel: 007, town: Graz, grams: 100 }
        - { parcel: P2, town: Graz, grams: 0 }
        - { parcel: P3, town: Graz, grams: 30001 }
        - { parcel: P4, town: Graz, grams: many }
        - { parcel: P5, town: Nowhere, grams: 5 }
        - { parcel: P6, town: Graz, grams: 6 }
    expect:
      parcels: [{ pass: { $id: "7", grams: 100 } }, pass, pass, { reject: FIELD_INVALID, field: grams }, pass, pass]
      weigh: [pass, { drop: PARCEL_EMPTY }, { reject: PARCEL_TOO_HEAVY, field: grams }, pass, pass]
      zone: [{ pass: { zone: 7 } }, hold, pass]
      depot: { verdicts: [written, written], rows: [{ parcel: "7", zone: 7 }, { $id: P6 }] }
  - name: given in the middle, nothing left of the case before
    lookups: { tiny.towns: [{ town: Gent, zone: 1 }, { $id: "1", $version: 9, $deleted: true }] }
    given:
      weigh: [{ grams: 3, town: Gent }, { $id: gone, $deleted: true }]
      zone: [{ town: Graz }]
      depot:
        - { $id: a, $version: 2, zone: 1 }
        - { $id: a, $version: 1, zone: 2 }
        - { $id: a, $version: 2, zone: 1 }
        - { $id: a, $version: 2, zone: 5 }
        - { $id: a, $version: 3, $deleted: true }
    expect:
      weigh: [{ pass: { $id: "1", parcel: "" } }, { pass: { $deleted: true } }]
      zone: [hold, pass, { pass: { $id: gone, $deleted: true } }]
      depot:
        verdicts: [written, superseded, unchanged, written, written, written, written]
        rows: [{ $id: "1", zone: 1 }]
`);
  assert.deepEqual(outcomes, [
    { name: 'all of them', told: [] },
    { name: 'given in the middle, nothing left of the case before', told: [] },
  ]);
});

test('what does not hold is told at the line that expects it', async () => {
  const [outcome, quiet] = await run(`cases:
  - name: wrong
    lookups: { tiny.towns: [{ town: Graz, zone: 7 }] }
    given:
      weigh:
        - { $id: P1, grams: 1, town: Graz }
        - { $id: P2, grams: 0 }
        - { $id: P3, grams: 30001 }
    expect:
      weigh:
        - drop: PARCEL_EMPTY
        - pass: { grams: 0 }
        - reject: PARCEL_TOO_HEAVY
          field: town
      zone:
        - pass:
            zone: 8
            grams: 2
      depot:
        verdicts: []
        rows: [{ zone: 7 }, { zone: 7 }]
  - name: a reject that nobody expects
    given: { weigh: [{ grams: 30001 }] }
    expect: { zone: [] }
`);
  assert.deepEqual(outcome?.told, [
    'CASE_FAILED 11:11 wrong: weigh, record 1 (P1): passed, expected drop PARCEL_EMPTY',
    'CASE_FAILED 12:11 wrong: weigh, record 2 (P2): dropped with PARCEL_EMPTY, expected pass',
    'CASE_FAILED 13:11 wrong: weigh, record 3 (P3): rejected for field grams, expected town',
    'CASE_FAILED 16:11 wrong: zone, record 1 (P1): zone is 7, expected 8\ngrams is 1, expected 2',
    'CASE_FAILED 19:7 wrong: depot received 1 record, expected 0\n    1: written',
    'CASE_FAILED 21:9 wrong: depot holds 1 row, expected 2\n    P1',
  ]);
  assert.match(
    quiet?.told[0] ?? '',
    /^CASE_FAILED 24:5 .*weigh, record 1 \(1\): rejected with PARCEL_TOO_HEAVY .*nobody expects it/,
  );
});

test('a case file that cannot be used: every problem with line and help', async () => {
  assert.match((await run('cases:\n  - name: [x\n'))[0]?.told[0] ?? '', /^CASE_INVALID \d:\d/);
  const [form] = await run('cases:\n  - name: x\n    givn: {}\n    expect: { weigh: [{ pas: {} }] }\n');
  assert.deepEqual(
    form?.told.map((line) => line.replace(/^CASE_INVALID /, '')),
    [
      '2:5 item 1 of `cases` needs `given`',
      '3:5 unknown key `givn`',
      '4:23 item 1 of `weigh` has none of the forms it may have',
      '4:25 unknown key `pas`',
    ],
  );
  const [unknown] = await run(`lookups: { tiny.sent: [{}] }
cases:
  - name: x
    given: { weight: [{}], weigh: [{ gram: 1 }] }
    expect: { weigh: [written, { pass: { town: Graz, zone: 1 } }], zone: { rows: [{}] } }
`);
  assert.deepEqual(
    unknown?.told.map((line) => line.replace(/^CASE_INVALID /, '')),
    [
      '3:5 no lookup is made of topic `tiny.sent`',
      '4:14 there is no station `weight`',
      '4:38 tiny.sent has no field `gram`',
      '5:23 `weigh` is no loader: nothing is written',
      '5:32 tiny.weighed has no field `zone`',
      '5:76 `zone` is no loader and has no rows',
    ],
  );
});

test('JUnit XML: suites by file, failures with their text, nothing that XML does not allow', () => {
  const xml = junit('tiny', [
    { file: 'a.yaml', name: 'good', faults: [], milliseconds: 12 },
    {
      file: 'a.yaml',
      name: 'a < "b"\u0001',
      faults: [{ message: 'x & y', format: () => 'C a:1\n  help: <z>' } as never],
      milliseconds: 1,
    },
  ]);
  assert.match(xml, /<testsuites name="tiny" tests="2" failures="1" errors="0" time="0.013">/);
  assert.match(xml, /<testcase classname="a.yaml" name="good" time="0.012"\/>/);
  assert.match(xml, /name="a &lt; &quot;b&quot;\ufffd"/);
  assert.match(xml, /<failure message="x &amp; y">C a:1&#10; {2}help: &lt;z&gt;<\/failure>/);
});

test('a station that writes several topics: where each output goes, in the order of the rules', async () => {
  const routed = mkdtempSync(join(tmpdir(), 'quadrille-routed-'));
  after(() => rmSync(routed, { recursive: true }));
  cpSync(folder, routed, { recursive: true });
  const parcel: [string, unknown][] = [
    ['parcel', 'string'],
    ['town', 'string'],
    ['grams', 'int'],
  ];
  writeFileSync(join(routed, 'schemas/tiny.sent.avsc'), schema('Sent', ...parcel));
  writeFileSync(join(routed, 'schemas/tiny.heavy.avsc'), schema('Heavy', ...parcel, ['crane', 'boolean']));
  writeFileSync(
    join(routed, 'rules/heavy.ts'),
    `import { rule } from '@quadrille/flow';
import { to } from '@quadrille/record';
export default rule<any, any, { 'tiny.heavy': any }>({
  doc: 'Heavy ones go their own way, halves of twins too.',
  to: ['tiny.heavy'],
  apply(record) {
    if (record.parcel === 'twins') return [to('tiny.heavy', { ...record, crane: false }), record];
    return record.grams > 1000 ? to('tiny.heavy', { ...record, crane: true }) : record;
  },
  examples: [{ given: { grams: 1001 }, expect: to('tiny.heavy', { crane: true }) }],
});
`,
  );
  const stations = `flow: tiny
stations:
  parcels: { extractor: { type: csv, path: data/parcels.csv, id: "{parcel}" }, to: tiny.sent }
  part: { transformer: rules/heavy.ts, from: tiny.sent, to: [tiny.weighed, tiny.heavy] }
  crane: { transformer: rules/weight.ts, from: tiny.heavy, to: tiny.lifted }
`;
  writeFileSync(join(routed, 'schemas/tiny.lifted.avsc'), schema('Lifted', ...parcel, ['crane', 'boolean']));
  writeFileSync(join(routed, 'flow.yaml'), stations);
  const cases = `
cases:
  - name: apart
    given: { parcels: [{ parcel: a, town: x, grams: 5 }, { parcel: b, town: x, grams: 2000 }, { parcel: twins, town: x, grams: 9 }] }
    expect:
      part:
        - { pass: { $topic: tiny.weighed, grams: 5 } }
        - { pass: { $topic: tiny.heavy, crane: true, $id: b } }
        - { pass: [{ $topic: tiny.heavy, crane: false, $id: twins/0 }, { $topic: tiny.weighed, $id: twins/1 }] }
      crane: [pass, { pass: { $id: twins/0 } }]
  - name: elsewhere
    given: { part: [{ grams: 5 }, { $id: gone, $deleted: true }] }
    expect: { part: [{ pass: { $topic: tiny.heavy } }, { pass: [{ $deleted: true }, { $topic: tiny.heavy, $deleted: true }] }] }
`;
  rmSync(join(routed, 'cases'), { recursive: true });
  mkdirSync(join(routed, 'cases'));
  writeFileSync(join(routed, 'cases/a.yaml'), cases);
  const flow = await readFlow(routed);
  const [apart, elsewhere] = await runCases(flow, await schemasOf(flow));
  assert.deepEqual(apart!.faults, []);
  assert.deepEqual(
    elsewhere!.faults.map(({ message }) => message.replace(/^.*?: /, '')),
    ['elsewhere: part, record 1 (1): it goes to tiny.weighed, expected tiny.heavy'],
  );
  /** Without what these short schemas do not say of themselves. */
  const problems = async (): Promise<string[]> =>
    (await inspect(routed)).faults
      .filter(({ message }) => !message.startsWith('schema does not say'))
      .map(({ message, help }) => `${message.replace(/^.*?: /, '')} | ${help}`);
  assert.deepEqual(await problems(), []);
  assert.match(mermaid(flow), /s_part --> t_tiny_weighed\n {2}s_part --> t_tiny_heavy/);
  assert.match(
    drawing(flow),
    /part \[transformer\] → tiny.weighed, tiny.heavy\n.*tiny.weighed\n.*tiny.heavy\n.*crane \[transformer\]/,
  );

  writeFileSync(join(routed, 'cases/a.yaml'), cases.replaceAll('$topic: tiny.heavy', '$topic: tiny.heavi'));
  writeFileSync(
    join(routed, 'flow.yaml'),
    stations.replace('[tiny.weighed, tiny.heavy]', '[tiny.weighed, tiny.lifted]'),
  );
  const told = await problems();
  assert.ok(
    told.includes('the station does not write topic `tiny.heavy` | one of: tiny.weighed, tiny.lifted'),
    told.join(),
  );

  writeFileSync(join(routed, 'cases/a.yaml'), cases);
  writeFileSync(join(routed, 'rules/plain.ts'), 'export default { doc: "x", apply: (r) => r, examples: [] };');
  writeFileSync(join(routed, 'flow.yaml'), stations.replace('rules/heavy.ts', 'rules/plain.ts'));
  const unused = (await problems()).map((each) => each.split(' | ')[0]);
  assert.deepEqual(unused, ['no rule sends anything to topic `tiny.heavy`']);
});

test('what keeps state begins empty in each case, and every record sees those before it', async () => {
  const kept = mkdtempSync(join(tmpdir(), 'quadrille-kept-'));
  after(() => rmSync(kept, { recursive: true }));
  mkdirSync(join(kept, 'schemas'));
  mkdirSync(join(kept, 'cases'));
  const time = { type: 'long', logicalType: 'timestamp-millis' };
  writeFileSync(
    join(kept, 'schemas/shop.paid.avsc'),
    schema('Paid', ['payment', 'string'], ['customer', 'string'], ['amount', 'long'], ['paid_at', time]),
  );
  writeFileSync(
    join(kept, 'schemas/shop.hourly.avsc'),
    schema(
      'Hourly',
      ['customer', 'string'],
      ['hour', time],
      ['payments', 'long'],
      ['total', 'long'],
      ['largest', 'long'],
    ),
  );
  const page = readFileSync(new URL('../../../../docs/how-to/deduplicate-and-window.md', import.meta.url), 'utf8');
  const [declared, cases] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml!);
  writeFileSync(join(kept, 'flow.yaml'), `flow: shop\n${declared!.replace('      - rules/paid.ts\n', '')}`);
  writeFileSync(
    join(kept, 'cases/a.yaml'),
    `${cases}${cases!.slice(cases!.indexOf('\n') + 1).replace('an hour', 'again')}`,
  );
  const flow = await readFlow(kept);
  const outcomes = await runCases(flow, await schemasOf(flow));
  assert.deepEqual(
    outcomes.map(({ name, faults }) => [name, faults.map(({ message }) => message)]),
    [
      ['an hour', []],
      ['again', []],
    ],
  );
});

test('a SQL rule behind the joins reads lookups by any of their fields, typed by the schema of their topic', async () => {
  const joined = mkdtempSync(join(tmpdir(), 'quadrille-joined-'));
  after(() => rmSync(joined, { recursive: true }));
  cpSync(folder, joined, { recursive: true });
  rmSync(join(joined, 'cases'), { recursive: true });
  mkdirSync(join(joined, 'cases'));
  writeFileSync(
    join(joined, 'schemas/tiny.towns.avsc'),
    schema('Town', ['town', 'string'], ['zone', 'int'], ['land', 'string']),
  );
  writeFileSync(
    join(joined, 'flow.yaml'),
    FLOW.replace('missing: hold } }', 'missing: null } }\n    rules: [rules/abroad.sql]'),
  );
  const query = (land: string): string => `-- doc: Parcels abroad, but not those to the islands, cost a zone more.
select row, case when t.${land} like 'A%' or t.town in ('Graz', 'Linz') and not t.land like '%island%' then t.zone else t.zone + 1 end as zone
from input left join town t on t.town = input.town`;
  writeFileSync(join(joined, 'rules/abroad.sql'), query('land'));
  writeFileSync(
    join(joined, 'cases/a.yaml'),
    `
lookups: { tiny.towns: [{ town: Graz, zone: 7, land: Styria }, { town: Gent, zone: 1, land: Flanders }, { town: Arras, zone: 4, land: Artois }] }
cases:
  - name: joined
    given: { zone: [{ town: Graz }, { town: Gent }, { town: Arras }, { town: Nowhere }] }
    expect: { zone: [{ pass: { zone: 7 } }, { pass: { zone: 2 } }, { pass: { zone: 4 } }, { pass: { zone: null } }] }
`,
  );
  const flow = await readFlow(joined);
  const [outcome] = await runCases(flow, await schemasOf(flow));
  assert.deepEqual(outcome!.faults, []);
  const problems = async (): Promise<string[]> =>
    (await inspect(joined)).faults.filter(({ code }) => code === 'SQL_INVALID').map(({ message }) => message);
  assert.deepEqual(await problems(), []);
  writeFileSync(join(joined, 'rules/abroad.sql'), query('country'));
  assert.match((await problems())[0]!, /country/);
  writeFileSync(join(joined, 'rules/abroad.sql'), query('zone'));
  assert.match((await problems())[0]!, /No function matches|like|~~/i);
});
