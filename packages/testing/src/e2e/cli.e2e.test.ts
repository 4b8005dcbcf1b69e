/** What a user does with the command on a small flow, from the first check to the end of `up`. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeadLetter } from '@quadrille/replay/api';
import { guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { TinyProject } from './command.ts';

guardAgainstLeaks();

interface Report {
  balanced: boolean;
  unaccounted: number;
  stations: Record<string, Record<string, number>>;
  run: { stations: Record<string, Record<string, number>> };
  edges: Record<string, number | string>[];
  deadLetters: Record<string, number>;
}

test('a flow is checked, run to its end, run again, and looked into', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await TinyProject.make();
  const { name } = project;
  assert.match((await project.type('check', '.')).out, /^OK flow\.yaml: 3 stations, 2 topics, 1 rules/);
  assert.match((await project.type('test', '.')).out, /3 examples and 0 cases hold/);

  const first = await project.type('up', '.', '--exit-when-drained', '--report', 'report.json');
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /balanced: every edge and station adds up, 0 unaccounted/);
  assert.match(first.out, /First rows loaded at \d{4}-\d\d-\d\dT/);
  const report = JSON.parse(await readFile(join(project.folder, 'report.json'), 'utf8')) as Report;
  assert.deepEqual([report.balanced, report.unaccounted], [true, 0]);
  assert.deepEqual(report.stations, {
    parcels: { kind: 'extractor', received: 50, passed: 49, dropped: 0, rejected: 1, inFlight: 0 },
    weigh: { kind: 'transformer', received: 49, passed: 41, dropped: 5, rejected: 3, inFlight: 0 },
    depot: {
      kind: 'loader',
      received: 41,
      written: 41,
      unchanged: 0,
      superseded: 0,
      conflicts: 0,
      rejected: 0,
      inFlight: 0,
    },
  });
  assert.deepEqual(report.deadLetters, { open: 4, corrected: 0, replaying: 0, resolved: 0, discarded: 0 });
  assert.deepEqual(
    report.edges.map(({ topic, station, claimed, verdicts }) => [topic, station, claimed, verdicts]),
    [
      [`${name}.sent`, 'weigh', 49, 49],
      [`${name}.weighed`, 'depot', 41, 41],
    ],
  );
  assert.deepEqual(await project.stations(), []);

  const second = await project.type('up', '.', '--exit-when-drained');
  assert.equal(second.code, 0, second.err);
  assert.match(second.out, /^Nothing new/);

  const again = await project.type('up', '.', '--exit-when-drained', '--again', '--report', 'again.json');
  assert.equal(again.code, 0, again.err);
  const { depot } = (JSON.parse(await readFile(join(project.folder, 'again.json'), 'utf8')) as Report).run.stations;
  assert.deepEqual([depot?.received, depot?.written, depot?.unchanged], [41, 0, 41]);

  const groups = await project.json<{ code: string; field: string; count: number; station: string }[]>(
    'dlq',
    'groups',
    '--topic',
    `${name}.sent`,
  );
  assert.deepEqual(
    groups.map(({ code, field, count, station }) => [code, field, count, station]),
    [
      // Extracted again they are the same dead letters; rows that never got an id are known by their place.
      ['PARCEL_TOO_HEAVY', 'grams', 3, 'weigh'],
      ['FIELD_INVALID', 'grams', 2, 'parcels'],
    ],
  );
  const letters = await project.json<DeadLetter[]>(
    'dlq',
    'list',
    '--topic',
    `${name}.sent`,
    '--code',
    'PARCEL_TOO_HEAVY',
  );
  assert.deepEqual(letters.map(({ key }) => key).sort(), ['P007', 'P023', 'P041']);
  const [letter] = letters;
  assert.ok(letter);
  const { topic, partition, offset } = letter.at;
  const shown = await project.type('dlq', 'show', `${topic}[${partition}]@${offset}`);
  assert.equal((await project.type('dlq', 'show', letter.id.slice(0, 8))).out, shown.out);
  assert.equal((await project.type('dlq', 'show', letter.recordId!)).out, shown.out);
  assert.match(shown.out, /code: +PARCEL_TOO_HEAVY \(rule\)/);
  assert.match(shown.out, /grams +int +\d+ +Weight\./);
  const raw = await project.type(
    'dlq',
    'list',
    '--topic',
    `${name}.sent`,
    '--code',
    'FIELD_INVALID',
    '--limit',
    '1',
    '-o',
    'wide',
  );
  assert.match(raw.out, /FIELD_INVALID +grams +parcels/);

  const tail = await project.type('topic', 'tail', `${name}.weighed`, '--from-beginning', '--limit', '3');
  const records = tail.out
    .trim()
    .split('\n')
    .map(
      (line) => JSON.parse(line) as { value: { town: string }; headers: { quadrille: { from: { topic: string } } } },
    );
  assert.equal(records.length, 3);
  assert.equal(records[0]?.headers.quadrille.from.topic, `${name}.sent`);
  assert.equal(typeof records[0]?.value.town, 'string');

  const reconciled = await project.json<Report>('flow', 'reconcile', '.');
  assert.equal(reconciled.balanced, true);
  assert.match(
    (await project.type('topic', 'tail', `${name}.weighd`)).err,
    new RegExp(`NOT_FOUND.*\\n.*did you mean \`${name}\\.weighed\``),
  );
});

test('up stays: stations are added, paused, killed; down ends it all', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await TinyProject.make();
  const { name } = project;
  const up = project.start('up', '.');
  await up.says(/depot 41 \(/);

  await project.edit(
    'flow.yaml',
    (text) => `${text}  broken:\n    loader: { type: postgrs, table: x }\n    from: ${name}.weighed\n`,
  );
  await up.says(/everything goes on as it was\nFLOW_INVALID flow\.yaml:\d+:\d+: .*`type` is "postgrs"/);
  const before = await project.stations();
  assert.equal(before.length, 3);
  await project.edit('flow.yaml', (text) =>
    text.replace(
      / {2}broken:[\s\S]*/,
      `  second:\n    loader: { type: postgres, table: ${name}_second }\n    from: ${name}.weighed\n`,
    ),
  );
  await up.says('second is new in the flow file: started');
  await up.says(/second 41 \(/);
  const after = await project.stations();
  assert.deepEqual(
    before.filter((pid) => !after.includes(pid)),
    [],
    'no other station has restarted',
  );

  assert.equal((await project.type('station', 'pause', '.', 'depot', '--reason', 'counting')).code, 0);
  await up.says(/depot is paused: PAUSED .*counting/);
  const stations = await project.json<{ name: string; state: string; reason: string | null }[]>('station', 'list');
  assert.equal(stations.find((each) => each.name === 'depot')?.state, 'paused');
  assert.equal(stations.find((each) => each.name === 'weigh')?.state, 'running');
  assert.equal((await project.type('station', 'resume', '.', 'depot')).code, 0);
  await up.says('depot goes on');

  process.kill(after[0] as number, 'SIGKILL');
  await up.says(/ended \(SIGKILL\), starts again/);
  await until('four stations again', async () => (await project.stations()).length === 4);

  await project.edit('flow.yaml', (text) => text.replace(/ {2}second:[\s\S]*/, ''));
  await up.says('second is no longer in the flow file: ended');
  await until('three stations', async () => (await project.stations()).length === 3);
  const plan = await project.type('station', 'remove', 'second');
  assert.equal(plan.code, 0, plan.err);
  assert.match(plan.out, new RegExp(`^${name}\\.second +delete +consumer group$`, 'm'));
  assert.equal((await project.type('station', 'remove', 'second', '--execute')).code, 0);
  const { balanced } = await project.json<{ balanced: boolean }>('flow', 'reconcile');
  assert.equal(balanced, true);

  const down = await project.type('down');
  assert.equal(down.code, 0, down.err);
  assert.equal((await up.ended).code, 0);
  assert.deepEqual(await project.stations(), []);
  assert.match((await project.type('down')).err, /nothing runs/);
});

test('stations end with an `up` that is killed, and Ctrl-C on a run to the end is 2', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await TinyProject.make();
  const killed = project.start('up', '.');
  await killed.says(/depot 41 \(/);
  assert.equal((await project.stations()).length, 3);
  assert.equal((await project.type('station', 'pause', '.', 'weigh')).code, 0);
  killed.child.kill('SIGKILL');
  await killed.ended;
  await until('no station', async () => (await project.stations()).length === 0);

  // With a station paused the run does not come to its end before it is cancelled.
  const cancelled = project.start('up', '.', '--exit-when-drained', '--report', 'never.json');
  await cancelled.says(/^(?!.*starting).*weigh .*paused.*$/m);
  cancelled.child.kill('SIGINT');
  assert.equal((await cancelled.ended).code, 2);
  assert.ok(!existsSync(join(project.folder, 'never.json')));
  assert.deepEqual(await project.stations(), []);
});

test('what is wrong is told before anything runs, and a station that cannot run ends a run with 1', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await TinyProject.make();
  const { name } = project;
  assert.equal((await project.type('up', '.', '--exit-when-drained')).code, 0);

  await project.edit(`schemas/${name}.weighed.avsc`, (text) =>
    text.replace('"name": "grams", "type": "int"', '"name": "grams", "type": "string"'),
  );
  const incompatible = await project.type('up', '.', '--exit-when-drained');
  assert.equal(incompatible.code, 1);
  assert.match(
    incompatible.err,
    new RegExp(`SCHEMA_INCOMPATIBLE schemas/${name}\\.weighed\\.avsc:\\d+:\\d+: .*field \`grams\``),
  );
  assert.match((await project.type('check', '.')).err, /SCHEMA_INCOMPATIBLE/);
  await project.edit(`schemas/${name}.weighed.avsc`, (text) =>
    text.replace('"name": "grams", "type": "string"', '"name": "grams", "type": "int"'),
  );

  await project.edit('flow.yaml', (text) =>
    text.replace(`${name}.sent: { partitions: 2 }`, `${name}.sent: { partitions: 3 }`),
  );
  const settings = await project.type('up', '.', '--exit-when-drained');
  assert.equal(settings.code, 1);
  assert.match(settings.err, /TOPIC_SETTINGS .*has 2 partitions, the flow file says 3/);
  await project.edit('flow.yaml', (text) => text.replace('partitions: 3', 'partitions: 2'));

  await project.edit('rules/weight.ts', (text) =>
    text.replace('export default rule', 'export const notDefault = rule'),
  );
  const failed = await project.type('up', '.', '--exit-when-drained', '--report', 'failed.json');
  assert.equal(failed.code, 1);
  assert.match(failed.err, /weigh cannot run and is not started again:\nRULE_INVALID/);
  assert.deepEqual(await project.stations(), []);
});
