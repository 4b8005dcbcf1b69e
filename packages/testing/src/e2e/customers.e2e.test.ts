/** flows/customers/README.md as a reader does it: a migration out of a system that goes on working, with what it leaves behind. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeadLetterGroup } from '@quadrille/replay/api';
import { guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { ExampleProject, Page } from './example-project.ts';

guardAgainstLeaks();

class CustomersProject extends ExampleProject {
  static async make(): Promise<CustomersProject> {
    const { name, folder } = await ExampleProject.place();
    const project = new CustomersProject(name, folder);
    await project.fill('customers', {
      'flow: customers': `flow: ${name}`,
      'schema: legacy': `schema: ${name}`,
      "SCHEMA = 'legacy'": `SCHEMA = '${name}'`,
      'CUSTOMERS = 20_000': 'CUSTOMERS = 3_000',
      'CHANGES = 250': 'CHANGES = 60',
      crm_customers: `${name}_crm`,
    });
    return project;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    const slot = `quadrille_${this.name}_legacy`;
    await this.sql(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}'`);
    await this.sql(`DROP PUBLICATION IF EXISTS ${slot}`);
    await this.sql(`DROP SCHEMA IF EXISTS ${this.name} CASCADE`);
    await this.sql(`DROP TABLE IF EXISTS ${this.name}_crm, ${this.name}_mailing`);
  }
}

test('a migration beside work that goes on: set aside, corrected, replayed, a second target grafted half-way', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await CustomersProject.make();
  const { name, flow } = project;
  const page = await Page.of('customers');
  const up = project.start('up', flow, '--outside');
  await up.says('4 clerks have made 240 changes');
  const counted = (): Promise<{ count: number; deleted: number }[]> =>
    project.sql(`SELECT count(*)::int AS count FROM ${name}.customers`);
  await until('all judged', async () => {
    const { drained, stations } = await project.books();
    return drained && (stations.legacy?.received ?? 0) > 3_000 && (stations.crm?.received ?? 0) > 0;
  });

  const groups = await until('all dead letters', async () => {
    const found = await project.json<DeadLetterGroup[]>('dlq', 'groups');
    const { stations } = await project.books();
    const rejected = (stations.qualify?.rejected ?? 0) + (stations.settle?.rejected ?? 0);
    return found.reduce((sum, { count }) => sum + count, 0) === rejected ? found : undefined;
  });
  assert.deepEqual(groups.map(({ code, field, station }) => `${station} ${code} ${field}`).sort(), [
    'qualify BORN_INVALID born',
    'qualify CREDIT_INVALID credit',
    'qualify EMAIL_INVALID email',
    'settle LOOKUP_MISSING country_as_written',
  ]);

  // The second target, while the first is being put right.
  await project.edit(`${flow}/flow.yaml`, (text) =>
    `${text.trimEnd()}\n${page.block('a few lines more')}`
      .replace('from: customers.settled', `from: ${project.topic('customers.settled')}`)
      .replace('crm_mailing', `${name}_mailing`),
  );
  await up.says('mailing is new in the flow file: started');

  await writeFile(join(project.folder, flow, 'data/countries-old-names.csv'), page.block('countries-old-names.csv`'));
  await until('four names more', async () => ((await project.books()).stations.countries?.received ?? 0) === 25 + 4);
  const commands = page.commands('one after the other');
  assert.equal(commands.length, 6);
  for (const words of commands) {
    const ended = await project.type(...words.map((word) => (word === 'customers' ? name : word)));
    assert.equal(ended.code, 0, `${words.join(' ')}\n${ended.out}${ended.err}`);
  }

  await until('everything further down', async () => (await project.books()).drained);
  const books = await project.type('flow', 'reconcile');
  assert.equal(books.code, 0, books.out + books.err);
  assert.match(books.out, /dead letters: 0 open.*\n.*0 unaccounted/);

  // Whoever is in the old system, is no test account and was not given up, is in the new one; nobody else is.
  const [old] = await counted();
  const [{ strangers, missing }] = (await project.sql<{ strangers: number; missing: number }>(`
    WITH meant AS (
      SELECT * FROM ${name}.customers
      WHERE NOT coalesce(lower(email) LIKE '%@example.%', false) AND NOT (lower(name) LIKE 'test %' AND status = 'X')
        AND born NOT IN ('31.02.1970', '00.05.1962', '1959-13-01')
    ), standing AS (SELECT * FROM ${name}_crm WHERE NOT _deleted)
    SELECT (SELECT count(*) FROM standing s WHERE NOT EXISTS
             (SELECT FROM meant m WHERE m.customer_no = s.customer_no AND m.changed = s.changed))::int AS strangers,
           (SELECT count(*) FROM meant m WHERE NOT EXISTS
             (SELECT FROM standing s WHERE m.customer_no = s.customer_no))::int AS missing`)) as [
    { strangers: number; missing: number },
  ];
  assert.deepEqual({ strangers, missing }, { strangers: 0, missing: 0 }, `${old!.count} in the old system`);
  const [same] = await project.sql<{ crm: number; mailing: number }>(`
    SELECT (SELECT count(*)::int FROM ${name}_crm WHERE NOT _deleted) AS crm,
           (SELECT count(*)::int FROM ${name}_mailing WHERE NOT _deleted) AS mailing`);
  assert.equal(same!.mailing, same!.crm);

  assert.equal((await project.type('down')).code, 0);
  assert.equal((await up.ended).code, 0, up.err);
});
