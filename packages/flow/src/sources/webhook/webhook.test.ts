import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { RawItem, ShardReader, Source, SourceLag } from '../../source.ts';
import { sourceContext } from '../source-fixture.ts';
import { type WebhookConfig, webhook } from './webhook.ts';

interface Answer {
  status: number;
  again: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what the tests are about
  json: any;
}

/** A webhook on a port of its own, with one reader. */
async function hook(t: TestContext, config: WebhookConfig = {}, env: Record<string, string> = {}) {
  const lags = new Map<string, SourceLag | undefined>();
  let port = 0;
  const context = sourceContext('.', ['id', 'n'], {
    env,
    lags,
    log: {
      info: (details) => {
        port = (details as { port: number }).port;
      },
      warn: () => {},
    },
  });
  const source: Source = webhook.create({ listen: '127.0.0.1:0', route: '/in', ...config }, context);
  t.after(() => source.close?.());
  const [shard] = await source.shards();
  const url = `http://127.0.0.1:${port}/in`;
  const call = async (body: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const answer = await fetch(url, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers,
    });
    return { status: answer.status, again: answer.headers.get('retry-after'), json: await answer.json() };
  };
  return {
    source,
    url,
    port: () => port,
    call,
    open: () => source.open(shard!, undefined),
    waiting: () => lags.get('/in')?.records ?? 0,
    async untilWaiting(count: number): Promise<void> {
      while ((lags.get('/in')?.records ?? 0) !== count) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const RejectAll = (code: 'FIELD_INVALID' = 'FIELD_INVALID'): Fault =>
  new Fault(code, '`n` is not an int', { field: 'n' });

/** Reads what comes and settles it at once; items with a field `bad` are rejected. */
function settling(reader: ShardReader): { read: RawItem[]; stop(): Promise<void> } {
  const read: RawItem[] = [];
  const stop = new AbortController();
  const work = (async () => {
    let row = 0;
    while (!stop.signal.aborted) {
      const { items, next } = await reader.read(3, stop.signal);
      const rejected = new Map<number, Fault>();
      for (const item of items) {
        if ('fault' in item) rejected.set(row, item.fault);
        else if (item.fields.bad !== undefined) rejected.set(row, RejectAll());
        row++;
      }
      read.push(...items);
      if (items.length > 0) await reader.acknowledge!({ position: next, rejected });
    }
    await reader.close();
  })();
  return {
    read,
    stop: () => {
      stop.abort();
      return work;
    },
  };
}

test('one item or a list: a verdict for each, with code, field and help', async (t) => {
  const { open, call } = await hook(t);
  const reader = settling(await open());
  assert.deepEqual(await call({ id: 'a' }), { status: 202, again: null, json: { taken: 1, rejected: 0 } });
  const bad = await call({ id: 'b', bad: 1 });
  assert.deepEqual([bad.status, bad.json.code, bad.json.field], [422, 'FIELD_INVALID', 'n']);
  assert.ok(bad.json.help.length > 0 && bad.json.message.includes('is not an int'));
  const list = await call([{ id: 'c' }, { id: 'd', bad: 1 }, 7, { id: 'e' }, { id: 'f' }]);
  assert.deepEqual([list.status, list.json.taken, list.json.rejected], [207, 3, 2]);
  assert.deepEqual(
    list.json.items.map(({ status, code, place }: Record<string, unknown>) => [status, code, place]),
    [
      [202, undefined, undefined],
      [422, 'FIELD_INVALID', undefined],
      [422, 'ROW_MALFORMED', '/in#3:2'],
      [202, undefined, undefined],
      [202, undefined, undefined],
    ],
  );
  assert.equal((await call([{ id: 'g' }, { id: 'h' }])).status, 202);
  assert.equal((await call([{ bad: 1 }])).status, 422);
  assert.deepEqual((await call([])).json, { taken: 0, rejected: 0, items: [] });
  const broken = await call('{"id": "secret');
  assert.deepEqual([broken.status, broken.json.code], [422, 'ROW_MALFORMED']);
  assert.ok(!JSON.stringify(broken.json).includes('secret'));
  await reader.stop();
});

test('what is no call is refused before anything is taken', async (t) => {
  const { open, call, url, waiting } = await hook(t, { maxBytes: 1024, items: '/events', idempotencyKey: 'Key' });
  await open();
  const refused = async (answer: Promise<Answer>, status: number, code: string): Promise<void> => {
    const { status: got, json } = await answer;
    assert.deepEqual([got, json.code], [status, code]);
    assert.ok(json.help.length > 0);
  };
  await refused(call({ events: [] }), 400, 'REQUEST_INVALID');
  await refused(call({ events: [] }, { key: 'k'.repeat(256) }), 400, 'REQUEST_INVALID');
  await refused(call({ id: 1 }, { key: 'k' }), 400, 'REQUEST_INVALID');
  await refused(call('', { key: 'k' }), 400, 'REQUEST_INVALID');
  await refused(call('x', { key: 'k', 'content-encoding': 'gzip' }), 400, 'REQUEST_INVALID');
  await refused(call('x'.repeat(1025), { key: 'k' }), 413, 'REQUEST_INVALID');
  for (const path of ['/else', '/'])
    assert.equal((await fetch(new URL(path, url), { method: 'POST', body: '{}' })).status, 404);
  assert.equal((await fetch(url)).status, 404);
  assert.equal(waiting(), 0);
});

test('the key is the id, and its version is the same whenever it is called again', async (t) => {
  const { open, call } = await hook(t, { idempotencyKey: 'Idempotency-Key' });
  const reader = settling(await open());
  for (let times = 0; times < 2; times++) {
    assert.equal((await call({ n: 1 }, { 'idempotency-key': 'k-1' })).status, 202);
    assert.equal((await call([{ n: 1 }, 'bad'], { 'idempotency-key': 'k-2' })).status, 207);
  }
  const seen = reader.read.map(({ id, version, place }) => [id, version, place]);
  assert.deepEqual(seen.slice(0, 3), [
    ['k-1', 0, '/in#k-1'],
    ['k-2/0', 0, '/in#k-2:0'],
    ['k-2/1', 0, '/in#k-2:1'],
  ]);
  assert.deepEqual(seen.slice(3), seen.slice(0, 3));
  await reader.stop();
});

test('signed calls alone are taken', async (t) => {
  const signature = { secret: 'SECRET' };
  const { open, call } = await hook(t, { signature, idempotencyKey: 'Key' }, { SECRET: 's3cret' });
  const reader = settling(await open());
  const body = '{"id":"a"}';
  const time = String(Math.floor(Date.now() / 1000));
  const sign = (key: string): string => createHmac('sha256', 's3cret').update(`${time}.${key}.${body}`).digest('hex');
  const headers = { key: 'k', 'x-timestamp': time, 'x-signature': sign('k') };
  assert.equal((await call(body, headers)).status, 202);
  for (const wrong of [{ ...headers, key: 'other' }, { key: 'k' }, { ...headers, 'x-signature': sign('x') }]) {
    const { status, json } = await call(body, wrong);
    assert.deepEqual([status, json.code], [401, 'SIGNATURE_INVALID']);
  }
  assert.equal(reader.read.length, 1);
  await reader.stop();
});

test('beyond what may wait callers are asked for patience, by items and by bytes; answered calls make room', async (t) => {
  const { open, call, untilWaiting } = await hook(t, { pending: { items: 3, bytes: 65_536 }, maxBytes: 65_536 });
  const reader = await open();
  const first = [call({ id: 'a' }), call([{ id: 'b' }, { id: 'c' }])];
  await untilWaiting(3);
  const full = await call({ id: 'd' });
  assert.deepEqual([full.status, full.again, full.json.code], [429, '1', 'TOO_MANY_REQUESTS']);
  const { next, items } = await reader.read(10);
  assert.equal(items.length, 3);
  assert.equal((await call({ id: 'd' })).status, 429, 'given out is not settled');
  await reader.acknowledge!({ position: next, rejected: new Map() });
  assert.deepEqual(
    (await Promise.all(first)).map(({ status }) => status),
    [202, 202],
  );
  assert.equal((await call(Array(4).fill({}))).status, 429);
  const large = call({ id: 'x'.repeat(40_000) });
  await untilWaiting(1);
  assert.equal((await call({ id: 'y'.repeat(40_000) })).status, 429);
  const { next: then } = await reader.read(10);
  await reader.acknowledge!({ position: then, rejected: new Map() });
  assert.equal((await large).status, 202);
});

test('what was given out and is given back is read again, and its caller waits on', async (t) => {
  const { open, call, untilWaiting } = await hook(t);
  const first = await open();
  const list = call([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  await untilWaiting(3);
  const other = call({ id: 'd' });
  await untilWaiting(4);
  const { next } = await first.read(2);
  await first.read(1);
  await first.acknowledge!({ position: { ...next, row: 1 }, rejected: new Map() });
  await first.close();
  const second = settling(await open());
  assert.deepEqual([(await list).status, (await other).status], [202, 202]);
  assert.deepEqual(
    second.read.map((item) => 'fields' in item && item.fields.id),
    ['b', 'c', 'd'],
  );
  await second.stop();
});

test('nobody reads, it takes too long, it stops: callers are asked to come again', async (t) => {
  const { open, call, source, untilWaiting, waiting } = await hook(t, { timeoutMs: 1_000 });
  const again = (answer: Answer, said: RegExp): void => {
    assert.deepEqual([answer.status, answer.again, answer.json.code], [503, '1', 'CALL_AGAIN']);
    assert.match(answer.json.message, said);
  };
  again(await call({ id: 'a' }), /not ready/);
  const reader = await open();
  again(await call({ id: 'b' }), /waited too long/);
  assert.equal(waiting(), 0);
  const last = call({ id: 'c' });
  await untilWaiting(1);
  const { items, next } = await reader.read(10);
  assert.equal(items.length, 1, 'what was answered is given out no more');
  const settled = reader.acknowledge!({ position: next, rejected: new Map() });
  const waits = call({ id: 'd' });
  await untilWaiting(1);
  const closed = source.close!();
  again(await waits, /stops/);
  await settled;
  assert.equal((await last).status, 202);
  await closed;
  await assert.rejects(call({ id: 'e' }));
});

test('a caller that goes away is not waited for', async (t) => {
  const { open, port, untilWaiting } = await hook(t);
  const reader = await open();
  const socket = connect(port(), '127.0.0.1');
  socket.write('POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await untilWaiting(1);
  socket.destroy();
  await untilWaiting(0);
  assert.deepEqual((await reader.read(1)).items, []);
});

test('it listens on this machine alone, unless calls are signed; a port that is taken is told', async (t) => {
  const make =
    (config: WebhookConfig, env = {}) =>
    () =>
      webhook.create(config, sourceContext('.', ['id'], { env }));
  for (const listen of ['0.0.0.0:0', '[::]:0', '10.0.0.1:80', 'example.com:80'])
    assert.throws(make({ listen }), { code: 'CONFIG_INVALID', place: '`listen`' });
  assert.throws(make({}, { QUADRILLE_WEBHOOK: '0.0.0.0:0' }), { code: 'CONFIG_INVALID', place: 'QUADRILLE_WEBHOOK' });
  assert.throws(make({}, { QUADRILLE_WEBHOOK: 'here' }), { code: 'CONFIG_INVALID' });
  assert.throws(make({ signature: { secret: 'S' } }), { code: 'CONFIG_INVALID' });
  for (const listen of ['127.0.0.1:1', '[::1]:1', 'localhost:1']) assert.ok(make({ listen })());
  assert.ok(make({ listen: '0.0.0.0:1', signature: { secret: 'S' } }, { S: 'x' })());
  const { port } = await hook(t);
  const source = make({ listen: `127.0.0.1:${port()}` })();
  await assert.rejects(source.shards(), { code: 'PORT_TAKEN' });
});

test('who a record is, and which is newer, must be known before it runs', () => {
  const problems = (config: WebhookConfig, names: { id?: string; version?: string }) =>
    webhook.check!(config, names).map(({ what }) => what);
  assert.match(problems({}, {}).join(), /who a record is/);
  assert.match(problems({ idempotencyKey: 'k' }, { id: '{id}' }).join(), /newer of two/);
  assert.deepEqual(problems({ idempotencyKey: 'k' }, {}), []);
  assert.deepEqual(problems({}, { id: '{id}', version: 'at' }), []);
  assert.match(
    problems({ signature: { secret: 'S', content: '{key}{body}' } }, { id: '{id}', version: 'at' }).join(),
    /no key/,
  );
  assert.match(problems({ idempotencyKey: 'k', pending: { bytes: 65_536 } }, {}).join(), /no.* room|has room/);
});
