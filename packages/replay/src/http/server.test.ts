import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { Log } from '@quadrille/station';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { Compile } from 'typebox/compile';
import type { ErrorBody } from '../api/index.ts';
import { routesOf } from './routes/index.ts';
import { as, SECRET, sensitivity, serverOn, stub } from './stub.fixture.ts';

const ID = '0123456789ab';
/** A valid call of every route. */
const CALLS: Record<string, InjectOptions> = {
  'GET /v1/status': { url: '/v1/status' },
  'GET /v1/groups': { url: '/v1/groups?station=judge&states=open&states=corrected' },
  'GET /v1/dead-letters': { url: '/v1/dead-letters?values=true&limit=10&partition=0&offsets=1-5' },
  'GET /v1/dead-letters/:id': { url: `/v1/dead-letters/${ID}` },
  'POST /v1/corrections': {
    url: '/v1/corrections',
    payload: { items: [{ deadLetter: ID, edition: 1, value: { email: SECRET } }], reason: 'typo', execute: true },
  },
  'POST /v1/discards': { url: '/v1/discards', payload: { selection: { ids: [ID] }, reason: 'test', execute: true } },
  'POST /v1/restores': { url: '/v1/restores', payload: { selection: { ids: [ID] }, reason: 'test', execute: true } },
  'POST /v1/replays': { url: '/v1/replays', payload: { deadLetters: { ids: [ID] }, execute: true, reason: 'mended' } },
  'GET /v1/replays': { url: '/v1/replays?flow=people' },
  'GET /v1/replays/:id': { url: '/v1/replays/people-1' },
  'GET /v1/replays/:id/items': { url: '/v1/replays/people-1/items?states=rejected' },
  'POST /v1/replays/:id/cancel': { url: '/v1/replays/people-1/cancel' },
  'GET /v1/reconciliation': { url: '/v1/reconciliation?flow=people' },
  'GET /v1/trace': { url: '/v1/trace?flow=parcels&record=x' },
  'GET /v1/audit': { url: '/v1/audit?since=2026-11-24T00:00:00Z' },
};
const rows = routesOf(stub(), () => sensitivity).map((row) => ({ ...row, name: `${row.method} ${row.url}` }));
const methodOf = (name: string): 'GET' | 'POST' => (name.startsWith('POST') ? 'POST' : 'GET');
const codes = (text: string): string[] => (JSON.parse(text) as ErrorBody).errors.map(({ code }) => code);

async function using<T>(server: Promise<FastifyInstance>, work: (server: FastifyInstance) => Promise<T>): Promise<T> {
  const open = await server;
  try {
    return await work(open);
  } finally {
    await open.close();
  }
}

test('every route is called here, answers as its schema says, and is closed to no token, a wrong one, a lower role', async () => {
  assert.deepEqual(
    Object.keys(CALLS),
    rows.map(({ name }) => name),
  );
  await using(serverOn(stub(), { limits: { token: 1_000, anonymous: 1_000 } }), async (server) => {
    for (const { name, answer, role } of rows) {
      const call = { ...CALLS[name], method: methodOf(name) };
      const ok = await server.inject({ ...call, headers: as(role) });
      assert.equal(ok.statusCode, 200, `${name} ${ok.body}`);
      assert.ok(Compile(answer).Check(ok.json()), `${name}: ${JSON.stringify(Compile(answer).Errors(ok.json())[0])}`);
      assert.equal(ok.headers['cache-control'], 'no-store');
      for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'Basic token-of-admin' }]) {
        const refused = await server.inject({ ...call, headers });
        assert.equal(refused.statusCode, 401, name);
        assert.deepEqual(codes(refused.body), ['UNAUTHENTICATED']);
        assert.equal(refused.headers['www-authenticate'], 'Bearer');
      }
      if (role === 'operate') {
        const low = await server.inject({ ...call, headers: as('view') });
        assert.deepEqual([low.statusCode, codes(low.body)], [403, ['NOT_ALLOWED']], name);
      }
    }
  });
});

test('sending to a whole topic is for admins', async () => {
  await using(serverOn(stub()), async (server) => {
    const call = {
      method: 'POST',
      url: '/v1/replays',
      payload: { deadLetters: { ids: [ID] }, to: 'people.copy' },
    } as const;
    assert.equal((await server.inject({ ...call, headers: as('operate') })).statusCode, 403);
    assert.equal((await server.inject({ ...call, headers: as('admin') })).statusCode, 200);
  });
});

test('what role view is shown holds nothing sensitive, on any route; operators see it', async () => {
  await using(serverOn(stub()), async (server) => {
    for (const { name, role } of rows) {
      if (role !== 'view') continue;
      const call = { ...CALLS[name], method: methodOf(name) };
      const { body } = await server.inject({ ...call, headers: as('view') });
      assert.ok(!body.includes(SECRET) && !body.includes(btoa(SECRET)), `${name}: ${body}`);
    }
    const masked = (await server.inject({ url: `/v1/dead-letters/${ID}`, headers: as('view') })).json();
    assert.deepEqual(masked.value, { email: '•••', town: 'Graz' });
    assert.deepEqual(masked.masked, ['email']);
    const whole = await server.inject({ url: `/v1/dead-letters/${ID}`, headers: as('operate') });
    assert.deepEqual(whole.json().value, { email: SECRET, town: 'Graz' });
  });
});

test('role view cannot find out values by conditions', async () => {
  const backend = stub();
  await using(serverOn(backend), async (server) => {
    for (const condition of [`where=${encodeURIComponent("email like 'j%'")}`, `key=${SECRET}`, `record=${SECRET}`]) {
      for (const url of [`/v1/dead-letters?${condition}`, `/v1/groups?${condition}`]) {
        assert.equal((await server.inject({ url, headers: as('view') })).statusCode, 403, url);
        assert.equal((await server.inject({ url, headers: as('operate') })).statusCode, 200, url);
      }
    }
  });
  assert.equal(backend.asked.length, 6, 'the refused ones asked nothing');
  await using(serverOn(backend), async (server) => {
    const url = `/v1/trace?flow=people&record=${SECRET}`;
    const refused = await server.inject({ url, headers: as('view') });
    assert.deepEqual([refused.statusCode, codes(refused.body)], [403, ['NOT_ALLOWED']]);
    assert.equal((await server.inject({ url, headers: as('operate') })).statusCode, 200);
  });
});

test('changes stand in the audit without payload, refused ones too; plans do not', async () => {
  const backend = stub();
  backend.discard = async () => {
    throw new Fault('SELECTION_EMPTY', '');
  };
  await using(serverOn(backend), async (server) => {
    const post = (url: string, payload: object, role: 'view' | 'operate') =>
      server.inject({ method: 'POST', url, payload, headers: as(role) });
    const correction = CALLS['POST /v1/corrections']!.payload as object;
    await post('/v1/corrections', { ...correction, execute: false }, 'operate');
    await post('/v1/corrections', correction, 'operate');
    await post('/v1/corrections', correction, 'view');
    await post('/v1/discards', { selection: { code: 'X' }, reason: 'why', execute: true }, 'operate');
    await post('/v1/replays', { deadLetters: {}, preview: true, execute: true }, 'operate');
    await server.inject({ method: 'POST', url: '/v1/replays/people-1/cancel', headers: as('operate') });
  });
  assert.deepEqual(
    backend.noted.map(({ by, action, outcome, reason }) => [by, action, outcome, reason]),
    [
      ['of-operate', 'correct', 'ok', 'typo'],
      ['of-view', 'correct', 'NOT_ALLOWED', 'typo'],
      ['of-operate', 'discard', 'SELECTION_EMPTY', 'why'],
      ['of-operate', 'preview', 'ok', ''],
      ['of-operate', 'cancel', 'ok', ''],
    ],
  );
  assert.deepEqual(backend.noted[0]?.plan, { items: [{ deadLetter: ID, edition: 1 }] });
  assert.ok(!JSON.stringify(backend.noted).includes(SECRET));
});

test('a change whose audit cannot be written is answered as what it is: done', async () => {
  const backend = stub();
  backend.note = async () => {
    throw new Fault('BROKER_UNAVAILABLE', '');
  };
  await using(serverOn(backend), async (server) => {
    const call = CALLS['POST /v1/corrections']!;
    assert.equal((await server.inject({ ...call, method: 'POST', headers: as('operate') })).statusCode, 200);
  });
});

test('requests are refused with every problem at once, by place, quoting no value', async () => {
  await using(serverOn(stub()), async (server) => {
    const bad = await server.inject({
      method: 'POST',
      url: '/v1/corrections',
      headers: as('operate'),
      payload: { items: [{ deadLetter: ID, edition: 'SECRET' }], execute: 'true', extra: 'SECRET' },
    });
    assert.equal(bad.statusCode, 400);
    assert.ok(!bad.body.includes('SECRET'));
    assert.deepEqual((bad.json() as ErrorBody).errors.map(({ code, place, field }) => [code, place, field]).sort(), [
      ['REQUEST_INVALID', 'body', 'execute'],
      ['REQUEST_INVALID', 'body', 'extra'],
      ['REQUEST_INVALID', 'body', 'items.0.edition'],
      ['REQUEST_INVALID', 'body', 'items.0.value'],
    ]);
    const query = await server.inject({
      url: '/v1/dead-letters?limit=x&states=shut&values=1&since=now',
      headers: as('view'),
    });
    assert.deepEqual((query.json() as ErrorBody).errors.map(({ place, field }) => [place, field]).sort(), [
      ['query', 'limit'],
      ['query', 'since'],
      ['query', 'states.0'],
      ['query', 'values'],
    ]);
    assert.match(query.body, /`states\.0` must be one of open, corrected/);
  });
});

test('malformed, empty, too large, of another type, to nowhere: one form of error', async () => {
  await using(serverOn(stub()), async (server) => {
    const post = async (payload: string, type = 'application/json') => {
      const answer = await server.inject({
        method: 'POST',
        url: '/v1/discards',
        headers: { ...as('operate'), 'content-type': type },
        payload,
      });
      return [answer.statusCode, ...codes(answer.body), ...answer.json().errors.map(({ message }: Fault) => message)];
    };
    assert.deepEqual((await post('{"a": SECRET')).slice(0, 2), [400, 'REQUEST_INVALID']);
    assert.ok(!String(await post('{"a": SECRET')).includes('SECRET'));
    assert.deepEqual((await post('')).slice(0, 2), [400, 'REQUEST_INVALID']);
    assert.deepEqual((await post('{"__proto__": {"all": true}}')).slice(0, 2), [400, 'REQUEST_INVALID']);
    assert.deepEqual((await post(`"${'x'.repeat(8 * 1024 * 1024)}"`)).slice(0, 2), [413, 'REQUEST_INVALID']);
    assert.deepEqual((await post('all=true', 'text/plain')).slice(0, 2), [415, 'REQUEST_INVALID']);
    const nowhere = await server.inject({ url: '/v1/secrets?key=x', headers: as('view') });
    assert.deepEqual([nowhere.statusCode, codes(nowhere.body)], [404, ['NOT_FOUND']]);
  });
});

test('faults become statuses; a defect tells nobody anything, its log no payload', async () => {
  const backend = stub();
  const lines: string[] = [];
  const note = (...line: unknown[]): void => void lines.push(JSON.stringify(line));
  const log = { debug: note, info: note, warn: note, error: note } as unknown as Log;
  await using(serverOn(backend, { log }), async (server) => {
    const answers: [unknown, number][] = [
      [new Fault('NOT_FOUND', 'x'), 404],
      [new Fault('DATABASE_UNAVAILABLE', ''), 503],
      [new Fault('EDIT_CONFLICT', ''), 409],
      [Object.assign(new Error(`duplicate key ${SECRET}`), { code: '23505', detail: SECRET }), 500],
    ];
    for (const [thrown, status] of answers) {
      backend.deadLetter = async () => {
        throw thrown;
      };
      const answer = await server.inject({ url: `/v1/dead-letters/${ID}`, headers: as('admin') });
      assert.equal(answer.statusCode, status);
      assert.ok(!answer.body.includes(SECRET));
    }
    await server.inject({ url: `/v1/dead-letters?key=${SECRET}`, headers: as('admin') });
  });
  const said = lines.join('');
  assert.match(said, /"defect"/);
  assert.match(said, /23505/);
  assert.match(said, /server\.test\.ts/);
  assert.match(said, /"route":"\/v1\/dead-letters"/);
  assert.ok(!said.includes(SECRET), said);
});

test('each token has its own limit, those without one share that of their address', async () => {
  await using(serverOn(stub(), { limits: { token: 3, anonymous: 2 } }), async (server) => {
    const ask = async (headers: Record<string, string>) =>
      (await server.inject({ url: '/v1/status', headers })).statusCode;
    const times = async (n: number, headers: Record<string, string>) => {
      const statuses = [];
      for (let i = 0; i < n; i++) statuses.push(await ask(headers));
      return statuses;
    };
    assert.deepEqual(await times(4, as('view')), [200, 200, 200, 429]);
    assert.deepEqual(await times(1, as('admin')), [200]);
    assert.deepEqual(await times(2, {}), [401, 401]);
    const last = await server.inject({ url: '/v1/status', headers: { authorization: 'Bearer guess' } });
    assert.deepEqual([last.statusCode, codes(last.body)], [429, ['TOO_MANY_REQUESTS']]);
    assert.ok(Number(last.headers['retry-after']) > 0);
    assert.equal((await server.inject({ url: '/live' })).statusCode, 200, 'health is not counted');
  });
});

test('health, metrics and the document are open to this machine only', async () => {
  const backend = stub();
  await using(serverOn(backend), async (server) => {
    for (const url of ['/live', '/ready', '/metrics', '/openapi.json']) {
      assert.equal((await server.inject({ url })).statusCode, 200, url);
      assert.equal((await server.inject({ url, remoteAddress: '10.1.2.3' })).statusCode, 401, url);
      assert.equal((await server.inject({ url, remoteAddress: '10.1.2.3', headers: as('view') })).statusCode, 200, url);
    }
    backend.unready = async () => new Fault('DATABASE_UNAVAILABLE', '');
    const ready = await server.inject({ url: '/ready' });
    assert.deepEqual([ready.statusCode, codes(ready.body)], [503, ['DATABASE_UNAVAILABLE']]);
    assert.equal((await server.inject({ url: '/live' })).statusCode, 200);
  });
});
