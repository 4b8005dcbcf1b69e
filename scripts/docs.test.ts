/** Holds the documents to the code: generated pages, files and links that are named, codes, variables. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { STACK_ERRORS } from '@quadrille/devstack';
import { FAULTS, RETIRED } from '@quadrille/record';
import { pages } from './docs.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const find = (pattern: string | string[]): string[] =>
  globSync(pattern, { cwd: ROOT, exclude: (name) => name === 'node_modules' || name === '.quadrille' })
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
const DOCUMENTS = find(['*.md', 'docs/**/*.md', 'flows/*/*.md', 'flows/*/data/*.md']);
const SOURCES = find(['packages/**/*.{ts,mjs}', 'services/**/*.ts', 'scripts/*.{ts,mjs}', 'bin/*.js']);

/** Without fenced blocks: what stands in examples is its own. */
const prose = (text: string): string => text.replace(/^( *)(```|~~~)[\s\S]*?^\1\2$/gm, '');
const inline = (text: string): string[] => [...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);

test('generated pages are current', async () => {
  for (const [path, page] of Object.entries(pages))
    assert.equal(read(path), await page(), `${path}: run node scripts/docs.ts`);
});

test('every relative link leads to a file, and to a heading where it names one', () => {
  const lost: string[] = [];
  for (const document of DOCUMENTS) {
    for (const [, target] of prose(read(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path = '', heading] = target!.split('#');
      const file = path === '' ? document : normalize(join(dirname(document), path));
      if (!existsSync(join(ROOT, file))) lost.push(`${document}: ${target}`);
      else if (heading !== undefined && !headingsOf(read(file)).includes(heading)) lost.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(lost, []);
});

/** As GitHub makes anchors of headings. */
function headingsOf(text: string): string[] {
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('every file that a document names is there', () => {
  const lost: string[] = [];
  for (const document of DOCUMENTS) {
    for (const code of inline(read(document))) {
      if (!/^(packages|services|scripts|bin|docs|flows|schemas)\/[\w./-]+$/.test(code)) continue;
      if (!existsSync(join(ROOT, code)) && !ADDED_BY_THE_READER.has(code)) lost.push(`${document}: ${code}`);
    }
  }
  assert.deepEqual(lost, []);
});

/** Files that the guides tell the reader to make. */
const ADDED_BY_THE_READER = new Set([
  'packages/flow/src/sources/log.ts',
  'packages/flow/src/targets/sqlite.ts',
  'packages/testing/src/conformance/log.test.ts',
  'packages/testing/src/conformance/sqlite.test.ts',
  'flows/flights/data/airports-caribbean.csv',
  'flows/orders/flow.yaml',
  'flows/orders/data/orders.csv',
  'flows/orders/rules/large.ts',
  'schemas/orders.placed.avsc',
  'schemas/orders.large.avsc',
]);

/** Folder and name of every file in the code map: names stand in lists, below the heading of their folder. */
function codeMap(): { folder: string; path: string }[] {
  const [, map = ''] = /\n## Code map\n([\s\S]*?)\n## /.exec(read('ARCHITECTURE.md')) ?? [];
  let folder = '';
  return map.split('\n').flatMap((line) => {
    folder = /^#{3,4} `([^`]+)`/.exec(line)?.[1] ?? folder;
    const names = /^- (.*?):/.exec(line)?.[1] ?? '';
    return [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => ({ folder, path: `${folder}/${name}` }));
  });
}

test('every file of the code map is there', () => {
  const lost = codeMap().filter(({ path }) => !existsSync(join(ROOT, path)));
  assert.deepEqual(lost, []);
});

test('the code map names every folder of sources', () => {
  const named = new Set(codeMap().flatMap(({ folder, path }) => [folder, dirname(path)]));
  const folders = SOURCES.filter((path) => /^(packages|services)\//.test(path) && !path.includes('/fixtures/')).map(
    dirname,
  );
  assert.deepEqual(
    [...new Set(folders)].filter((folder) => !named.has(folder)),
    [],
  );
});

test('every code that a document names is a code', () => {
  const known = new Set([
    ...Object.keys(FAULTS),
    ...RETIRED,
    ...Object.keys(STACK_ERRORS),
    ...codesOfFlows(),
    ...variables(),
    // An argument of a command.
    'RECORD_ID',
  ]);
  const unknown: string[] = [];
  for (const document of DOCUMENTS) {
    for (const code of inline(read(document))) {
      if (/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(code) && !known.has(code)) unknown.push(`${document}: ${code}`);
    }
  }
  assert.deepEqual(unknown, []);
});

/** What the rules of the flows drop and reject by. */
function codesOfFlows(): string[] {
  const files = [...find('flows/*/rules/*.ts'), ...find('flows/*/rules/*.sql')];
  return files.flatMap((file) =>
    [...read(file).matchAll(/\b(?:drop\(|reject\(|error\()'([A-Z0-9_]+)[':]/g)].map(([, code]) => code!),
  );
}

/** The variables of the environment that the page of the configuration names. */
function variables(): string[] {
  return inline(read('docs/reference/configuration.md')).filter((code) => /^[A-Z][A-Z0-9_]+$/.test(code));
}

test('every variable that the code reads is documented, and no other', () => {
  const pattern = /\bQUADRILLE_[A-Z_]+\b|\b(?:KAFKA_BROKERS|SCHEMA_REGISTRY_URL|DATABASE_URL)\b/g;
  const sources = SOURCES.filter((path) => path !== 'scripts/docs.test.ts' && path !== 'scripts/docs.ts');
  const used = new Set(sources.flatMap((path) => read(path).match(pattern) ?? []));
  const documented = new Set(variables().filter((name) => name.match(pattern)));
  assert.deepEqual([...documented].sort(), [...used].sort());
});

test('the seven invariants stand in ARCHITECTURE.md, and each is cited where it is enforced', () => {
  const invariants = [...read('ARCHITECTURE.md').matchAll(/^\*\*Architecture Invariant (\d):/gm)].map(
    ([, number]) => number,
  );
  assert.deepEqual(invariants, ['1', '2', '3', '4', '5', '6', '7']);
  const cited = new Set(
    SOURCES.flatMap((path) => [...read(path).matchAll(/\(invariant (\d)\)/g)].map(([, number]) => number)),
  );
  assert.deepEqual([...cited].sort(), invariants);
});
