/** Folders of a test's own, for the tests of the target file. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Fault } from '@quadrille/record';
import { fieldsOf } from '../avro/field.ts';
import { typeOf } from '../avro/type.ts';
import type { Target, TargetRow } from '../target.ts';
import { type FileConfig, file } from './file.ts';

export type FieldJson = { name: string; type: unknown; default?: unknown };
export const FIELDS: FieldJson[] = [
  { name: 'text', type: 'string' },
  { name: 'amount', type: ['null', 'long'], default: null },
];

export interface Place {
  folder: string;
  create(config?: Partial<FileConfig>, fields?: FieldJson[]): Target;
  /** Paths below the folder, hidden ones in place of their random part `…`. */
  entries(): string[];
  lines(path: string): string[];
}

export async function place(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-file-'));
  const targets: Target[] = [];
  t.after(async () => {
    for (const target of targets) await target.close().catch(() => undefined);
    await rm(folder, { recursive: true });
  });
  const read = (path: string): string => {
    const bytes = readFileSync(join(folder, path));
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  };
  return {
    folder,
    create(config = {}, fields = FIELDS) {
      const schema = { type: 'record', name: 'Row', fields };
      const target = file.create(
        { path: '.', ...config },
        { flow: 'f', station: 's', folder, schema: typeOf(schema), fields: fieldsOf(schema), env: {} },
      );
      targets.push(target);
      return target;
    },
    entries: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
        .map((path) => path.replace(/-[0-9a-f]{16}$/, '-…').replaceAll(/0{10,}/g, '0‥'))
        .sort(),
    lines: (path) => read(path).split(/\r?\n/).filter(Boolean),
  };
}

export const at = (
  offset: number,
  text: string | null = `text ${offset}`,
  more: Partial<TargetRow> = {},
): TargetRow => ({
  id: `id ${offset}`,
  version: 1n,
  revision: 0,
  topic: 't',
  partition: 0,
  offset,
  timestamp: 0,
  value: text === null ? null : { text, amount: null },
  bytes: Buffer.from(text ?? ''),
  ...more,
});
export const codeOf = (code: string) => (error: unknown) => error instanceof Fault && error.code === code;
