/** Rules held against the types of their topics, by TypeScript itself: what a rule returns that its output does not have. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '@quadrille/record';
import { compilerOptions } from '../init/compiler-options.ts';

const INSTALLED = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/[/\\]$/, '');
/** `file(line,column): error TS2322: text`, followed by indented lines that say why. */
const ERROR = /^(.+)\((\d+),(\d+)\): error TS\d+: (.*)$/;

/**
 * RULE_TYPES of rule files, each at its place; none where TypeScript is not installed, as in the images.
 * @param files absolute.
 */
export async function typeFaults(files: readonly string[]): Promise<Fault[]> {
  const own = files.filter((file) => /\.m?ts$/.test(file));
  if (own.length === 0) return [];
  let compiler: string;
  try {
    const installed = createRequire(import.meta.url).resolve('typescript/package.json');
    compiler = join(dirname(installed), 'bin/tsc');
  } catch {
    return [];
  }
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-types-'));
  try {
    const project = join(folder, 'tsconfig.json');
    // As Node takes them: modules by what is written in them, whatever a package.json says. A rule may do without types.
    const asRun = { module: 'preserve', moduleResolution: 'bundler', noImplicitAny: false };
    const options = { ...compilerOptions(INSTALLED), ...asRun };
    await writeFile(project, JSON.stringify({ compilerOptions: options, files: own }));
    return faultsIn(await output(compiler, project, folder), folder, new Set(own));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Ends with an error code where it has found something. */
const output = (compiler: string, project: string, cwd: string): Promise<string> =>
  new Promise((done) => {
    const words = [compiler, '--project', project, '--pretty', 'false'];
    execFile(process.execPath, words, { cwd, maxBuffer: 2 ** 24 }, (_error, stdout) => done(stdout));
  });

function faultsIn(text: string, cwd: string, files: ReadonlySet<string>): Fault[] {
  const faults: Fault[] = [];
  for (const block of text.split(/\n(?=\S)/)) {
    const [first = '', ...why] = block.trimEnd().split('\n');
    const [, path = '', line, column, what = ''] = ERROR.exec(first) ?? [];
    const file = resolve(cwd, path);
    // Of other files, types among them, whoever wrote them is told elsewhere.
    if (!files.has(file)) continue;
    // The innermost reason says it of the very field.
    const reason = why.at(-1)?.trim() ?? what;
    faults.push(new Fault('RULE_TYPES', reason, { place: `${relative('', file)}:${line}:${column}` }));
  }
  return faults;
}
