/** A flow with a sensitive field, used by one token of each role: who sees what, and that no log does. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditEntry, DeadLetter, DeadLetterDetail, Page, Replay, ReplayAnswer } from '@quadrille/replay/api';
import {
  flowFixture,
  guardAgainstLeaks,
  noServers,
  type ReplayService,
  startReplayService,
  startStation,
  until,
} from '../harness/index.ts';

guardAgainstLeaks();

const SECRET = 'jane-7c1f@secret.example';
const BROKEN = 'joe-93ab@secret.example';
const FORMS = [SECRET, BROKEN].flatMap((text) => [
  text,
  Buffer.from(text).toString('base64').slice(0, -4),
  Buffer.from(text).toString('hex'),
]);

const FLOW = `
flow: FLOW
topics: { FLOW.in: { partitions: 1 }, FLOW.out: { partitions: 1 } }
stations:
  read: { extractor: { type: csv, path: people.csv, id: "{email}" }, to: FLOW.in }
  judge: { transformer: rules/town.ts, from: FLOW.in, to: FLOW.out }
`;
const RULE = `
import { rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
export default rule({
  doc: 'Needs a town.',
  examples: [],
  apply: (record) => record.town === 'none' ? reject('TOWN_UNKNOWN', record.email + ' lives nowhere', {}) : record,
});
`;
const schema = (name: string) => ({
  type: 'record',
  name,
  fields: [
    { name: 'email', type: 'string', sensitivity: 'personal' },
    { name: 'town', type: 'string' },
    { name: 'age', type: 'int' },
  ],
});
const ROLES = ['view', 'operate', 'admin'] as const;
type Role = (typeof ROLES)[number];
const tokenOf = (role: Role): string => `${role}-token-of-the-test`;

const caller =
  (service: ReplayService) =>
  async (role: Role, path: string, body?: object): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${service.status!.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${tokenOf(role)}`,
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  };

test('what is sensitive is shown to operators, to role view nowhere, and stands in no log', {
  skip: noServers,
}, async () => {
  await using fixture = await flowFixture({
    files: {
      'flow.yaml': FLOW,
      'rules/town.ts': RULE,
      'people.csv': `email,town,age\n${SECRET},none,41\n${BROKEN},Graz,old\nanna@public.example,Graz,30\n`,
    },
    schemas: { 'FLOW.in': schema('In'), 'FLOW.out': schema('Out') },
  });
  const tokens = ROLES.map((role) => ({
    name: `${fixture.name}-${role}`,
    role,
    sha256: createHash('sha256').update(tokenOf(role)).digest('hex'),
  }));
  const file = await fixture.write('tokens.json', JSON.stringify(tokens));
  await using read = await startStation(fixture, 'read');
  await using judge = await startStation(fixture, 'judge');
  await using service = await startReplayService(fixture, {
    QUADRILLE_TOKENS_FILE: join(file),
    QUADRILLE_LOG: 'trace',
  });
  await Promise.all([read.running(), judge.running(), service.ready()]);
  const call = caller(service);
  const as = async <T>(role: Role, path: string, body?: object): Promise<T> => {
    const { status, text } = await call(role, path, body);
    assert.equal(status, 200, `${path}: ${text}`);
    return JSON.parse(text) as T;
  };

  const letters = await until('both dead letters', async () => {
    const { items } = await as<Page<DeadLetter>>('operate', '/v1/dead-letters');
    return items.length === 2 ? items : undefined;
  });
  const judged = letters.find(({ station }) => station === 'judge');
  const raw = letters.find(({ station }) => station === 'read');
  assert.ok(judged && raw);
  const detail = await as<DeadLetterDetail>('operate', `/v1/dead-letters/${judged.id}`);
  assert.deepEqual(detail.value, { email: SECRET, town: 'none', age: 41 });
  assert.deepEqual(detail.masked, []);

  const correction = {
    items: [{ deadLetter: judged.id, edition: detail.edition, value: { email: SECRET, town: 'Wien', age: 41 } }],
    execute: true,
  };
  assert.equal((await call('view', '/v1/corrections', correction)).status, 403);
  await as('operate', '/v1/corrections', correction);
  const where = { deadLetters: { where: `email = '${SECRET}'` }, execute: true };
  const preview = await as<ReplayAnswer>('operate', '/v1/replays', { ...where, preview: true });
  const [tried] = preview.replays;
  assert.ok(tried);
  await until('the dry run over', async () => (await as<Replay>('view', `/v1/replays/${tried.id}`)).state === 'done');
  const { replays } = await as<ReplayAnswer>('operate', '/v1/replays', where);
  const [replay] = replays;
  assert.ok(replay);
  await until('resolved', async () => {
    const { state } = await as<DeadLetterDetail>('operate', `/v1/dead-letters/${judged.id}`);
    return state === 'resolved';
  });

  const paths = [
    '/v1/groups',
    '/v1/dead-letters',
    '/v1/dead-letters?values=true',
    `/v1/dead-letters/${judged.id}`,
    `/v1/dead-letters/${raw.id}`,
    '/v1/replays',
    `/v1/replays/${replay.id}/items`,
    `/v1/replays/${tried.id}/items`,
    `/v1/reconciliation?flow=${fixture.name}`,
    '/v1/audit',
    '/metrics',
  ];
  for (const path of paths) {
    const { status, text } = await call('view', path);
    assert.equal(status, 200, `${path}: ${text}`);
    for (const form of FORMS) assert.ok(!text.includes(form), `${path}: ${text}`);
  }
  const masked = await as<DeadLetterDetail>('view', `/v1/dead-letters/${judged.id}`);
  assert.equal((masked.value as { email: string }).email, '•••');
  assert.deepEqual(
    masked.corrections.map(({ value }) => value),
    [{ email: '•••', town: 'Wien', age: 41 }],
  );
  assert.deepEqual([masked.recordId, masked.key, masked.message, masked.masked], ['•••', '•••', '•••', ['email']]);

  // The audit is of all services on this Kafka.
  const changesOf = async (role: Role): Promise<string[][]> => {
    const { items } = await as<Page<AuditEntry>>('admin', `/v1/audit?by=${fixture.name}-${role}`);
    return items.map(({ action, outcome }) => [action, outcome]);
  };
  assert.deepEqual(await changesOf('operate'), [
    ['replay', 'ok'],
    ['preview', 'ok'],
    ['correct', 'ok'],
  ]);
  assert.deepEqual(await changesOf('view'), [['correct', 'NOT_ALLOWED']]);

  await service.stop();
  await service.closed;
  const log = service.output.join('\n');
  assert.match(log, /"route":"\/v1\/dead-letters\/:id"/);
  for (const form of [...FORMS, ...ROLES.map(tokenOf)]) assert.ok(!log.includes(form), log);
});
