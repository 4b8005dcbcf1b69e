/** `quadrille source triggers` as a person types it: printed, made, granted, taken away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { flowFixture, guardAgainstLeaks, noServers, ownName } from '../harness/index.ts';
import { Typed } from './command.ts';

guardAgainstLeaks();

test('printed SQL is what is made; a role that is granted it can read, and no more', { skip: noServers }, async () => {
  const name = ownName();
  const outbox = `quadrille_${name}_read`;
  await using flow = await flowFixture({
    name,
    files: {
      'flow.yaml': `flow: FLOW
stations:
  read: { extractor: { type: postgres-outbox, table: ${name} }, to: FLOW.read }
  file: { extractor: { type: csv, path: '*.csv', id: '{id}' }, to: FLOW.read }
`,
    },
    schemas: { 'FLOW.read': { type: 'record', name: 'Read', fields: [{ name: 'id', type: 'string' }] } },
    provisioned: false,
  });
  const address = flow.clients.addresses.databaseUrl;
  const db = new Client({ connectionString: address });
  await db.connect();
  flow.atEnd(async () => {
    await db.query(`DROP TABLE ${name}; DROP OWNED BY ${name}_user; DROP ROLE ${name}_user`);
    await db.end();
  });
  await db.query(`CREATE TABLE ${name} (id text PRIMARY KEY); CREATE ROLE ${name}_user LOGIN PASSWORD 'x'`);
  const user = new URL(address);
  user.username = `${name}_user`;
  user.password = 'x';
  const typed = (...words: string[]) =>
    new Typed(flow.folder, ['source', 'triggers', '.', ...words], {
      DATABASE_URL: user.href,
      OWNER_URL: address,
      KAFKA_BROKERS: '',
      SCHEMA_REGISTRY_URL: '',
    }).ended;
  const triggers = async () =>
    (await db.query(`SELECT FROM pg_trigger WHERE tgrelid = '${name}'::regclass AND NOT tgisinternal`)).rowCount;

  const planned = await typed('read', '--address', 'OWNER_URL');
  assert.deepEqual([planned.code, await triggers()], [0, 0]);
  assert.match(planned.err, /add --execute/);
  // Whoever may not run commands hands it to one who runs SQL.
  await db.query(planned.out);
  assert.equal(await triggers(), 2);
  assert.match((await typed('read', '--address', 'OWNER_URL')).err, /nothing to do/);

  const denied = await typed('read', '--remove', '--execute');
  assert.deepEqual(
    [denied.code, denied.err.includes('ACCESS_DENIED'), denied.err.includes('--address')],
    [1, true, true],
  );
  const granted = await typed('read', '--address', 'OWNER_URL', '--grant', `${name}_user`, '--execute');
  assert.equal(granted.code, 0, granted.err);
  await db.query(`INSERT INTO ${name} VALUES ('a')`);
  const reading = new Client({ connectionString: user.href });
  await reading.connect();
  try {
    assert.equal((await reading.query(`DELETE FROM ${outbox} RETURNING seq`)).rowCount, 1);
    await assert.rejects(reading.query(`INSERT INTO ${outbox} (op) VALUES ('T')`), { code: '42501' });
    await assert.rejects(reading.query(`DELETE FROM ${name}`), { code: '42501' });
  } finally {
    await reading.end();
  }

  const removed = await typed('read', '--address', 'OWNER_URL', '--remove', '--execute');
  assert.deepEqual([removed.code, await triggers()], [0, 0]);
  assert.match((await typed('file')).err, /reads no outbox/);
  assert.match((await typed('nobody')).err, /NOT_FOUND/);
});
