import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { Faults } from '@quadrille/record';
import { isLoopback, readReplayConfig } from './config.ts';

const GOOD = {
  KAFKA_BROKERS: 'a:9092, b:9093',
  SCHEMA_REGISTRY_URL: 'http://r:8080/apis/ccompat/v7/',
  DATABASE_URL: 'postgres://me:hush@d:5432/q',
  QUADRILLE_FLOWS: ['flows/x', 'flows/y'].join(delimiter),
};
const folder = mkdtempSync(join(tmpdir(), 'quadrille-config-'));
after(() => rmSync(folder, { recursive: true }));
const tokensFile = (content: unknown): string => {
  const file = join(folder, 'tokens.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};
const sha256 = createHash('sha256').update('x').digest('hex');

async function placesOf(env: Record<string, string>): Promise<(string | undefined)[]> {
  const thrown = await readReplayConfig(env).then(
    () => undefined,
    (error) => error,
  );
  assert.ok(thrown instanceof Faults, String(thrown));
  for (const fault of thrown.faults) assert.ok(fault.code === 'CONFIG_INVALID' && fault.help.length > 0);
  assert.ok(!thrown.format().includes('hush'), 'no password in messages');
  return thrown.faults.map(({ place }) => place).sort();
}

test('addresses are taken apart, the rest has its defaults', async () => {
  const config = await readReplayConfig(GOOD);
  assert.deepEqual(config.brokers, ['a:9092', 'b:9093']);
  assert.deepEqual(config.flows, ['flows/x', 'flows/y']);
  assert.deepEqual([config.schema, config.retainDays, config.tokens], ['quadrille_replay', 90, undefined]);
  assert.deepEqual(config.http, { host: '127.0.0.1', port: 0 });
  assert.deepEqual((await readReplayConfig({ ...GOOD, QUADRILLE_HTTP: '[::1]:80' })).http, { host: '::1', port: 80 });
});

test('all problems come at once, each with its variable', async () => {
  assert.deepEqual(await placesOf({}), ['DATABASE_URL', 'KAFKA_BROKERS', 'QUADRILLE_FLOWS', 'SCHEMA_REGISTRY_URL']);
  assert.deepEqual(
    await placesOf({
      KAFKA_BROKERS: 'a',
      SCHEMA_REGISTRY_URL: 'x y',
      DATABASE_URL: 'mysql://me:hush@d/q',
      QUADRILLE_FLOWS: '.',
      QUADRILLE_HTTP: 'here',
      QUADRILLE_LOG: 'loud',
      QUADRILLE_REPLAY_SCHEMA: 'a"b',
      QUADRILLE_RETAIN_DAYS: '0',
      QUADRILLE_TOKENS_FILE: join(folder, 'absent'),
    }),
    [
      'DATABASE_URL',
      'KAFKA_BROKERS',
      'QUADRILLE_HTTP',
      'QUADRILLE_LOG',
      'QUADRILLE_REPLAY_SCHEMA',
      'QUADRILLE_RETAIN_DAYS',
      'QUADRILLE_TOKENS_FILE',
      'SCHEMA_REGISTRY_URL',
    ],
  );
});

test('without tokens it listens to this machine alone, whatever the host is called', async () => {
  for (const host of ['0.0.0.0', '[::]', '10.1.2.3', '[fe80::1]', 'nowhere.invalid'])
    assert.deepEqual(await placesOf({ ...GOOD, QUADRILLE_HTTP: `${host}:8470` }), ['QUADRILLE_HTTP'], host);
  for (const host of ['127.0.0.1', '127.9.9.9', '[::1]', 'localhost'])
    await readReplayConfig({ ...GOOD, QUADRILLE_HTTP: `${host}:8470` });
  const tokens = tokensFile([{ name: 'ann', role: 'view', sha256 }]);
  const config = await readReplayConfig({ ...GOOD, QUADRILLE_HTTP: '0.0.0.0:8470', QUADRILLE_TOKENS_FILE: tokens });
  assert.deepEqual(config.tokens, [{ name: 'ann', role: 'view', sha256 }]);
});

test('a tokens file is checked entry by entry; one that is wrong opens nothing', async () => {
  const faultsOf = async (content: unknown) =>
    placesOf({ ...GOOD, QUADRILLE_HTTP: '0.0.0.0:1', QUADRILLE_TOKENS_FILE: tokensFile(content) });
  assert.deepEqual(await faultsOf('{'), ['QUADRILLE_TOKENS_FILE']);
  assert.deepEqual(await faultsOf([]), ['QUADRILLE_TOKENS_FILE']);
  const entries = [
    { name: 'ann', role: 'root', sha256 },
    { name: 'ann', role: 'view', sha256: 'abc', token: 'x' },
  ];
  assert.equal((await faultsOf(entries)).length, 4);
});

test('the list of tokens may stand in the environment itself, but not in both places', async () => {
  const list = JSON.stringify([{ name: 'ann', role: 'view', sha256 }]);
  const config = await readReplayConfig({ ...GOOD, QUADRILLE_HTTP: '0.0.0.0:1', QUADRILLE_TOKENS: list });
  assert.deepEqual(config.tokens, [{ name: 'ann', role: 'view', sha256 }]);
  assert.deepEqual(await placesOf({ ...GOOD, QUADRILLE_HTTP: '0.0.0.0:1', QUADRILLE_TOKENS: '[{}]' }), [
    'QUADRILLE_TOKENS',
    'QUADRILLE_TOKENS',
    'QUADRILLE_TOKENS',
  ]);
  const both = { QUADRILLE_TOKENS: list, QUADRILLE_TOKENS_FILE: tokensFile(list) };
  assert.deepEqual(await placesOf({ ...GOOD, QUADRILLE_HTTP: '0.0.0.0:1', ...both }), ['QUADRILLE_TOKENS']);
});

test('addresses of this machine', () => {
  for (const address of ['127.0.0.1', '127.255.0.3', '::1', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(address), address);
  for (const address of ['128.0.0.1', '0.0.0.0', '::', '::2', '1.127.0.0', '127.0.0.1.evil', '::ffff:10.0.0.1'])
    assert.ok(!isLoopback(address), address);
});
