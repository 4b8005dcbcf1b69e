import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { Asked } from '../lookup.ts';
import { field } from '../rules/fields.fixture.ts';
import { type HttpLookupConfig, http } from './http.ts';

/** A service on this machine, and what it was asked. */
async function service(
  answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<{ url: string; asked: string[]; most(): number } & AsyncDisposable> {
  const asked: string[] = [];
  let open = 0;
  let most = 0;
  const server = createServer(async (request, response) => {
    asked.push(request.url ?? '');
    open++;
    most = Math.max(most, open);
    await answer(request, response);
    open--;
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`,
    asked,
    most: () => most,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const json = (response: ServerResponse, value: string, status = 200, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(value);
};

function lookup(
  url: string,
  config: Partial<HttpLookupConfig>,
  on: Record<string, Field> = { id: field('m', 'string') },
): Asked {
  return http.create(
    { address: 'URL', path: '/ratings/{id}', ...config },
    { name: 'rating', on: new Map(Object.entries(on)), take: ['score'] },
    { URL: url, TOKEN: 'Bearer secret-token' },
  );
}

async function asked(of: Asked, keys: Record<string, unknown>[]): ReturnType<Asked['ask']> {
  try {
    await of.open();
    return await of.ask(keys);
  } finally {
    await of.close();
  }
}

test('a request a key, escaped, so many at once; 404 is no row; numbers as they are written', async () => {
  await using server = await service(async ({ url, headers }, response) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (headers.authorization !== 'Bearer secret-token') return json(response, '{}', 401);
    if (url?.endsWith('/gone')) return json(response, '{}', 410);
    if (url?.endsWith('/null')) return json(response, '{"data": null}');
    if (url?.endsWith('/list')) return json(response, '{"data": []}');
    json(response, `{"data": {"score": 12345678901234567890.10, "of": ${JSON.stringify(url)}}}`);
  });
  const config = { row: '/data', connections: 2, secretHeaders: { Authorization: 'TOKEN' } };
  const keys = ['a', 'b/c?d', 'gone', 'null', 'list', 'é', 'e', 'f'].map((id) => ({ id }));
  const answers = await asked(lookup(server.url, config), keys);
  assert.deepEqual(answers[0], { score: '12345678901234567890.10', of: '/base/ratings/a' });
  assert.deepEqual(answers.slice(2, 4), [undefined, undefined]);
  assert.ok(answers[4] instanceof Fault && answers[4].code === 'LOOKUP_INVALID');
  assert.ok(server.asked.includes('/base/ratings/b%2Fc%3Fd') && server.asked.includes('/base/ratings/%C3%A9'));
  assert.equal(server.asked.length, keys.length);
  assert.equal(server.most(), 2);
  await assert.rejects(asked(lookup(server.url, {}), [{ id: 'a' }]), { code: 'ACCESS_DENIED' });
});

test('many keys in one request, rows in any order', async () => {
  await using server = await service(({ url }, response) => {
    const ids = new URL(url ?? '', 'http://x').searchParams.get('ids')?.split(',') ?? [];
    const rows = ids.filter((id) => id !== '3').map((id) => ({ id: Number(id), score: `${id}.50` }));
    json(
      response,
      JSON.stringify({ items: [...rows.reverse(), ...(ids.includes('9') ? [{ id: 9, score: 'twice' }] : [])] }),
    );
  });
  const of = lookup(
    server.url,
    { path: '/ratings?ids={id}', batch: { rows: '/items', size: 4 } },
    { id: field('m', 'long') },
  );
  const answers = await asked(
    of,
    [1, 2, 3, 4, 5, 9].map((id) => ({ id })),
  );
  assert.deepEqual(
    answers.map((answer) => (answer instanceof Fault ? answer.code : answer?.score)),
    ['1.50', '2.50', undefined, '4.50', '5.50', 'LOOKUP_INVALID'],
  );
  assert.deepEqual(server.asked.sort(), ['/base/ratings?ids=1%2C2%2C3%2C4', '/base/ratings?ids=5%2C9']);
});

test('what passes by is waited for, as long as it is told: nothing is set aside', async () => {
  const now = { status: 503, headers: { 'retry-after': '60' } as Record<string, string>, body: '{}' };
  await using server = await service((_, response) => json(response, now.body, now.status, now.headers));
  const of = lookup(server.url, {});
  await of.open();
  const fails = (text: RegExp) =>
    assert.rejects(of.ask([{ id: 'a' }]), (error) => {
      assert.ok(
        error instanceof Fault && error.code === 'LOOKUP_UNAVAILABLE' && text.test(error.message),
        String(error),
      );
      return true;
    });
  await fails(/status 503/);
  await fails(/left alone for \d+ s/);
  assert.equal(server.asked.length, 1);
  await of.close();
  for (const [status, body, text] of [
    [200, 'no json', /no JSON/],
    [302, '{}', /status 302/],
    [400, '{}', /status 400/],
  ] as const) {
    Object.assign(now, { status, body, headers: {} });
    await assert.rejects(asked(lookup(server.url, {}), [{ id: 'a' }]), (error) => {
      assert.ok(
        error instanceof Fault && error.code === 'LOOKUP_UNAVAILABLE' && text.test(error.message),
        String(error),
      );
      return true;
    });
  }
  await assert.rejects(asked(lookup('http://127.0.0.1:1', {}), [{ id: 'a' }]), { code: 'LOOKUP_UNAVAILABLE' });
});

test('what cannot work is told before anything is asked', async () => {
  const on = { id: field('m', 'string'), part: field('p', 'string') };
  for (const [config, text] of [
    [{}, /lacks \{part\}/],
    [{ path: '/x/{id}/{part}/{more}' }, /has \{more\}/],
    [{ path: '/x/{id}/{part}', batch: { rows: '' } }, /several join fields/],
  ] as const)
    await assert.rejects(asked(lookup('http://127.0.0.1:1', config, on), []), (error) => {
      assert.ok(error instanceof Fault && error.code === 'FLOW_INVALID' && text.test(error.message), String(error));
      return true;
    });
});
