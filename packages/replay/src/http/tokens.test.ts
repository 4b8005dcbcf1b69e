import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { holderOf, localToken } from './tokens.ts';

test('the local token is made once, for this user alone, and opens the door', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-token-'));
  try {
    const file = join(folder, 'deep', 'replay.token');
    const first = localToken(file);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(localToken(file), first, 'the second of two instances uses it too');
    assert.deepEqual(readdirSync(join(folder, 'deep')), ['replay.token']);
    const text = readFileSync(file, 'utf8').trim();
    assert.equal(holderOf([first])(text)?.role, 'admin');
    assert.equal(holderOf([first])(`${text}x`), undefined);
    chmodSync(file, 0o644);
    assert.throws(() => localToken(file), /CONFIG_INVALID|others may read/);
    chmodSync(file, 0o600);
    writeFileSync(file, '');
    assert.throws(() => localToken(file), /holds no token/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a token has the role it was given, nobody else any', () => {
  const sha256 = createHash('sha256').update('secret').digest('hex');
  const holder = holderOf([{ name: 'ann', role: 'operate', sha256: sha256.toUpperCase() }]);
  assert.deepEqual(holder('secret'), { name: 'ann', role: 'operate' });
  for (const wrong of ['', 'Secret', sha256]) assert.equal(holder(wrong), undefined);
});
