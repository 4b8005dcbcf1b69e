import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Faults } from '@quadrille/record';
import { readConfig } from './config.ts';

const GOOD = {
  KAFKA_BROKERS: 'a:9092, b:9093',
  SCHEMA_REGISTRY_URL: 'http://r:8080/apis/ccompat/v7/',
  QUADRILLE_FLOW: 'flows/x',
  QUADRILLE_STATION: 'judge',
};

test('addresses are taken apart, the rest has its defaults', () => {
  const config = readConfig(GOOD);
  assert.deepEqual(config.brokers, ['a:9092', 'b:9093']);
  assert.equal(config.registryUrl, 'http://r:8080/apis/ccompat/v7');
  assert.deepEqual(config.http, { host: '127.0.0.1', port: 0 });
  assert.equal(config.sessionTimeoutMs, 30_000);
  assert.deepEqual([config.ledger, config.metrics, config.logLevel], [true, true, 'info']);
});

test('all problems come at once, each with its variable and what to do', () => {
  const env = {
    KAFKA_BROKERS: 'a',
    SCHEMA_REGISTRY_URL: 'x y',
    QUADRILLE_HTTP: 'here',
    QUADRILLE_LOG: 'loud',
    QUADRILLE_SESSION_TIMEOUT_MS: '1.5',
  };
  assert.throws(
    () => readConfig(env),
    (error) => {
      assert.ok(error instanceof Faults);
      assert.deepEqual(error.faults.map(({ place }) => place).sort(), [
        'KAFKA_BROKERS',
        'QUADRILLE_FLOW',
        'QUADRILLE_HTTP',
        'QUADRILLE_LOG',
        'QUADRILLE_SESSION_TIMEOUT_MS',
        'QUADRILLE_STATION',
        'SCHEMA_REGISTRY_URL',
      ]);
      for (const fault of error.faults) assert.ok(fault.code === 'CONFIG_INVALID' && fault.help.length > 0);
      return true;
    },
  );
});

test('nothing set: every variable that is needed is named', () => {
  assert.throws(
    () => readConfig({}),
    /KAFKA_BROKERS[\s\S]*SCHEMA_REGISTRY_URL[\s\S]*QUADRILLE_FLOW[\s\S]*QUADRILLE_STATION/,
  );
});
