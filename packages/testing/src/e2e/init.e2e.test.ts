/** A new flow in a folder where nothing else is: made, checked, tested, run to its end. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from 'pg';
import { givenAddresses, guardAgainstLeaks, noServers, ROOT, until } from '../harness/index.ts';
import { Project } from './command.ts';

guardAgainstLeaks();

class NewProject extends Project {
  static async make(): Promise<NewProject> {
    const { name, folder } = await Project.place();
    await rm(join(folder, 'node_modules'));
    return new NewProject(name, folder);
  }

  async rows(): Promise<unknown[]> {
    return this.#sql(`SELECT "order", total_cents FROM ${this.name}_orders ORDER BY 1`);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#sql(`DROP TABLE IF EXISTS ${this.name}_orders`);
  }

  async #sql(text: string): Promise<unknown[]> {
    const client = new Client({ connectionString: givenAddresses().databaseUrl });
    await client.connect();
    try {
      return (await client.query({ text, rowMode: 'array' })).rows ?? [];
    } finally {
      await client.end();
    }
  }
}

test('init, check, test, up: balanced, without a line written', { skip: noServers, timeout: 240_000 }, async () => {
  await using project = await NewProject.make();
  const { name } = project;
  const made = await project.type('init', name);
  assert.equal(made.code, 0, made.err);
  const written = made.out.trim().split('\n');
  assert.ok(written.includes(`${name}/flow.yaml`) && written.includes(`${name}/schemas/${name}.placed.ts`), made.out);
  assert.match((await project.type('init', name)).err, /is there already\n {2}help: choose another name/);

  const checked = await project.type('check', name);
  assert.equal(checked.code, 0, checked.err);
  assert.match(checked.out, /3 stations, 2 topics, 1 rules, 2 cases/);
  assert.match((await project.type('test', name)).out, /3 examples and 2 cases hold/);
  const types = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(project.folder, name)], {
    encoding: 'utf8',
  });
  assert.equal(types.status, 0, types.stdout);

  const up = await project.type('up', name, '--exit-when-drained', '--report', 'report.json');
  assert.equal(up.code, 0, up.err);
  const report = JSON.parse(await readFile(join(project.folder, 'report.json'), 'utf8'));
  assert.deepEqual([report.balanced, report.unaccounted], [true, 0]);
  const { received, passed, dropped, rejected } = report.stations.priced;
  assert.deepEqual([received, passed, dropped, rejected], [7, 5, 1, 1]);
  assert.equal(report.stations.placed.rejected, 1);
  assert.deepEqual(await project.rows(), [
    ['1001', '2500'],
    ['1002', '9900'],
    ['1003', '5400'],
    ['1004', '9300'],
    ['1006', '64900'],
  ]);
});

test('types and tests follow changes until they are stopped', { skip: noServers, timeout: 120_000 }, async () => {
  await using project = await NewProject.make();
  const { name } = project;
  assert.equal((await project.type('init', name)).code, 0);

  const types = project.start('types', name, '--watch');
  await types.says('2 files are up to date');
  const schema = `${name}/schemas/${name}.priced.avsc`;
  const add = (text: string): string =>
    text.replace(
      '"fields": [',
      '"fields": [\n    { "name": "note", "type": ["null", "string"], "doc": "N.", "default": null },',
    );
  await project.edit(schema, add);
  const generated = join(project.folder, `${name}/schemas/${name}.priced.ts`);
  await until('types with the new field', async () =>
    (await readFile(generated, 'utf8')).includes('note: string | null'),
  );

  const tests = project.start('test', name, '--watch');
  await tests.says('waiting for changes');
  assert.match(tests.out, /3 examples and 2 cases hold/);
  await project.edit(`${name}/rules/priced.ts`, (text) =>
    text.replace('quantity * unit_cents }', 'quantity + unit_cents }'),
  );
  await tests.says(/CASE_FAILED .*cases\/orders\.yaml:9:16: .*\n?total_cents is 1252, expected 2500/);
  for (const typed of [types, tests]) {
    typed.child.kill('SIGINT');
    assert.equal((await typed.ended).code, 0, typed.err);
  }
});
