/** The bill of materials that npm makes of the lockfile: nothing that an image carries is missing, each with its checksum. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../harness/index.ts';

interface Component {
  name: string;
  version: string;
  purl: string;
  hashes?: unknown[];
}

test('the bill of materials names every package that services and command need, with version and checksum', () => {
  // Without `--omit dev`: npm then leaves out, too, what runs and is needed for development besides.
  const made = spawnSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--loglevel=error'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  });
  assert.equal(made.status, 0, made.stderr);
  const bom = JSON.parse(made.stdout) as { bomFormat: string; components: Component[] };
  assert.equal(bom.bomFormat, 'CycloneDX');
  const named = new Map(bom.components.map((component) => [component.purl, component]));
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; link?: boolean; dev?: boolean; devOptional?: boolean; os?: string[] }>;
  };
  const carried = Object.entries(lock.packages).filter(
    ([path, { link, dev, devOptional, os }]) =>
      path.includes('node_modules/') && !link && !dev && !devOptional && (os ?? ['linux']).includes('linux'),
  );
  assert.ok(carried.length > 80);
  for (const [path, { version }] of carried) {
    const name = path.split('node_modules/').at(-1)!;
    const component = named.get(`pkg:npm/${name.replace('@', '%40')}@${version}`);
    if (component === undefined && /-(arm64|x64|musl|gnu)$/.test(name)) continue; // of another processor
    assert.ok(component !== undefined, `${name}@${version}`);
    assert.ok((component.hashes ?? []).length > 0, `${name} has a checksum`);
  }
});

test('the lockfile has DuckDB for both processors that images are built for', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: object };
  for (const cpu of ['x64', 'arm64'])
    assert.ok(`node_modules/@duckdb/node-bindings-linux-${cpu}` in packages, `npm ci --cpu=${cpu} installs it`);
});
