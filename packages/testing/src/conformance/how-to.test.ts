/** The source and the target that the how-to guides add are whole: taken out of the pages and held to the suites. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pathToFileURL } from 'node:url';

const ROOT = new URL('../../../../', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'quadrille-how-to-'));
after(() => rmSync(folder, { recursive: true }));

/** The TypeScript of a page, each block under the path that the line above it names. */
function filesOf(page: string): { path: string; code: string }[] {
  const text = readFileSync(new URL(`docs/how-to/${page}`, ROOT), 'utf8');
  const found = [...text.matchAll(/`(packages\/[^`]+\.ts)`:\n\n```ts\n([\s\S]*?)```/g)];
  return found.map(([, path, code]) => ({ path: path!, code: code! }));
}

/** As if the file stood at its path; `swapped` says what an import is answered with instead. */
function place({ path, code }: { path: string; code: string }, swapped: Readonly<Record<string, string>> = {}): string {
  const resolved = code.replace(/from '([^']+)'/g, (_, specifier: string) => {
    const known = swapped[specifier];
    if (known !== undefined) return `from ${JSON.stringify(known)}`;
    if (specifier.startsWith('node:')) return `from '${specifier}'`;
    const url = specifier.startsWith('.')
      ? new URL(specifier, new URL(path, ROOT)).href
      : import.meta.resolve(specifier);
    return `from ${JSON.stringify(url)}`;
  });
  const file = join(folder, path.split('/').at(-1)!);
  writeFileSync(file, resolved);
  return pathToFileURL(file).href;
}

/** Runs a page's fixture with its type in the registry beside the others. */
async function runPage(page: string, registry: 'sourceTypes' | 'targetTypes', type: string): Promise<void> {
  const [extension, fixture] = filesOf(page);
  if (extension === undefined || fixture === undefined) throw new Error(`${page} has not the two files it should have`);
  const url = place(extension);
  const flow = import.meta.resolve('@quadrille/flow');
  const registered = join(folder, `${type}-registry.ts`);
  writeFileSync(
    registered,
    `import { ${registry} as known } from ${JSON.stringify(flow)};\nimport { ${type} } from ${JSON.stringify(url)};\n` +
      `export const ${registry} = { ...known, ${type} };\n`,
  );
  await import(place(fixture, { '@quadrille/flow': pathToFileURL(registered).href }));
}

await runPage('add-a-source.md', 'sourceTypes', 'log');
await runPage('add-a-target.md', 'targetTypes', 'sqlite');
