import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cacheFolder } from '../machine.mjs';
import { fetchJars } from './jars.ts';

/** An environment with an empty cache and a Maven that is this shell script; `$out` is where it shall put its files. */
function withMaven(t: TestContext, script: string): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-jars-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'mvn'),
    `#!/bin/sh\nfor a; do case $a in -Dout=*) out=\${a#-Dout=};; esac; done\n${script}\n`,
  );
  chmodSync(join(folder, 'mvn'), 0o755);
  return { PATH: `${folder}:/usr/bin:/bin`, XDG_CACHE_HOME: join(folder, 'cache') };
}

test('files with another digest, of another name, or that were not brought are refused and not kept', async (t) => {
  const env = withMaven(
    t,
    'mkdir "$out/kafka"; echo bad > "$out/kafka/kafka-clients-4.3.1.jar"; echo x > "$out/kafka/other.jar"',
  );
  await assert.rejects(
    fetchJars(env, () => {}),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'CHECKSUM_MISMATCH');
      assert.match(error.message, /kafka\/kafka-clients-4\.3\.1\.jar has sha256 [0-9a-f]{64}, expected [0-9a-f]{64}/);
      assert.match(error.message, /kafka\/other\.jar .*expected no such file/);
      assert.match(error.message, /kafka\/kafka_2\.13-4\.3\.1\.jar was not brought/);
      return true;
    },
  );
  assert.deepEqual(readdirSync(cacheFolder(env)), []);
});

test("a download that fails shows Maven's own reason", async (t) => {
  const env = withMaven(t, 'echo "[ERROR] Could not transfer artifact: no route to host"; exit 1');
  await assert.rejects(
    fetchJars(env, () => {}),
    (error: Error & { code: string; help: string }) => {
      assert.equal(error.code, 'DOWNLOAD_FAILED');
      assert.match(error.message, /no route to host/);
      assert.match(error.help, /settings\.xml/);
      return true;
    },
  );
  assert.deepEqual(readdirSync(cacheFolder(env)), []);
});
