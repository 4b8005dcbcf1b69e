import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesFrom, useGiven } from './given.ts';
import type { StackError, StackErrors } from './stack-error.ts';

const ALL = {
  KAFKA_BROKERS: 'one:9092, two:9092',
  SCHEMA_REGISTRY_URL: 'http://registry:8081/',
  DATABASE_URL: 'postgres://user:secret@db:5432/x',
};

test('three addresses are taken as they are, and none is no choice', () => {
  assert.deepEqual(addressesFrom(ALL), {
    kind: 'given',
    brokers: ['one:9092', 'two:9092'],
    registryUrl: 'http://registry:8081',
    databaseUrl: 'postgres://user:secret@db:5432/x',
  });
  assert.equal(addressesFrom({}), undefined);
  assert.equal(addressesFrom({ KAFKA_BROKERS: '  ' }), undefined);
});

test('a part of the three is refused, and the missing are named', () => {
  assert.throws(
    () => addressesFrom({ KAFKA_BROKERS: 'one:9092' }),
    (error: StackError) =>
      error.code === 'ADDRESSES_PARTIAL' &&
      /SCHEMA_REGISTRY_URL and DATABASE_URL not set/.test(error.format()) &&
      /help: set/.test(error.format()),
  );
});

test('all unreadable addresses are named at once, without the password', () => {
  assert.throws(
    () =>
      addressesFrom({
        KAFKA_BROKERS: 'one',
        SCHEMA_REGISTRY_URL: 'registry:8081',
        DATABASE_URL: 'mysql://user:secret@db/x',
      }),
    (error: StackErrors) => {
      assert.deepEqual(
        error.errors.map(({ code, place }) => [code, place]),
        [
          ['ADDRESS_INVALID', 'KAFKA_BROKERS'],
          ['ADDRESS_INVALID', 'SCHEMA_REGISTRY_URL'],
          ['ADDRESS_INVALID', 'DATABASE_URL'],
        ],
      );
      assert.doesNotMatch(error.format(), /secret/);
      return true;
    },
  );
});

test('addresses where nobody answers are named, all of them, without the password', async () => {
  const nobody = addressesFrom({
    KAFKA_BROKERS: '127.0.0.1:1',
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1/apis',
    DATABASE_URL: 'postgres://user:secret@127.0.0.1:1/x',
  })!;
  await assert.rejects(useGiven(nobody), (error: StackErrors) => {
    assert.deepEqual(
      error.errors.map(({ code, place }) => [code, place]),
      ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'DATABASE_URL'].map((name) => ['ADDRESS_UNREACHABLE', name]),
    );
    assert.doesNotMatch(error.format(), /secret/);
    return true;
  });
});
