/** No package whose terms reach further than a notice; and the page tells what the packages themselves say. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { carriedBy, isAllowed, type Lockfile, licencesPage, lockfile, TOLD_ELSEWHERE } from './licences.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

test('every package that runs in production is under terms that are allowed', () => {
  const carried = carriedBy(lockfile());
  assert.ok(carried.length > 80);
  assert.deepEqual(
    carried.filter(({ licence }) => !isAllowed(licence)),
    [],
    'choose another package, or decide in scripts/licences.ts',
  );
});

test('so is every package for development that says what it is under', () => {
  const refused = Object.entries(lockfile().packages).filter(
    ([, { license, dev }]) => dev && license !== undefined && !isAllowed(license),
  );
  assert.deepEqual(refused, []);
});

test('what the lockfile says of an installed package is what the package says', () => {
  let installed = 0;
  for (const [path, { version, license, link }] of Object.entries(lockfile().packages)) {
    const manifest = join(ROOT, path, 'package.json');
    if (!path.includes('node_modules/') || link || !existsSync(manifest)) continue;
    const own = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string; license?: string };
    assert.equal(own.version.replace(/^v/, ''), version, path);
    if (license !== undefined) assert.equal(own.license, license, path);
    installed++;
  }
  assert.ok(installed > 100, 'npm ci has run');
});

test('a licence is told elsewhere only where the package tells none, and by its own file where it has one', () => {
  const { packages } = lockfile();
  for (const [name, { licence, by }] of Object.entries(TOLD_ELSEWHERE)) {
    const entry = packages[`node_modules/${name}`];
    assert.ok(entry !== undefined && entry.license === undefined, name);
    if (!by.startsWith('its file')) continue;
    const file = readFileSync(join(ROOT, 'node_modules', name, by.replace('its file ', '')), 'utf8');
    assert.match(file, new RegExp(`^${licence} License`), name);
  }
});

test('terms are chosen, joined and refused as SPDX has it', () => {
  for (const good of [
    'MIT',
    'MIT OR GPL-3.0-only',
    '(MIT OR GPL-2.0)',
    'MIT AND ISC',
    '(MIT OR GPL-2.0) AND BSD-3-Clause',
  ])
    assert.equal(isAllowed(good), true, good);
  for (const bad of [
    ...['GPL-3.0-only', 'LGPL-2.1-or-later', 'AGPL-3.0', 'MPL-2.0', 'SSPL-1.0', 'BUSL-1.1', 'CC-BY-NC-4.0', 'unknown'],
    ...['MIT AND GPL-2.0', '(MIT AND GPL-2.0) OR AGPL-3.0', 'UNLICENSED', 'SEE LICENSE IN LICENSE.md', ''],
  ])
    assert.equal(isAllowed(bad), false, bad);
});

test('a package that comes in under other terms is found, whatever depends on it', () => {
  const grown: Lockfile = {
    packages: {
      '': {},
      'packages/flow': { version: '0.1.0', license: 'Apache-2.0' },
      'node_modules/good': { version: '1.0.0', license: 'MIT' },
      'node_modules/good/node_modules/bad': { version: '2.0.0', license: 'AGPL-3.0-only' },
      'node_modules/silent': { version: '1.0.0' },
      'node_modules/tool': { version: '1.0.0', license: 'GPL-3.0', dev: true },
    },
  };
  const refused = carriedBy(grown).filter(({ licence }) => !isAllowed(licence));
  assert.deepEqual(
    refused.map(({ name, licence }) => [name, licence]),
    [
      ['bad', 'AGPL-3.0-only'],
      ['silent', 'unknown'],
    ],
  );
});

test('the page names each with its version', () => {
  const page = licencesPage();
  for (const { name, versions } of carriedBy(lockfile()))
    for (const version of versions)
      assert.match(page, new RegExp(`^\\| ${name} \\|.*${version.replaceAll('.', '\\.')}`, 'm'));
});
