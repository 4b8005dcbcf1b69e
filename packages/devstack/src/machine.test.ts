import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspectMachine } from './inspect.ts';
import { missingFor } from './local/local-stack.ts';
import { findJava, inspectLocal, jarsFolder } from './machine.mjs';
import type { StackErrors } from './stack-error.ts';
import { startStack } from './start.ts';

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-machine-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A JDK that is only its `release` file and a program that cannot be run by mistake. */
function fakeJava(folder: string, version: string): string {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'release'), `IMPLEMENTOR="Nobody"\nJAVA_VERSION="${version}"\n`);
  writeFileSync(join(folder, 'bin', 'java'), '#!/bin/sh\nexit 1\n');
  chmodSync(join(folder, 'bin', 'java'), 0o755);
  return join(folder, 'bin');
}

test('the version of Java is read, from JAVA_HOME before PATH', (t) => {
  const [old, recent] = [temporary(t), temporary(t)];
  const inPath = fakeJava(old, '1.8.0_402');
  fakeJava(recent, '21.0.3');
  assert.equal(findJava({ PATH: inPath })?.major, 8);
  assert.equal(findJava({ PATH: inPath, JAVA_HOME: recent })?.major, 21);
  assert.equal(findJava({ PATH: '' }), undefined);
});

test('everything missing is named at once, with what to install', (t) => {
  const errors = missingFor({ PATH: temporary(t), XDG_CACHE_HOME: temporary(t) });
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['JAVA_MISSING', 'MAVEN_MISSING', 'TAR_MISSING'],
  );
  for (const error of errors) assert.match(error.format(), /help: .*install/);
});

test('an old Java is told from none', (t) => {
  const bin = fakeJava(temporary(t), '11.0.2');
  const [error] = missingFor({ PATH: bin, XDG_CACHE_HOME: temporary(t) });
  assert.equal(error?.code, 'JAVA_TOO_OLD');
  assert.match(error.format(), /11\.0\.2, 17 is needed/);
});

test('Maven is not asked for once the jars are there', (t) => {
  const env = { PATH: fakeJava(temporary(t), '17.0.1'), XDG_CACHE_HOME: temporary(t) };
  mkdirSync(jarsFolder(env), { recursive: true });
  writeFileSync(join(jarsFolder(env), 'complete'), '');
  assert.deepEqual(missingFor(env), []);
  assert.ok(inspectLocal(env).every(({ ok }) => ok));
});

test('without Java a start fails before it has made anything', async (t) => {
  const dir = join(temporary(t), 'state');
  const env = { PATH: '', XDG_CACHE_HOME: temporary(t) };
  await assert.rejects(startStack({ dir, kind: 'local', env }), ({ errors }: StackErrors) => {
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['JAVA_MISSING', 'MAVEN_MISSING', 'TAR_MISSING'],
    );
    return true;
  });
  assert.throws(() => rmSync(dir, { recursive: true }), { code: 'ENOENT' });
});

test('an unknown QUADRILLE_STACK is refused', async (t) => {
  await assert.rejects(startStack({ dir: temporary(t), env: { QUADRILLE_STACK: 'podman' } }), {
    code: 'STACK_KIND_UNKNOWN',
  });
});

test('the doctor tells what is needed from what could be used', async (t) => {
  const local = await inspectMachine({ dir: temporary(t), env: { PATH: '', QUADRILLE_STACK: 'local' } });
  const java = local.find(({ name }) => name === 'Java');
  assert.deepEqual([java?.ok, java?.needed, java?.code], [false, true, 'JAVA_MISSING']);
  assert.ok(local.find(({ name }) => name === 'Docker')?.needed === false);

  const partial = await inspectMachine({ dir: temporary(t), env: { KAFKA_BROKERS: 'one:9092' } });
  assert.ok(partial.some(({ code, needed }) => code === 'ADDRESSES_PARTIAL' && needed));
});
