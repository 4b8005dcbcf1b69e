/** An example flow of flows/ with topics, tables and names of its own, so that tests may run it side by side. */
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlowReconciliation } from '@quadrille/replay/api';
import { Client } from 'pg';
import { givenAddresses, ROOT } from '../harness/index.ts';
import { Project } from './command.ts';

export type Books = Omit<FlowReconciliation, 'stations'> & {
  stations: Record<string, { received: number; rejected: number; dropped: number } | undefined>;
};

export abstract class ExampleProject extends Project {
  /** Its flow as the command line names it. */
  readonly flow = `flows/${this.name}`;

  /** Names in the project's copy: topics are `<project>.<topic with - for .>`. */
  topic(topic: string): string {
    return `${this.name}.${topic.replace('.', '-')}`;
  }

  /**
   * Copies a flow: its texts with topics renamed and `edits` made, its rules linked, since their imports are resolved from
   * where they really are.
   */
  protected async fill(example: string, edits: Readonly<Record<string, string>>): Promise<void> {
    const from = join(ROOT, 'flows', example);
    const into = join(this.folder, this.flow);
    const schemas = (await readdir(join(ROOT, 'schemas'))).filter((file) => file.endsWith('.avsc'));
    const text = await readFile(join(from, 'flow.yaml'), 'utf8');
    const topics = schemas.map((file) => file.replace(/\.avsc$/, '')).filter((topic) => text.includes(topic));
    const own = (source: string): string => {
      let result = source;
      for (const topic of topics) result = result.replaceAll(topic, this.topic(topic));
      for (const [before, after] of Object.entries(edits)) result = result.replaceAll(before, after);
      return result;
    };
    await mkdir(into, { recursive: true });
    await mkdir(join(this.folder, 'schemas'));
    for (const topic of topics)
      await cp(join(ROOT, 'schemas', `${topic}.avsc`), join(this.folder, 'schemas', `${this.topic(topic)}.avsc`));
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const source = join(from, entry.name);
      const target = join(into, entry.name);
      if (entry.name === 'rules') await this.copyRules(source, target, own);
      else if (entry.isDirectory()) await this.copyFolder(source, target, own);
      else if (/\.(ts|yaml)$/.test(entry.name)) await writeFile(target, own(await readFile(source, 'utf8')));
    }
  }

  /** Rules that name topics must name the copy's. */
  private async copyRules(source: string, target: string, own: (text: string) => string): Promise<void> {
    await mkdir(target);
    for (const file of await readdir(source)) {
      const text = await readFile(join(source, file), 'utf8');
      if (file.endsWith('.sql')) await writeFile(join(target, file), own(text));
      else await symlink(join(source, file), join(target, file));
    }
  }

  private async copyFolder(source: string, target: string, own: (text: string) => string): Promise<void> {
    await mkdir(target);
    for (const file of await readdir(source)) {
      if (file.endsWith('.ts')) await writeFile(join(target, file), own(await readFile(join(source, file), 'utf8')));
      else await cp(join(source, file), join(target, file));
    }
  }

  books(): Promise<Books> {
    return this.json('flow', 'reconcile');
  }

  async sql<T>(text: string): Promise<T[]> {
    const client = new Client({ connectionString: givenAddresses().databaseUrl });
    await client.connect();
    try {
      return (await client.query(text)).rows as T[];
    } finally {
      await client.end();
    }
  }
}

/** The page of an example: what its reader is told to type. */
export class Page {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static async of(example: string): Promise<Page> {
    return new Page(await readFile(join(ROOT, 'flows', example, 'README.md'), 'utf8'));
  }

  /** The code block that follows `after`. @throws when there is none */
  block(after: string): string {
    const from = this.#text.indexOf(after);
    const [, text] = from < 0 ? [] : (/```\w*\n([\s\S]*?)```/.exec(this.#text.slice(from)) ?? []);
    if (text === undefined) throw new Error(`no block after «${after}»`);
    return text;
  }

  /** Its lines `quadrille …`, as words. */
  commands(after: string): string[][] {
    return this.block(after)
      .split('\n')
      .filter((line) => line.startsWith('quadrille '))
      .map((line) =>
        [...line.replace(/^quadrille /, '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!),
      );
  }
}
