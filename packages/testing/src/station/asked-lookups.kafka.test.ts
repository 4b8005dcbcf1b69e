import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { deadLetterTopic } from '@quadrille/record';
import fastify from 'fastify';
import { Client } from 'pg';
import {
  assertBalanced,
  committed,
  drained,
  givenAddresses,
  guardAgainstLeaks,
  noServers,
  records,
  startStation,
} from '../harness/index.ts';
import { feedItems, sampleFlow, schema } from './sample.ts';

guardAgainstLeaks();

const table = `people_${randomBytes(4).toString('hex')}`;
const FLOW = `
flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true }, FLOW.out: { partitions: 1 } }
stations:
  name:
    enricher:
      person: { type: postgres, query: "SELECT id::text AS id, town FROM ${table}", on: { id: id }, take: { town: does } }
      town:
        type: http
        address: TOWNS_URL
        path: /towns/{town}
        on: { town: does }
        take: { zone: n }
        missing: hold
        cache: { missingSeconds: 0 }
    from: FLOW.in
    to: FLOW.out
`;

test('PostgreSQL and an API are asked once for what is remembered; while one is away, and while a row is missing, the station waits', {
  skip: noServers,
}, async () => {
  const client = new Client({ connectionString: givenAddresses().databaseUrl });
  await client.connect();
  const zones: Record<string, number> = { Graz: 8 };
  const asked: string[] = [];
  let away = true;
  const towns = fastify();
  towns.get<{ Params: { town: string } }>('/towns/:town', async ({ params: { town } }, reply) => {
    if (away) return reply.code(503).send({});
    asked.push(town);
    return zones[town] === undefined ? reply.code(404).send({}) : { zone: zones[town] };
  });
  try {
    await client.query(`CREATE TABLE ${table} (id text PRIMARY KEY, town text)`);
    await client.query(`INSERT INTO ${table} VALUES ('a', 'Graz'), ('b', 'Graz'), ('c', 'Gent')`);
    const url = await towns.listen({ host: '127.0.0.1', port: 0 });
    await using flow = await sampleFlow(FLOW, { schemas: { 'FLOW.out': schema('Out') } });
    await feedItems(flow, 'FLOW.in', [{ id: 'a' }, { id: 'nobody' }, { id: 'b' }]);
    await using station = await startStation(flow, 'name', { TOWNS_URL: url });
    const held = await station.until(({ state }) => state === 'held');
    assert.equal(held.reason?.code, 'LOOKUP_UNAVAILABLE');
    assert.equal((await committed(flow, 'name'))[0]?.offset, 0);
    assert.equal((await records(flow, deadLetterTopic('FLOW.in'))).length, 0);

    away = false;
    await drained(flow, 'name');
    const out = await records(flow, 'FLOW.out');
    assert.deepEqual(
      out.map(({ key }) => key?.toString()),
      ['a', 'b'],
    );
    const [letter, ...others] = await records(flow, deadLetterTopic('FLOW.in'));
    assert.equal(letter?.headers['quadrille.fault.code']?.toString(), 'LOOKUP_MISSING');
    assert.deepEqual([letter?.key?.toString(), others.length], ['nobody', 0]);
    await feedItems(flow, 'FLOW.in', [{ id: 'b' }, { id: 'a' }]);
    await drained(flow, 'name');
    assert.deepEqual(asked, ['Graz']);

    await feedItems(flow, 'FLOW.in', [{ id: 'a' }, { id: 'c' }, { id: 'b' }]);
    for (const end = Date.now() + 30_000; !asked.includes('Gent'); ) {
      assert.ok(Date.now() < end, 'Gent is asked for');
      await client.query('SELECT pg_sleep(0.05)');
    }
    zones.Gent = 1;
    await drained(flow, 'name');
    assert.deepEqual(
      (await records(flow, 'FLOW.out')).slice(4).map(({ key }) => key?.toString()),
      ['a', 'c', 'b'],
      'in order',
    );
    await assertBalanced(flow);
    await station.stop();
  } finally {
    await client.query(`DROP TABLE IF EXISTS ${table}`);
    await client.end();
    await towns.close();
  }
});
