/** flows/payments/README.md as a reader does it: calls and an outbox in, screened, converted by rates that fail now and then, two ways on. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeadLetterGroup } from '@quadrille/replay/api';
import { guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { ExampleProject, Page } from './example-project.ts';

guardAgainstLeaks();

const CARDS = 600;
const TRANSFERS = 200;

class PaymentsProject extends ExampleProject {
  static async make(): Promise<PaymentsProject> {
    const { name, folder } = await ExampleProject.place();
    const project = new PaymentsProject(name, folder);
    await project.fill('payments', {
      'flow: payments': `flow: ${name}`,
      'schema: bank': `schema: ${name}`,
      "SCHEMA = 'bank'": `SCHEMA = '${name}'`,
      'CARDS = 3_000': `CARDS = ${CARDS}`,
      'TRANSFERS = 1_000': `TRANSFERS = ${TRANSFERS}`,
      'table: payments': `table: ${name}_books`,
    });
    return project;
  }

  /** What the desk holds, by id. */
  async cases(): Promise<Map<string, { suspicion: string }>> {
    const file = join(this.folder, '.quadrille/outside', this.name, 'cases.ndjson');
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    return new Map(lines.map((line) => JSON.parse(line)).map(({ id, value }) => [id, value]));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.sql(`DROP SCHEMA IF EXISTS ${this.name} CASCADE`);
    await this.sql(`DROP TABLE IF EXISTS ${this.name}_books`);
  }
}

test('every payment is in the books once or at the desk, or is a dead letter that is put right', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await PaymentsProject.make();
  const { name, flow } = project;
  const page = await Page.of('payments');
  const up = project.start('up', flow, '--outside');
  await up.says(`outside: the shops have reported ${CARDS} payments, 0 were refused`);

  await until('all judged', async () => {
    const { drained, stations } = await project.books();
    return drained && (stations.transfers?.received ?? 0) === TRANSFERS && (stations.books?.received ?? 0) > 0;
  });
  const groups = await until('all dead letters', async () => {
    const found = await project.json<DeadLetterGroup[]>('dlq', 'groups');
    const { stations } = await project.books();
    const rejected = (stations.screen?.rejected ?? 0) + (stations.convert?.rejected ?? 0);
    return found.reduce((sum, { count }) => sum + count, 0) >= rejected && rejected > 0 ? found : undefined;
  });
  assert.deepEqual(groups.map(({ code, field, station }) => `${station} ${code} ${field}`).sort(), [
    'convert LOOKUP_MISSING currency',
    'screen AMOUNT_INVALID amount',
  ]);

  const commands = page.commands('One after the other');
  assert.equal(commands.length, 4);
  for (const words of commands) {
    const ended = await project.type(...words.map((word) => (word === 'payments' ? name : word)));
    assert.equal(ended.code, 0, `${words.join(' ')}\n${ended.out}${ended.err}`);
  }
  const books = await project.type('flow', 'reconcile');
  assert.match(books.out, /dead letters: 0 open.*\n.*0 unaccounted/);

  const booked = await project.sql<{ _id: string; amount: string; rate: string; euros: string }>(
    `SELECT _id, amount, rate, euros FROM ${name}_books`,
  );
  const cases = await project.cases();
  const given = groups.find(({ code }) => code === 'AMOUNT_INVALID')!;
  const seen = new Set([...booked.map(({ _id }) => _id), ...cases.keys()]);
  assert.equal(seen.size, booked.length + cases.size, 'nothing is both booked and looked at');
  assert.ok(given.count > 0 && cases.size > 0);
  const all = [...Array(CARDS).keys()].map((n) => `c-${String(n).padStart(6, '0')}`);
  all.push(...[...Array(TRANSFERS).keys()].map((n) => `t-${String(n).padStart(6, '0')}`));
  const refused = (
    await project.json<{ recordId: string }[]>('dlq', 'list', '--state', 'discarded', '--limit', '1000')
  ).map(({ recordId }) => recordId);
  assert.deepEqual([...new Set([...seen, ...refused])].sort(), all.sort(), 'all that was paid, and nothing else');
  assert.ok(refused.every((id) => !seen.has(id)));
  for (const { amount, rate, euros } of booked)
    assert.ok(Math.abs(Number(amount) * Number(rate) - Number(euros)) <= 0.0051, `${amount} at ${rate} is ${euros}`);

  assert.equal((await project.type('down')).code, 0);
  assert.equal((await up.ended).code, 0, up.err);
});
