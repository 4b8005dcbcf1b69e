import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const bootstrap = join(import.meta.dirname, 'bootstrap.mjs');
const empty = mkdtempSync(join(tmpdir(), 'quadrille-bootstrap-'));
after(() => rmSync(empty, { recursive: true }));

function run(env: Record<string, string>, ...args: string[]) {
  const { status, stderr } = spawnSync(process.execPath, [bootstrap, ...args], {
    env: { HOME: empty, ...env },
    encoding: 'utf8',
  });
  return { status, stderr };
}

const ADDRESSES = { KAFKA_BROKERS: 'a:1', SCHEMA_REGISTRY_URL: 'http://a:2', DATABASE_URL: 'postgres://a:3/b' };

test('where all is in place there is nothing to say', () => {
  assert.deepEqual(run({ ...ADDRESSES, PATH: '' }), { status: 0, stderr: '' });
  assert.deepEqual(run({ PATH: '' }, '--no-servers'), { status: 0, stderr: '' });
});

test('everything that is missing is named at once, with what to install', () => {
  const { status, stderr } = run({ PATH: empty, QUADRILLE_STACK: 'local' });
  assert.equal(status, 1);
  assert.deepEqual(
    stderr
      .trim()
      .split('\n')
      .map((line) => line.split(' ', 1)[0] || line.trim().split(' ', 1)[0]),
    ['JAVA_MISSING', 'help:', 'MAVEN_MISSING', 'help:', 'TAR_MISSING', 'help:'],
  );
  assert.match(stderr, /apt-get install openjdk-17-jre-headless/);
});

test('a part of the three addresses is refused, naming the rest', () => {
  const { KAFKA_BROKERS } = ADDRESSES;
  const { status, stderr } = run({ KAFKA_BROKERS, PATH: '' });
  assert.equal(status, 1);
  assert.match(stderr, /^ADDRESSES_PARTIAL .*SCHEMA_REGISTRY_URL and DATABASE_URL not set\n {2}help: /);
});

test('a stack of an unknown kind, and a Docker that does not answer, are refused', () => {
  assert.match(run({ QUADRILLE_STACK: 'podman' }).stderr, /^STACK_KIND_UNKNOWN .*"podman"\n {2}help: /);
  assert.match(
    run({ QUADRILLE_STACK: 'docker', DOCKER_HOST: 'tcp://127.0.0.1:1' }).stderr,
    /^DOCKER_UNREACHABLE .*\n {2}help: /,
  );
});
