import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readFlow } from '@quadrille/flow';
import { deadLetterTopic } from '@quadrille/record';
import type { DeadLetter, Page } from '@quadrille/replay/api';
import { aclsOf, connectKafka, createLog, KafkaAdmin, Outlet, SERVICE_USERS } from '@quadrille/station';
import { Typed } from '../e2e/command.ts';
import {
  assertBalanced,
  drained,
  dropTable,
  givenAddresses,
  guardAgainstLeaks,
  type ReplayService,
  rows,
  type StationProcess,
  startReplayService,
  startStation,
  until,
} from '../harness/index.ts';
import { type Env, grant } from './kafka.ts';
import { noSecuredKafka, RECORDS, REJECTED, Secured, STATIONS } from './sample.ts';

guardAgainstLeaks();

let secured: Secured;
before(async () => {
  if (noSecuredKafka === false) secured = await Secured.start();
});
after(() => secured?.[Symbol.asyncDispose]());

/** The command, under the user of operators or of the provisioner. */
async function typed(user: string, ...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = { ...secured.kafka.sasl(user), ...secured.others, DATABASE_URL_FILE: secured.others.WAREHOUSE_URL_FILE };
  // The run's own address would be a second one.
  return new Typed(secured.flow.folder, words, { ...env, DATABASE_URL: '', NO_COLOR: '1' }).ended;
}

test('the provisioner makes topics and schemas, and may do nothing else', { skip: noSecuredKafka }, async () => {
  const { flow, kafka } = secured;
  flow.flow = await readFlow(flow.folder);
  await grant(flow.clients.raw, aclsOf(flow.flow));
  const { code, out, err } = await typed(SERVICE_USERS.provisioner, 'flow', 'provision', flow.folder, '--execute');
  assert.equal(code, 0, `${out}${err}`);
  const topics = await flow.clients.admin.listTopics();
  assert.ok(topics.includes(`${flow.name}.named`) && topics.includes(deadLetterTopic(`${flow.name}.sent`)));
  const refused = await typed(SERVICE_USERS.provisioner, 'station', 'pause', flow.folder, 'judge', '--reason', 'none');
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /ACL_MISSING|TOPIC_AUTHORIZATION_FAILED|not authorized/i);
  for (const secret of kafka.passwords) assert.ok(!`${out}${err}${refused.err}`.includes(secret));
});

test('each station under its own user, by SCRAM, PLAIN and certificate: all is balanced', {
  skip: noSecuredKafka,
  timeout: 170_000,
}, async () => {
  const { flow, kafka, others } = secured;
  flow.atEnd(() => dropTable(flow, `rows-${flow.name}`));
  const ways: Record<(typeof STATIONS)[number], Env> = {
    places: kafka.sasl(secured.user('places'), 'SCRAM-SHA-256'),
    sent: kafka.sasl(secured.user('sent')),
    judge: kafka.saslByVariable(secured.user('judge')),
    name: kafka.sasl(secured.user('name'), 'PLAIN'),
    store: kafka.mtls(secured.user('store')),
  };
  const stations: StationProcess[] = [];
  for (const name of STATIONS) stations.push(await startStation(flow, name, { ...others, ...ways[name] }));
  await Promise.all(stations.map((station) => station.running()));
  for (const name of ['judge', 'name', 'store']) await drained(flow, name);
  await until('all rows', async () => (await rows(flow, `rows-${flow.name}`)).length === RECORDS - REJECTED, 60_000);
  const { stations: sums } = await assertBalanced(flow);
  assert.equal(sums.judge?.rejected, REJECTED);

  for (const station of stations)
    for (const secret of [...kafka.passwords, 'a-token'])
      assert.ok(!station.output.some((line) => line.includes(secret)), `${station.name} tells a secret`);

  const service = await replayService();
  const { items } = await service.call<Page<DeadLetter>>('/v1/dead-letters?limit=100');
  assert.equal(items.length, REJECTED);
  assert.ok(
    items.every(({ code }) => code === 'TOO_BAD'),
    'rules see no secrets',
  );
  const dryRun = await service.replay({ deadLetters: { ids: [items[0]!.id] }, preview: true });
  assert.equal((await service.over(dryRun.id)).rejected, 1);
  const real = await service.replay({ deadLetters: { ids: [items[0]!.id] } });
  assert.equal((await service.over(real.id)).rejected, 1);
  const rerun = await service.replay({
    records: { flow: flow.name, station: 'judge', partition: 0, offsets: { from: 0, to: 5 } },
  });
  await service.over(rerun.id);

  const looking = typed(SERVICE_USERS.operator, 'flow', 'status', flow.folder, '-o', 'json');
  await noSecretInProcessList(stations);
  const status = await looking;
  assert.equal(status.code, 0, status.err);
  const paused = await typed(SERVICE_USERS.operator, 'station', 'pause', flow.folder, 'judge', '--reason', 'a look');
  assert.equal(paused.code, 0, paused.err);
  await stations[2]!.until(({ state }) => state === 'paused');
  assert.equal((await typed(SERVICE_USERS.operator, 'station', 'resume', flow.folder, 'judge')).code, 0);
  const reconciled = await typed(SERVICE_USERS.operator, 'flow', 'reconcile', flow.folder);
  assert.equal(reconciled.code, 0, `${reconciled.out}${reconciled.err}`);
  for (const name of ['judge', 'name', 'store']) await drained(flow, name);
  await service.stop();
  await Promise.all(stations.map((station) => station.stop()));
  await assertBalanced(flow);
});

/** Stations, replay service, the command and the servers all run; whoever may use this machine can read their arguments. */
async function noSecretInProcessList(stations: readonly StationProcess[]): Promise<void> {
  const lines = await commandLines();
  for (const { pid } of stations) assert.match(lines.get(pid!) ?? '', /services/);
  assert.ok(
    [...lines.values()].some((line) => line.includes('flow\0status')),
    'the command runs',
  );
  const database = new URL(givenAddresses().databaseUrl).password;
  for (const secret of [...secured.kafka.passwords, database].filter((each) => each !== ''))
    for (const [pid, line] of lines) assert.ok(!line.includes(secret), `process ${pid}: ${line.split('\0')[0]}`);
}

/** Of every process of this machine: its arguments, each ended by NUL (proc(5)). */
async function commandLines(): Promise<Map<number, string>> {
  const lines = new Map<number, string>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // Some end while they are looked at.
    lines.set(Number(name), await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => ''));
  }
  return lines;
}

async function replayService(): Promise<ReplayService> {
  const { flow, kafka, others } = secured;
  const service = await startReplayService(flow, {
    ...others,
    ...kafka.sasl(SERVICE_USERS.replay),
    DATABASE_URL: '',
    DATABASE_URL_FILE: others.WAREHOUSE_URL_FILE!,
  });
  return service.ready();
}

test('nobody reads or writes what is another’s; who may not come in is told why', {
  skip: noSecuredKafka,
  timeout: 170_000,
}, async () => {
  const { flow, kafka, others } = secured;
  const places = kafka.sasl(secured.user('places'));
  const log = createLog({ station: 'test' }, 'silent');
  const brokers = places.KAFKA_BROKERS!.split(',');
  const client = connectKafka(
    { brokers, clientId: 'test', sessionTimeoutMs: 10_000, access: kafka.accessOf(places) },
    log,
  );
  const admin = new KafkaAdmin(client);
  const outlet = new Outlet(client);
  try {
    await admin.bounds(`${flow.name}.places`);
    await assert.rejects(admin.bounds(`${flow.name}.judged`), { code: 'ACL_MISSING' });
    // The client does not tell more of a group that is another's.
    await assert.rejects(admin.committed(`${flow.name}.judge`, `${flow.name}.places`), /group coordinator/);
    const record = { key: Buffer.from('x'), value: null, headers: {}, partition: 0, timestamp: '1' };
    const sending = outlet.send(new Map([[`${flow.name}.judged`, new Map([[0, [record]]])]]));
    await assert.rejects(sending, { code: 'ACL_MISSING' });
  } finally {
    await Promise.all([admin.close(), outlet.close()]);
  }

  const judge = kafka.sasl(secured.user('judge'));
  const refusals: [string, Env, RegExp][] = [
    ['the user of another station', places, /ACL_MISSING[\s\S]*quadrille acl/],
    [
      'a wrong password',
      { ...judge, KAFKA_SASL_PASSWORD_FILE: kafka.file('wrong', 'no') },
      /ACCESS_DENIED: user or password/,
    ],
    [
      'another authority',
      { ...judge, KAFKA_TLS_CA_FILE: join(kafka.folder, 'other-ca.pem') },
      /authority|certificate/i,
    ],
    ['an expired certificate', { ...judge, ...kafka.expired }, /expired/i],
  ];
  for (const [what, env, told] of refusals) {
    const station = await startStation(flow, 'judge', { ...others, ...env });
    await until(
      what,
      async () => told.test(station.output.join('\n')),
      60_000,
      () => station.output.slice(-5).join('\n'),
    );
    await station.stop().catch(() => {});
  }
});
