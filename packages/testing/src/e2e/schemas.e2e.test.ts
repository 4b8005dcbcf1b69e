/** Schemas checked, compared and registered by a build server, which reaches the registry and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardAgainstLeaks, noServers } from '../harness/index.ts';
import { type Ended, TinyProject, Typed } from './command.ts';

guardAgainstLeaks();

test('a plan, then the versions; what breaks any of them is told, and never registered', {
  skip: noServers,
  timeout: 120_000,
}, async () => {
  await using project = await TinyProject.make();
  const { name } = project;
  const schemas = (...words: string[]): Promise<Ended> =>
    new Typed(project.folder, ['schemas', ...words], { DATABASE_URL: undefined, KAFKA_BROKERS: undefined }).ended;
  const states = ({ out }: Ended): string[] =>
    (JSON.parse(out) as { subject: string; state: string; latest?: number; changes?: number }[])
      .filter(({ subject }) => subject.includes(name))
      .map(({ state, latest, changes }) => `${state} ${latest} ${changes}`);
  const edit = (from: string, to: string) =>
    project.edit(`schemas/${name}.sent.avsc`, (text) => text.replace(from, to));

  assert.equal((await schemas('check', '.')).code, 0);
  assert.deepEqual(states(await schemas('push', '.', '-o', 'json')), [
    'absent undefined undefined',
    'absent undefined undefined',
  ]);
  const pushed = await schemas('push', '.', '--execute');
  assert.equal(pushed.code, 0, pushed.err);
  const again = await schemas('push', '.', '-o', 'json');
  assert.deepEqual(states(again), ['present 1 0', 'present 1 0']);
  assert.match(again.err, /nothing to do/);

  // A second version, then a third that only the first breaks on.
  await edit(', "type": "int", "doc": "Weight."', ', "type": ["null", "int"], "doc": "Weight.", "default": null');
  assert.equal((await schemas('diff', '.')).code, 0);
  assert.deepEqual(states(await schemas('push', '.', '--execute', '-o', 'json')), ['changed 1 2', 'present 1 0']);
  await edit('"name": "town"', '"name": "place", "aliases": ["town"]');
  assert.equal((await schemas('push', '.', '--execute')).code, 0);
  await edit(', "aliases": ["town"]', '');
  const diff = await schemas('diff', '.', '-o', 'json');
  assert.equal(diff.code, 1);
  const rows = JSON.parse(diff.out) as { path: string; change: string; breaks: { version: number }[] }[];
  // With the latest version it would do: the name is the same there.
  const [row] = rows.filter(({ breaks }) => breaks.length > 0);
  assert.deepEqual([row?.path, row?.change, row?.breaks[0]?.version], ['place', 'unchanged', 1]);
  for (const command of ['check', 'push']) {
    const refused = await schemas(command, '.', ...(command === 'push' ? ['--execute'] : []));
    assert.equal(refused.code, 1, command);
    assert.match(refused.err, /SCHEMA_INCOMPATIBLE .*\.avsc:10:5.*`place`.*\(version 1 of /);
  }
  await edit('"name": "place"', '"name": "place", "aliases": ["town"]');
  assert.deepEqual(states(await schemas('push', '.', '-o', 'json')), ['present 3 0', 'present 1 0']);
});
