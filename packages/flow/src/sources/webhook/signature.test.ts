import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Signature, type SignatureConfig } from './signature.ts';

const NOW = Date.UTC(2026, 0, 1);
const ENV = { NEW: 'new-secret', OLD: 'old-secret' };
const body = Buffer.from('{"id":"ä"}');
const hmac = (secret: string, text: string, as: 'hex' | 'base64' = 'hex'): string =>
  createHmac('sha256', secret).update(text).digest(as);

function check(config: Partial<SignatureConfig>, headers: Record<string, string>, key = '', keyed = key !== ''): void {
  const signature = new Signature({ secret: 'NEW', ...config }, keyed, ENV);
  signature.check({ header: (name) => headers[name] ?? '', key, body }, NOW);
}

const refused = (how: () => void, said: RegExp): void =>
  assert.throws(
    how,
    (error: Error & { code?: string }) => error.code === 'SIGNATURE_INVALID' && said.test(error.message),
  );

test('time, key and body are signed, by one of two secrets while callers change over', () => {
  const time = String(NOW / 1000);
  for (const secret of Object.values(ENV)) {
    const headers = { 'X-Timestamp': time, 'X-Signature': `sha256=${hmac(secret, `${time}.k.${body}`)}` };
    check({ previous: 'OLD' }, headers, 'k');
  }
  const old = { 'X-Timestamp': time, 'X-Signature': hmac(ENV.OLD, `${time}.k.${body}`) };
  refused(() => check({}, old, 'k'), /another/);
  refused(() => check({ previous: 'OLD' }, old, 'other'), /another/);
  check({ previous: 'NOT_SET' }, { 'X-Timestamp': time, 'X-Signature': hmac(ENV.NEW, `${time}.${body}`, 'base64') });
});

test('a call that is too old, or of the future, is refused, whoever signed it', () => {
  const at = (seconds: number): Record<string, string> => {
    const time = String(NOW / 1000 + seconds);
    return { 'X-Timestamp': time, 'X-Signature': hmac(ENV.NEW, `${time}.${body}`) };
  };
  check({}, at(-300));
  check({}, at(300));
  refused(() => check({}, at(-301)), /within 300 s/);
  refused(() => check({}, at(301)), /within 300 s/);
  refused(() => check({ toleranceSeconds: 10 }, at(-11)), /within 10 s/);
  refused(() => check({}, { 'X-Signature': at(0)['X-Signature']! }), /X-Timestamp/);
  const ms = String(NOW);
  check({}, { 'X-Timestamp': ms, 'X-Signature': hmac(ENV.NEW, `${ms}.${body}`) });
});

test('as GitHub, Shopify and Slack sign', () => {
  check(
    { content: '{body}', header: 'X-Hub-Signature-256' },
    { 'X-Hub-Signature-256': `sha256=${hmac(ENV.NEW, `${body}`)}` },
  );
  check(
    { content: '{body}', header: 'X-Shopify-Hmac-Sha256' },
    { 'X-Shopify-Hmac-Sha256': hmac(ENV.NEW, `${body}`, 'base64') },
  );
  const time = String(NOW / 1000);
  check(
    { content: 'v0:{timestamp}:{body}', header: 'X-Slack-Signature', timestamp: 'X-Slack-Request-Timestamp' },
    { 'X-Slack-Request-Timestamp': time, 'X-Slack-Signature': `v0=${hmac(ENV.NEW, `v0:${time}:${body}`)}` },
  );
});

test('what is no signature is told from a wrong one; a missing secret stops everything', () => {
  for (const given of ['', 'sha256=', 'abc', 'f'.repeat(63), `${'A'.repeat(44)}`, `sha512=${'f'.repeat(128)}`])
    refused(() => check({}, { 'X-Timestamp': String(NOW / 1000), 'X-Signature': given }), /holds no HMAC-SHA256/);
  assert.throws(() => new Signature({ secret: 'NOT_SET' }, false, ENV), { code: 'CONFIG_INVALID' });
});

test('a secret in a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-secret-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'secret'), 'from-file\n');
  const signature = new Signature({ secret: 'IT', content: '{body}' }, false, { IT_FILE: join(folder, 'secret') });
  signature.check({ header: () => hmac('from-file', `${body}`), key: '', body });
});
