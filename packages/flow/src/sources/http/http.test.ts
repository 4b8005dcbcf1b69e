import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { RawItem, SourceChunk, SourcePosition } from '../../source.ts';
import { sourceContext } from '../source-fixture.ts';
import { Api } from './api-fixture.ts';
import { type HttpConfig, http } from './http.ts';

const item = (n: number, at = n): { id: string; at: string } => ({ id: `i${n}`, at: time(at) });
const time = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
const items = (count: number): unknown[] => Array.from({ length: count }, (_, n) => item(n));

async function apiWith(t: TestContext, list: unknown[]): Promise<Api> {
  const api = await new Api().open();
  t.after(() => api.close());
  api.lists.set('/orders', list);
  return api;
}

function sourceOf(t: TestContext, api: Api, config: Partial<HttpConfig>) {
  const env = { API: api.url, TOKEN: 'Bearer secret-token' };
  const given = { address: 'API', path: '/orders', items: '/data', ...config };
  const source = http.create(given, sourceContext('.', ['id', 'at'], { env }));
  t.after(() => source.close?.());
  return source;
}

/** Everything there is from a position on; the position after each chunk. */
async function readAll(t: TestContext, api: Api, config: Partial<HttpConfig>, from?: SourcePosition, max = 1_000) {
  const reader = await sourceOf(t, api, config).open({ name: '/orders' }, from);
  const read: RawItem[] = [];
  const positions: SourcePosition[] = [];
  for (let chunk: SourceChunk | undefined; chunk?.end !== true && chunk?.caughtUp !== true; ) {
    chunk = await reader.read(max);
    read.push(...chunk.items);
    positions.push(JSON.parse(JSON.stringify(chunk.next)));
  }
  return { read, positions, last: positions.at(-1)! };
}

const ids = (read: RawItem[]): string[] =>
  read.map((each) => ('fields' in each ? String(each.fields.id) : `fault ${each.fault.code}`));

const WAYS: [string, HttpConfig['pages'], number][] = [
  ['by number', { by: 'number', parameter: 'page', size: 10, sizeParameter: 'size' }, 3],
  ['by number, until a page is empty', { by: 'number', parameter: 'page' }, 2],
  ['by offset', { by: 'offset', size: 10, sizeParameter: 'size' }, 3],
  ['by cursor', { by: 'cursor', next: '/next', size: 10, sizeParameter: 'size' }, 3],
  ['by the header Link', { by: 'link', size: 10, sizeParameter: 'size' }, 3],
  ['by an address in the answer', { by: 'link', next: '/nextAddress', size: 10, sizeParameter: 'size' }, 3],
];

for (const [name, pages, requests] of WAYS)
  test(`pages ${name}: every item once, and on after each of them without one twice`, async (t) => {
    const api = await apiWith(t, items(25));
    const { read, positions } = await readAll(t, api, { pages: pages! }, undefined, 1);
    assert.deepEqual(ids(read), ids(items(25).map((fields) => ({ fields, place: '' }) as RawItem)));
    assert.equal(api.asked.length, requests);
    assert.equal(new Set(read.map(({ place }) => place)).size, 25);
    for (const position of positions.slice(0, -1)) {
      const rest = await readAll(t, api, { pages: pages! }, position);
      assert.deepEqual(ids(rest.read), ids(read).slice(position.row), `after ${position.row}`);
      assert.equal(rest.last.row, 25);
    }
  });

test('only what is new: the greatest value is sent, items of that very value come once, also after a restart', async (t) => {
  const list = items(20).reverse();
  const api = await apiWith(t, list);
  const since = { field: '/at', parameter: 'since', start: time(5) };
  const first = await readAll(t, api, {
    since,
    pollSeconds: 0.01,
    pages: { by: 'number', size: 6, sizeParameter: 'size' },
  });
  assert.equal(first.read.length, 15);
  assert.ok(api.asked.every(({ url }) => url.includes(encodeURIComponent(time(5)))));
  assert.equal(first.read[0]!.version, (Date.UTC(2026, 0, 1) + 19_000) * 1000);
  list.push(item(20, 19), item(21), { id: 'i3', at: time(30) });
  const second = await readAll(t, api, { since, pollSeconds: 0.01 }, first.last);
  assert.deepEqual(ids(second.read).sort(), ['i20', 'i21', 'i3']);
  assert.equal(second.last.row, 18);
  assert.ok(api.asked.at(-1)!.url.includes(encodeURIComponent(time(19))));
  const third = await readAll(t, api, { since, pollSeconds: 0.01 }, second.last);
  assert.deepEqual(third.read, []);
  const anew = await readAll(t, api, { since, pollSeconds: 0.01, again: 1 }, second.last);
  assert.deepEqual([anew.read.length, anew.last.row], [18, 36]);
});

test('numbers and days tell what is new too; what is neither is a fault, and the others are read', async (t) => {
  const since = { field: '/seq', parameter: 'from' };
  const list = [
    { id: 'a', seq: 7 },
    { id: 'b', seq: '9' },
    { id: 'c' },
    'text',
    { id: 'd', seq: 1.5 },
    { id: 'e', seq: -1 },
  ];
  const { read, last } = await readAll(t, await apiWith(t, list), { since });
  assert.deepEqual(ids(read), [
    'a',
    'b',
    'fault VERSION_INVALID',
    'fault ROW_MALFORMED',
    ...Array(2).fill('fault VERSION_INVALID'),
  ]);
  assert.deepEqual(
    read.slice(0, 2).map(({ version }) => version),
    [7, 9],
  );
  assert.equal((last.reached as { value: string }).value, '9');
  const days = await readAll(t, await apiWith(t, [{ id: 'a', seq: '1970-01-02' }]), { since });
  assert.equal(days.read[0]!.version, 86_400_000_000);
});

test('what has not changed is not sent again: ETag, Last-Modified, also after a restart', async (t) => {
  const api = await apiWith(t, items(3));
  const { last } = await readAll(t, api, { pollSeconds: 0.01 });
  const reader = await sourceOf(t, api, { pollSeconds: 0.01 }).open({ name: '/orders' }, last);
  for (let i = 0; i < 2; i++) {
    const { items: none, caughtUp } = await reader.read(10);
    assert.deepEqual([none, caughtUp], [[], true]);
  }
  assert.deepEqual(
    api.asked.map(({ status }) => status),
    [200, 304, 304],
  );
  api.lists.get('/orders')!.push(item(9));
  assert.equal((await reader.read(10)).items.length, 4);
  const modified = 'Thu, 01 Jan 2026 00:00:00 GMT';
  api.instead = ({ headers }, response) => {
    const status = headers['if-modified-since'] === modified ? 304 : 200;
    response.writeHead(status, { 'last-modified': modified }).end(status === 304 ? '' : '{"data": [{}]}');
    return true;
  };
  assert.equal((await reader.read(10)).items.length, 1);
  assert.equal((await reader.read(10)).items.length, 0);
});

test('what became a dead letter makes no other while it is the same, also after a restart', async (t) => {
  const list: unknown[] = [...items(3), 'text', { id: 'i0', at: 5 }];
  const api = await apiWith(t, list);
  const config = { pollSeconds: 0.01 };
  const reader = await sourceOf(t, api, config).open({ name: '/orders' }, undefined);
  const { items: first, next } = await reader.read(10);
  assert.deepEqual(ids(first), ['i0', 'i1', 'i2', 'fault ROW_MALFORMED', 'i0']);
  const fault = new Fault('FIELD_INVALID', '');
  await reader.acknowledge?.({ position: next, rejected: new Map([4, 3].map((row) => [row, fault])) });
  list.push(item(7));
  const second = await reader.read(10);
  assert.deepEqual(ids(second.items), ['i0', 'i1', 'i2', 'i7']);
  list[4] = item(8);
  assert.deepEqual(ids((await readAll(t, api, config, second.next)).read), ['i0', 'i1', 'i2', 'i8', 'i7']);
});

test('without `since` a later answer is newer', async (t) => {
  const api = await apiWith(t, items(2));
  const before = Date.now();
  const { read } = await readAll(t, api, {});
  assert.ok(read.every(({ version }) => Number(version) >= before && Number(version) <= Date.now()));
});

test('a page that was changed behind the position is read again whole: rather twice than not', async (t) => {
  const api = await apiWith(t, items(10));
  const { positions } = await readAll(t, api, {}, undefined, 4);
  api.lists.get('/orders')!.shift();
  const { read, last } = await readAll(t, api, {}, positions[0]);
  assert.deepEqual(
    [ids(read), last.row],
    [
      items(10)
        .slice(1)
        .map((each) => (each as { id: string }).id),
      13,
    ],
  );
});

test('what passes by is waited for as long as it is told; what does not fit is told and nothing is skipped', async (t) => {
  const api = await apiWith(t, items(2));
  const source = sourceOf(t, api, {});
  const failing = async (how: Api['instead']): Promise<Fault> => {
    api.instead = how;
    const reader = await source.open({ name: '/orders' }, undefined);
    const error = await reader.read(1).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Fault);
    return error;
  };
  const answer =
    (status: number, headers = {}, body = '') =>
    (_: unknown, response: import('node:http').ServerResponse) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
  for (const [how, said] of [
    [answer(404), /status 404/],
    [answer(200, {}, 'no JSON'), /is no JSON/],
    [answer(200, {}, '{"data": {}}'), /no list at `\/data`/],
    [answer(302, { location: 'https://elsewhere.example' }), /status 302/],
  ] as const) {
    const fault = await failing(how);
    assert.equal(fault.code, 'SOURCE_UNAVAILABLE');
    assert.match(fault.message, said);
  }
  assert.equal((await failing(answer(401))).code, 'ACCESS_DENIED');
  assert.match((await failing(answer(503, { 'retry-after': '60' }))).message, /status 503/);
  const asked = api.asked.length;
  assert.match((await failing(undefined)).message, /left alone for 60 s/);
  assert.equal(api.asked.length, asked);
});

test('headers with secrets go to `address` alone, and a page that leads nowhere new is told', async (t) => {
  const api = await apiWith(t, items(2));
  const link = (to: string): void => {
    api.instead = (_, response) => {
      response.writeHead(200, { link: `<${to}>; rel=next` }).end('{"data": []}');
      return true;
    };
  };
  const config = { pages: { by: 'link' as const }, secretHeaders: { Authorization: 'TOKEN' } };
  for (const [to, said] of [
    ['https://elsewhere.example/orders', /leads away/],
    [`${api.url}/../orders`, /leads away/],
    ['/api/orders', /names itself/],
  ] as const) {
    link(to);
    await assert.rejects(
      readAll(t, api, config),
      (error: Fault) => error.code === 'SOURCE_UNAVAILABLE' && said.test(error.message),
    );
  }
  assert.ok(api.asked.every(({ headers }) => headers.authorization === 'Bearer secret-token'));
});

test('stopped while it waits for an answer it returns at once, and loses nothing', async (t) => {
  const api = await apiWith(t, items(3));
  api.instead = () => true;
  const reader = await sourceOf(t, api, {}).open({ name: '/orders' }, undefined);
  const stop = new AbortController();
  const waiting = reader.read(10, stop.signal);
  stop.abort();
  assert.deepEqual((await waiting).items, []);
  api.instead = undefined;
  assert.equal((await reader.read(10)).items.length, 3);
});
