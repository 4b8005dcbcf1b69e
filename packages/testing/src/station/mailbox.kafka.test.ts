import './mailbox-source.ts';
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DELETED_HEADER, deadLetterTopic, HEADER, packHeader, unpackHeader } from '@quadrille/record';
import {
  assertBalanced,
  type FlowFixture,
  flowFixture,
  guardAgainstLeaks,
  noServers,
  records,
  startStation,
  until,
} from '../harness/index.ts';
import { post } from './mailbox-source.ts';
import { say } from './orders.ts';

guardAgainstLeaks();

const MAIN = fileURLToPath(new URL('mailbox-station.ts', import.meta.url));
const FLOW = `
flow: FLOW
topics: { FLOW.read: { partitions: 2 } }
stations:
  read:
    extractor: { type: mailbox }
    to: FLOW.read
`;
const READ = {
  type: 'record',
  name: 'Read',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'int' },
  ],
};

async function mailboxFlow(flow = FLOW): Promise<FlowFixture> {
  const fixture = await flowFixture({ files: { 'flow.yaml': flow }, schemas: { 'FLOW.read': READ } });
  for (const name of ['inbox', 'refused']) await mkdir(join(fixture.folder, name));
  return fixture;
}

const start = (flow: FlowFixture, env: Record<string, string> = {}) => startStation(flow, 'read', env, MAIN);
const inbox = (flow: FlowFixture): Promise<string[]> => readdir(join(flow.folder, 'inbox'));
const emptied = (flow: FlowFixture) => until('the inbox is empty', async () => (await inbox(flow)).length === 0);
const letter = (n: number, version = 1) => ({ id: `c-${n}`, version, fields: { id: `c-${n}`, n } });

test('items are acknowledged once they are settled, bring id and version, and may be deletions', {
  skip: noServers,
}, async () => {
  await using flow = await mailboxFlow();
  await post(flow.folder, 'a', letter(1, 5));
  await post(flow.folder, 'b', { id: 'c-2', version: 9, deleted: true, fields: {} });
  await post(flow.folder, 'c', 'not JSON');
  await post(flow.folder, 'd', { id: 'c-4', version: 2, fields: { id: 'c-4', n: 'no number' } });
  await using station = await start(flow);
  await emptied(flow);
  await station.until(({ exhausted }) => exhausted === true);
  const made = (await records(flow, 'FLOW.read')).map(({ key, value, headers }) => {
    const { id, version } = unpackHeader(headers[HEADER]!, key);
    return [id, version, value === null];
  });
  assert.deepEqual(made.sort(), [
    ['c-1', 5n, false],
    ['c-2', 9n, true],
  ]);
  const refused = await readdir(join(flow.folder, 'refused'));
  assert.deepEqual(refused.sort(), ['c', 'd']);
  assert.equal(await readFile(join(flow.folder, 'refused', 'c'), 'utf8'), 'ROW_MALFORMED');
  assert.equal(await readFile(join(flow.folder, 'refused', 'd'), 'utf8'), 'FIELD_INVALID');
  const dead = (await records(flow, deadLetterTopic('FLOW.read'))).map(({ key, value, headers }) => {
    const { id, version } = unpackHeader(headers[HEADER]!, key);
    return [id, version, value!.toString()];
  });
  assert.deepEqual(dead.sort(), [
    ['', 7n, 'not JSON'],
    ['c-4', 2n, '{"id":"c-4","n":"no number"}'],
  ]);
  assert.match((await station.get('/metrics')).text, /quadrille_source_lag_records\{shard="box-0"/);
  await assertBalanced(flow);

  await post(flow.folder, 'e', letter(5));
  await emptied(flow);
  await station.stop();
  assert.ok((await readdir(flow.folder)).includes('closed'));
});

test('killed when records are sent and not written down: they come again, and what was left are duplicates', {
  skip: noServers,
}, async () => {
  await using flow = await mailboxFlow();
  for (let n = 0; n < 40; n++) await post(flow.folder, `m${n}`, letter(n));
  for (let times = 0; times < 2; times++) {
    const dying = await start(flow, { DIE: 'before-ledger' });
    assert.equal((await dying.exited).signal, 'SIGKILL');
  }
  const left = (await records(flow, 'FLOW.read')).length;
  assert.ok(left > 0);
  assert.equal((await inbox(flow)).length, 40, 'nothing was acknowledged');
  // Others come first this time, and one of them is bad: it must not stand for what was sent under its number.
  await post(flow.folder, 'a-first', 'not JSON');
  await using station = await start(flow);
  await emptied(flow);
  await station.until(({ exhausted }) => exhausted === true);
  const { ends, stations } = await assertBalanced(flow);
  assert.equal(stations.read?.passed, 40);
  assert.equal(stations.read?.rejected, 1);
  const out = ends.find(({ topic }) => topic === flow.text('FLOW.read'))!;
  assert.deepEqual([out.claimed, out.duplicate, out.stray, out.provisional], [40, left, 0, 0]);
  const versions = new Set(
    (await records(flow, 'FLOW.read')).map(({ key, headers }) => unpackHeader(headers[HEADER]!, key).version),
  );
  assert.deepEqual([...versions], [1n]);
});

test('killed and nothing comes again: what was left is told from work under way', { skip: noServers }, async () => {
  await using flow = await mailboxFlow();
  for (let n = 0; n < 10; n++) await post(flow.folder, `m${n}`, letter(n));
  const dying = await start(flow, { DIE: 'before-ledger' });
  await dying.exited;
  for (const name of await inbox(flow)) await rm(join(flow.folder, 'inbox', name));
  await using station = await start(flow);
  await station.until(({ exhausted }) => exhausted === true);
  const { ends, drained } = await assertBalanced(flow);
  const out = ends.find(({ topic }) => topic === flow.text('FLOW.read'))!;
  assert.deepEqual([out.claimed, out.duplicate, out.provisional, drained], [0, out.records, 0, true]);
  assert.ok(out.records > 0);
});

test('a deletion that says nothing of who is deleted becomes a dead letter, and a tombstone once it is corrected', {
  skip: noServers,
}, async () => {
  await using flow = await mailboxFlow(FLOW.replace('{ type: mailbox }', '{ type: mailbox, id: "{id}" }'));
  await post(flow.folder, 'a', { id: 'ignored', version: 3, deleted: true, fields: { n: 1 } });
  await using station = await start(flow);
  await station.until(({ totals }) => totals.rejected === 1);
  const [dead] = await records(flow, deadLetterTopic('FLOW.read'));
  assert.equal(dead!.headers['quadrille.fault.code']?.toString(), 'FIELD_MISSING');
  assert.equal(dead!.headers[DELETED_HEADER]?.toString(), 'true');
  const envelope = { ...unpackHeader(dead!.headers[HEADER]!, null), revision: 1, replay: `${flow.name}-1` };
  await flow.clients.producer.send({
    topic: flow.text('replay.FLOW.read'),
    acks: -1,
    messages: [
      {
        key: null,
        value: JSON.stringify({ id: 'c-9' }),
        partition: 0,
        headers: { ...dead!.headers, [HEADER]: packHeader(envelope, false) },
      },
    ],
  });
  await until('the tombstone is there', async () => (await records(flow, 'FLOW.read')).length === 1);
  const [made] = await records(flow, 'FLOW.read');
  assert.equal(made!.value, null);
  const { id, version, revision } = unpackHeader(made!.headers[HEADER]!, made!.key);
  assert.deepEqual([id, version, revision], ['c-9', 3n, 1]);
});

test('paused it asks for nothing; killed with work under way, another instance takes it up; nothing is lost', {
  skip: noServers,
}, async () => {
  await using flow = await mailboxFlow();
  const one = await start(flow);
  await one.running();
  await say(flow, { kind: 'pause', station: 'read' });
  await one.until(({ state }) => state === 'paused');
  const { received } = one.status!.totals;
  for (let n = 0; n < 500; n++) await post(flow.folder, `m${n}`, letter(n));
  await using two = await start(flow);
  await two.until(({ state }) => state === 'paused');
  // What a read had asked for before the pause is kept for afterwards.
  assert.ok(one.status!.totals.received - received <= 150);
  await say(flow, { kind: 'resume', station: 'read' });
  await one.until(({ totals }) => totals.received > 0);
  await one.kill();
  await emptied(flow);
  await two.until(({ exhausted }) => exhausted === true);
  await assertBalanced(flow);
  const made = (await records(flow, 'FLOW.read')).map(({ key }) => key!.toString());
  assert.equal(new Set(made).size, 500);
});
