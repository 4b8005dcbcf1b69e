/** What a deployment runs before its stations start: topics and schemas, without a database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardAgainstLeaks, noServers } from '../harness/index.ts';
import { TinyProject, Typed } from './command.ts';

guardAgainstLeaks();

interface Step {
  kind: string;
  name: string;
  state: string;
  partitions?: number;
}

test('topics and schemas are planned, made, and left alone the second time', {
  skip: noServers,
  timeout: 120_000,
}, async () => {
  await using project = await TinyProject.make();
  const { name } = project;
  const provision = async (...words: string[]) =>
    new Typed(project.folder, ['flow', 'provision', '.', ...words], { DATABASE_URL: undefined }).ended;
  const own = (out: string): Step[] => (JSON.parse(out) as Step[]).filter((step) => step.name.includes(name));
  const states = (steps: Step[]): string[] => [...new Set(steps.map(({ kind, state }) => `${kind} ${state}`))];

  const planned = await provision('-o', 'json');
  assert.equal(planned.code, 0, planned.err);
  assert.deepEqual(states(own(planned.out)), ['topic absent', 'schema absent']);
  assert.match(planned.err, /8 topics, 2 schemas to make: add --execute/);
  assert.deepEqual(states(own((await provision('-o', 'json')).out)), ['topic absent', 'schema absent']);

  const made = await provision('--execute');
  assert.equal(made.code, 0, made.err);
  assert.match(made.err, /8 topics, 2 schemas made/);
  const after = await provision('-o', 'json');
  assert.deepEqual(states(own(after.out)), ['topic present', 'schema present']);
  assert.match(after.err, /nothing to do/);
  assert.equal(own(after.out).find((step) => step.name === `${name}.sent`)?.partitions, 2);

  await project.edit(`schemas/${name}.sent.avsc`, (text) =>
    text.replace('"fields": [', '"fields": [\n    { "name": "added", "type": "string" },'),
  );
  const refused = await provision('--execute');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /SCHEMA_INCOMPATIBLE/);
  const still = own((await provision('-o', 'json')).out);
  assert.deepEqual(states(still), ['topic present', 'schema changed', 'schema present']);
});
