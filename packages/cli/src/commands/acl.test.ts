import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Fault } from '@quadrille/record';
import type { Acl } from '@quadrille/station';
import type { Context, Options } from '../command.ts';
import { acl } from './acl.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

async function printed(options: Options): Promise<string> {
  let out = '';
  const context = { cwd: ROOT, env: {}, out: (text: string) => (out += text), err: () => {} } as unknown as Context;
  await acl.run(context, ['packages/testing/fixtures/tiny'], options);
  return out;
}

test('a table for people, JSON for programs', async () => {
  const table = await printed({ station: 'weigh' });
  assert.match(table, /^PRINCIPAL +TYPE +PATTERN +NAME +OPERATIONS\n/);
  assert.match(table, /^User:tiny\.weigh +group +prefixed +tiny\.weigh\. +Read$/m);
  assert.doesNotMatch(table, /tiny\.depot|quadrille\.operator/);
  const list = JSON.parse(await printed({ output: 'json', user: 'quadrille.provisioner' })) as Acl[];
  assert.ok(list.every(({ principal }) => principal === 'User:quadrille.provisioner'));
  assert.deepEqual(list.find(({ resource }) => resource.name === 'tiny.sent')?.operations, [
    'Create',
    'Describe',
    'DescribeConfigs',
  ]);
});

test('the script hands Kafka’s tool exactly these words', async () => {
  const script = await printed({ format: 'kafka-acls', principal: "User:CN={user},O=it's", station: 'weigh' });
  const calls = execFileSync('sh', ['-s'], {
    input: script.replace('set -eu\n', 'set -eu\ntool() { printf "%s|" "$@"; echo; }\n'),
    env: { BOOTSTRAP: 'b:1', CONFIG: 'c.properties', KAFKA_ACLS: 'tool' },
    encoding: 'utf8',
  });
  const begin =
    "--bootstrap-server|b:1|--command-config|c.properties|--add|--allow-principal|User:CN=tiny.weigh,O=it's|";
  assert.ok(calls.includes(`${begin}--operation|Read|--operation|DescribeConfigs|--topic|tiny.sent|\n`), calls);
  assert.ok(calls.includes(`${begin}--operation|Read|--group|tiny.weigh.|--resource-pattern-type|prefixed|\n`), calls);
});

test('what is not there is told', async () => {
  const code = (options: Options) => printed(options).catch((error: Fault) => `${error.code} ${error.help}`);
  assert.match(await code({ station: 'weight' }), /^NOT_FOUND one of: parcels, weigh, depot/);
  assert.match(await code({ user: 'tiny.x' }), /^NOT_FOUND one of: tiny\.parcels/);
  assert.match(await code({ format: 'yaml' }), /^USAGE/);
  assert.match(await code({ principal: 'me' }), /^USAGE/);
});
