import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hideSecrets, withSecrets } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { ACCESS_VARIABLES, readBrokers, readKafkaAccess, readRegistryAccess } from './access.ts';
import { securityOf } from './kafka/security.ts';

const folder = mkdtempSync(join(tmpdir(), 'quadrille-access-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

type Env = Record<string, string>;

function problemsOf(read: (env: Env, wrong: (place: string, what: string, help: string) => undefined) => unknown) {
  return (env: Env): string[] => {
    const problems: string[] = [];
    read(env, (place, what, help) => {
      assert.ok(help.length > 0 && !/hush/.test(`${what} ${help}`), `${place}: ${what}`);
      problems.push(place);
      return undefined;
    });
    return problems.sort();
  };
}
const none = (place: string, what: string): undefined => assert.fail(`${place} ${what}`);
const kafka = problemsOf(readKafkaAccess);
const registry = problemsOf(readRegistryAccess);
const REGISTRY = { SCHEMA_REGISTRY_URL: 'https://r:8443/apis/ccompat/v7/' };
const USER = { KAFKA_SASL_USERNAME: 'flights.qualify', KAFKA_SASL_PASSWORD: 'hush' };

test('nothing set: no TLS, no SASL', () => {
  assert.deepEqual(readKafkaAccess({}, none), { tls: undefined, sasl: undefined });
  assert.deepEqual(readKafkaAccess({ KAFKA_TLS: 'off' }, none), { tls: undefined, sasl: undefined });
  assert.deepEqual(securityOf(readKafkaAccess({}, none)), {});
});

test('brokers by name, IPv4 and IPv6', () => {
  assert.deepEqual(readBrokers({ KAFKA_BROKERS: 'a:1, 127.0.0.1:2,[::1]:3' }, none), ['a:1', '127.0.0.1:2', '[::1]:3']);
  assert.deepEqual(problemsOf(readBrokers)({ KAFKA_BROKERS: 'a, b:x' }), ['KAFKA_BROKERS', 'KAFKA_BROKERS']);
});

test('a password that is rotated in its file is the one of the next connection; one line end is no part of it', () => {
  const password = file('password', 'first\n');
  const env = {
    KAFKA_TLS: 'on',
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'me',
    KAFKA_SASL_PASSWORD_FILE: password,
  };
  const { sasl } = securityOf(readKafkaAccess(env, none)) as { sasl: { mechanism: string; password: string } };
  assert.deepEqual([sasl.mechanism, sasl.password], ['scram-sha-512', 'first']);
  file('password', 'second ');
  assert.equal(sasl.password, 'second ');
  rmSync(password);
  assert.equal(sasl.password, 'second ', 'a file in mid-replacement ends nothing');
});

test('what does not go together is told, all at once', () => {
  assert.deepEqual(kafka({ KAFKA_TLS: 'yes' }), ['KAFKA_TLS']);
  assert.deepEqual(kafka({ KAFKA_TLS_CA_FILE: '/ca.pem' }), ['KAFKA_TLS_CA_FILE']);
  assert.deepEqual(kafka({ KAFKA_SASL_MECHANISM: 'GSSAPI', ...USER }), ['KAFKA_SASL_MECHANISM']);
  assert.deepEqual(kafka({ KAFKA_SASL_MECHANISM: 'PLAIN', ...USER }), ['KAFKA_SASL_MECHANISM']);
  assert.deepEqual(kafka({ KAFKA_TLS: 'on', KAFKA_SASL_MECHANISM: 'PLAIN' }), [
    'KAFKA_SASL_PASSWORD',
    'KAFKA_SASL_USERNAME',
  ]);
  assert.deepEqual(kafka(USER), ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_MECHANISM']);
  assert.deepEqual(kafka({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256', ...USER, KAFKA_SASL_PASSWORD_FILE: '/p' }), [
    'KAFKA_SASL_PASSWORD',
    'KAFKA_SASL_PASSWORD_FILE',
  ]);
  assert.deepEqual(
    kafka({ KAFKA_TLS: 'on', KAFKA_TLS_CERT_FILE: '/cert.pem', KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256', ...USER }),
    ['KAFKA_TLS_KEY_FILE'],
  );
  const ca = file('ca.pem', 'no certificate');
  assert.deepEqual(kafka({ KAFKA_TLS: 'on', KAFKA_TLS_CA_FILE: ca }), ['KAFKA_TLS_CA_FILE']);
  assert.deepEqual(kafka({ KAFKA_TLS: 'on', KAFKA_TLS_CA_FILE: join(folder, 'absent') }), ['KAFKA_TLS_CA_FILE']);
});

test('the registry: one way in, and its address is told without it', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  const inUrl = readRegistryAccess({ SCHEMA_REGISTRY_URL: 'https://me:hu%40sh@r:8443/api/' }, none);
  assert.deepEqual([inUrl.url, inUrl.access.authorization?.()], ['https://r:8443/api', basic('me:hu@sh')]);
  const user = readRegistryAccess(
    { ...REGISTRY, SCHEMA_REGISTRY_USERNAME: 'me', SCHEMA_REGISTRY_PASSWORD: 'hush' },
    none,
  );
  assert.deepEqual([user.url, user.access.authorization?.()], ['https://r:8443/apis/ccompat/v7', basic('me:hush')]);
  const bearer = readRegistryAccess({ ...REGISTRY, SCHEMA_REGISTRY_TOKEN_FILE: file('token', 't0\n') }, none);
  assert.equal(bearer.access.authorization?.(), 'Bearer t0');

  assert.deepEqual(registry({}), ['SCHEMA_REGISTRY_URL']);
  assert.deepEqual(registry({ SCHEMA_REGISTRY_URL: 'me:hush@r' }), ['SCHEMA_REGISTRY_URL']);
  assert.deepEqual(registry({ ...REGISTRY, SCHEMA_REGISTRY_PASSWORD: 'hush' }), ['SCHEMA_REGISTRY_USERNAME']);
  assert.deepEqual(
    registry({
      SCHEMA_REGISTRY_URL: 'http://me:hush@r',
      SCHEMA_REGISTRY_TOKEN: 't',
      SCHEMA_REGISTRY_TLS_CA_FILE: '/ca',
    }),
    ['SCHEMA_REGISTRY_TLS_CA_FILE', 'SCHEMA_REGISTRY_URL'],
  );
});

test('variables of access are known by name, addresses are none of them', () => {
  for (const name of ['KAFKA_TLS', 'KAFKA_TLS_CA_FILE', 'KAFKA_SASL_PASSWORD', 'SCHEMA_REGISTRY_TOKEN_FILE'])
    assert.match(name, ACCESS_VARIABLES);
  for (const name of ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL']) assert.doesNotMatch(name, ACCESS_VARIABLES);
});

test('a source or target finds what its configuration names, from files too; rules do not', () => {
  const env = { DATABASE_URL: 'postgres://a', OTHER_FILE: file('other', 'postgres://b\n'), HOME: '/root', SHELL: 'sh' };
  const config = { type: 'postgres', address: 'OTHER', table: 'other' };
  assert.equal(withSecrets(env, config).OTHER, 'postgres://b');
  assert.equal(withSecrets(env, {}).DATABASE_URL, 'postgres://a');
  assert.throws(
    () => withSecrets({ OTHER: 'x', OTHER_FILE: '/y' }, config),
    (error) => error instanceof Fault && error.code === 'CONFIG_INVALID',
  );
  const own: Record<string, string | undefined> = { ...env, OTHER: 'x' };
  hideSecrets(own, config);
  assert.deepEqual(Object.keys(own).sort(), ['HOME', 'OTHER_FILE', 'SHELL']);
});
