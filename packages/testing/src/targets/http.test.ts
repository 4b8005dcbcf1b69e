/** The target `http` against receivers that are patient, strict, tired or confused. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Outcome, type Target, type TargetRow, targetTypes } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { row, schema } from '../conformance/target-sample.ts';

interface Receiver {
  target: Target;
  requests: { method: string; url: string; headers: FastifyRequest['headers']; body: unknown }[];
}

/** A receiver that answers as `answer` says, and a target that sends to it. */
async function receiver(
  t: TestContext,
  config: object,
  answer: (server: FastifyInstance, requests: Receiver['requests']) => void,
  env: Record<string, string> = {},
): Promise<Receiver> {
  const server = Fastify({ forceCloseConnections: true });
  const requests: Receiver['requests'] = [];
  server.addHook('preHandler', async ({ method, url, headers, body }) => {
    if (method !== 'OPTIONS') requests.push({ method, url, headers, body });
  });
  answer(server, requests);
  await server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = server.addresses()[0] as { port: number };
  const target = targetTypes.http!.create(
    { address: 'RECEIVER', connections: 1, ...config },
    {
      flow: 'test',
      station: 'http',
      folder: '.',
      schema: schema.type,
      fields: schema.fields,
      env: { RECEIVER: `http://127.0.0.1:${port}`, TOKENS: `http://127.0.0.1:${port}/token`, ...env },
    },
  );
  t.after(async () => {
    await target.close();
    await server.close();
  });
  return { target, requests };
}

const rowsOf = (count: number): TargetRow[] =>
  Array.from({ length: count }, (_, i) => row({ id: `id ${i}`, offset: i, text: `text ${i}` }));
const codesOf = (answers: (Outcome | Fault)[]): string[] =>
  answers.map((answer) => (answer instanceof Fault ? answer.code : answer));
const failsWith = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Fault, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};
const idsOf = ({ body }: { body: unknown }): string[] => (body as { id: string }[]).map(({ id }) => id);

test('the idempotency key is that of the rows: the same when they come again, another when one differs', async (t) => {
  const { target, requests } = await receiver(t, {}, (server) => server.post('/', async () => ''));
  const rows = rowsOf(3);
  await target.write(rows);
  await target.write(rows.map((each) => ({ ...each, partition: 5 })));
  await target.write([...rows.slice(0, 2), row({ id: 'id 2', text: 'other' })]);
  const keys = requests.map(({ headers }) => headers['idempotency-key']);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
  assert.equal(keys[1], keys[0]);
  assert.notEqual(keys[2], keys[0]);
});

test('Retry-After: nothing is sent before its time, and each write until then is a dependency fault', async (t) => {
  let status = 429;
  const { target, requests } = await receiver(t, {}, (server) =>
    server.post('/', async (_, reply) => reply.code(status).header('retry-after', '1').send()),
  );
  await assert.rejects(target.write(rowsOf(1)), failsWith('TARGET_UNAVAILABLE', /status 429/));
  const from = performance.now();
  status = 200;
  await assert.rejects(target.write(rowsOf(1)), failsWith('TARGET_UNAVAILABLE', /left alone for 1 s/));
  assert.equal(requests.length, 1);
  let answers: (Outcome | Fault)[] | undefined;
  while (answers === undefined) answers = await target.write(rowsOf(1)).catch(() => undefined);
  assert.deepEqual(answers, ['written']);
  assert.ok(performance.now() - from > 900, `sent after ${performance.now() - from} ms`);
  assert.equal(requests.length, 2);
});

test('what was taken before a failure is not sent again when the same rows are written again', async (t) => {
  let calls = 0;
  const { target, requests } = await receiver(t, { rows: 2 }, (server) =>
    server.post('/', async (_, reply) => reply.code(++calls === 2 ? 503 : 200).send()),
  );
  await assert.rejects(target.write(rowsOf(5)), failsWith('TARGET_UNAVAILABLE', /503/));
  assert.deepEqual(await target.write(rowsOf(5)), Array(5).fill('written'));
  assert.deepEqual(requests.map(idsOf), [['id 0', 'id 1'], ['id 2', 'id 3'], ['id 2', 'id 3'], ['id 4']]);
  await target.write(rowsOf(1));
  assert.equal(requests.length, 5, 'a later write is a write of its own');
});

test('a batch that is refused as a whole is halved until the rows at fault stand alone', async (t) => {
  const { target, requests } = await receiver(t, {}, (server) =>
    server.post('/', async (request, reply) => {
      const bad = idsOf(request).filter((id) => ['id 3', 'id 6'].includes(id));
      return reply.code(bad.length > 0 ? 422 : 200).send({ secret: bad });
    }),
  );
  const answers = await target.write(rowsOf(8));
  assert.deepEqual(codesOf(answers), [
    ...Array(3).fill('written'),
    'TARGET_REFUSED',
    'written',
    'written',
    'TARGET_REFUSED',
    'written',
  ]);
  assert.match((answers[3] as Fault).message, /status 422$/, 'what the body says is not repeated');
  assert.ok(requests.length < 16, `${requests.length} requests`);
});

test('statuses of items: outcomes, faults with the text asked for, and rows that are to come again', async (t) => {
  let patience = true;
  const statuses: Record<string, unknown> = {
    'id 0': { status: 201 },
    'id 1': { status: 208 },
    'id 2': { status: 412 },
    'id 3': { status: 409 },
    'id 4': { status: 400, error: { text: 'no such country' } },
  };
  const { target, requests } = await receiver(
    t,
    { answer: { items: '/results', id: '/key', status: '/status', error: '/error/text' } },
    (server) =>
      server.post('/', async (request) => ({
        results: idsOf(request)
          .reverse()
          .map((key) => ({ key, ...((statuses[key] ?? { status: patience ? 429 : 200 }) as object) })),
      })),
  );
  await assert.rejects(target.write(rowsOf(7)), failsWith('TARGET_UNAVAILABLE', /2 of 7 rows/));
  patience = false;
  const answers = await target.write(rowsOf(7));
  assert.deepEqual(codesOf(answers), [
    'written',
    'unchanged',
    'superseded',
    'conflict',
    'TARGET_REFUSED',
    'written',
    'written',
  ]);
  assert.match((answers[4] as Fault).message, /status 400, no such country/);
  assert.deepEqual(idsOf(requests[1]!), ['id 5', 'id 6']);
});

test('an answer that only lists what failed; one that is not as told is a fault of the configuration', async (t) => {
  let body: unknown = { failed: [{ id: 'id 1', why: 'too old' }] };
  const { target } = await receiver(t, { answer: { items: '/failed', id: '/id', error: '/why' } }, (server) =>
    server.post('/', async () => body),
  );
  assert.deepEqual(codesOf(await target.write(rowsOf(3))), ['written', 'TARGET_REFUSED', 'written']);
  body = { ok: true };
  await assert.rejects(target.write(rowsOf(1)), failsWith('CONFIG_INVALID', /no list at `\/failed`/));
});

test('one request a row: id in the path, who it is in headers, deletions as DELETE', async (t) => {
  let isThere = true;
  const { target, requests } = await receiver(
    t,
    { path: '/things/{id}', method: 'PUT', item: 'value', deletes: 'request' },
    (server) => {
      server.put('/things/:id', async () => '');
      server.delete('/things/:id', async (_, reply) => reply.code(isThere ? 204 : 404).send());
    },
  );
  await target.write([
    row({ id: 'a/ü', version: 7, text: 'x' }),
    row({ id: 'a/ü', version: 8, offset: 1, text: null }),
  ]);
  assert.deepEqual(
    requests.map(({ method, url, headers, body }) => [
      method,
      url,
      headers['record-version'],
      headers['record-id'],
      body,
    ]),
    [
      ['PUT', '/things/a%2F%C3%BC', '7', 'a%2F%C3%BC', { text: 'x', amount: 1 }],
      ['DELETE', '/things/a%2F%C3%BC', '8', 'a%2F%C3%BC', undefined],
    ],
  );
  isThere = false;
  assert.deepEqual(await target.write([row({ id: 'gone', version: 9, text: null })]), ['unchanged']);
});

test('OAuth client credentials: one token for many requests, a new one after a 401, denied when that does not help', async (t) => {
  let valid = 'token 1';
  let issued = 0;
  const config = { oauth: { tokenAddress: 'TOKENS', clientId: 'ID', clientSecret: 'SECRET', scope: 'write' } };
  const { target, requests } = await receiver(
    t,
    config,
    (server) => {
      server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
        done(null, body),
      );
      server.post('/token', async ({ headers, body }, reply) => {
        const wanted = `Basic ${Buffer.from('me:s%3Acret').toString('base64')}`;
        if (headers.authorization !== wanted || body !== 'grant_type=client_credentials&scope=write')
          return reply.code(401).send();
        return { access_token: `token ${++issued}`, expires_in: 3600 };
      });
      server.post('/', async ({ headers }, reply) =>
        reply.code(headers.authorization === `Bearer ${valid}` ? 200 : 401).send(),
      );
    },
    { ID: 'me', SECRET: 's:cret' },
  );
  await target.open();
  await target.write(rowsOf(1));
  await target.write(rowsOf(1));
  assert.equal(issued, 1);
  valid = 'token 2';
  assert.deepEqual(await target.write(rowsOf(1)), ['written']);
  assert.equal(issued, 2);
  valid = 'none';
  await assert.rejects(target.write(rowsOf(1)), failsWith('ACCESS_DENIED', /status 401/));
  assert.ok(requests.length > 0);
});

test('headers of the environment, user and password of the address; what is missing is said without its value', async (t) => {
  const seen: FastifyRequest['headers'][] = [];
  const { target } = await receiver(
    t,
    { headers: { 'x-source': 'quadrille' }, secretHeaders: { 'x-key': 'KEY' } },
    (server) => server.post('/', async ({ headers }) => void seen.push(headers)),
    { KEY: 'k3y' },
  );
  await target.write(rowsOf(1));
  assert.equal(seen[0]?.['x-source'], 'quadrille');
  assert.equal(seen[0]?.['x-key'], 'k3y');
  const without = await receiver(t, { secretHeaders: { 'x-key': 'KEY' } }, () => {});
  await assert.rejects(without.target.open(), failsWith('CONFIG_INVALID', /KEY is not set/));
});

test('a receiver that is not what was thought: redirects, unknown paths and formats end the station', async (t) => {
  for (const status of [302, 404, 405, 415]) {
    const { target } = await receiver(t, {}, (server) =>
      server.post('/', async (_, reply) => reply.code(status).header('location', '/elsewhere').send()),
    );
    await assert.rejects(target.write(rowsOf(2)), failsWith('CONFIG_INVALID', new RegExp(`status ${status}`)));
  }
});

test('not more requests a second than allowed; a receiver that never answers is a dependency fault', async (t) => {
  const { target, requests } = await receiver(t, { rows: 1, perSecond: 50, timeoutMs: 200 }, (server, all) =>
    server.post('/', async () => (all.length > 10 ? new Promise(() => {}) : '')),
  );
  const from = performance.now();
  await target.write(rowsOf(10));
  assert.ok(performance.now() - from > 9 * 20 - 10, `10 requests took ${performance.now() - from} ms`);
  assert.equal(requests.length, 10);
  await assert.rejects(target.write(rowsOf(1)), failsWith('TARGET_UNAVAILABLE', /no answer within 200 ms/));
});

test('what the JSON Schema cannot see of its configuration', () => {
  const problems = (config: object): string[] =>
    targetTypes.http!.check!({ address: 'A', ...config }, schema.fields).map(({ path }) => path.join('.'));
  assert.deepEqual(problems({ path: '/x/{id}', deletes: 'request', item: 'value' }), []);
  assert.deepEqual(problems({ path: '/x/{id}', rows: 5 }), ['rows']);
  assert.deepEqual(problems({ deletes: 'request' }), ['deletes']);
  assert.deepEqual(problems({ item: 'value' }), ['item']);
  assert.deepEqual(problems({ format: 'ndjson', under: 'rows' }), ['under']);
});
