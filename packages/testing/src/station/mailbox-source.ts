/**
 * A queue made of files, for tests of what no file source needs: a source without end and without a way back, whose items
 * bring id and version, may be deletions, and stay until they are acknowledged. Dropped into `inbox/` as JSON. To be
 * imported before anything that imports the flow file's schema.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawItem, ShardReader, Source, SourceContext, SourceType } from '@quadrille/flow';
import { sourceTypes } from '@quadrille/flow/source-types';
import { Fault } from '@quadrille/record';

interface Letter {
  id: string;
  version: number;
  deleted?: boolean;
  fields: Record<string, unknown>;
}

export const mailbox: SourceType = {
  type: 'mailbox',
  doc: 'A folder of letters.',
  config: { type: 'object', properties: {}, additionalProperties: false },
  traits: { endless: true, rewindable: false, deletes: true, brings: ['id', 'version'] },
  create: (_, context) => new Mailbox(context),
};
(sourceTypes as Record<string, SourceType>).mailbox = mailbox;

/** @returns the name of the letter's file. */
export async function post(folder: string, name: string, letter: Letter | string): Promise<string> {
  const text = typeof letter === 'string' ? letter : JSON.stringify(letter);
  await writeFile(join(folder, 'inbox', name), text);
  return name;
}

class Mailbox implements Source {
  readonly #inbox: string;
  readonly #context: SourceContext;
  /** Given out by any reader of this process. */
  readonly #out = new Set<string>();

  constructor(context: SourceContext) {
    this.#inbox = join(context.folder, 'inbox');
    this.#context = context;
  }

  /** One for each lane and one more, so that two share a lane. */
  async shards(): Promise<{ name: string }[]> {
    return ['box-0', 'box-1', 'box-2'].map((name) => ({ name }));
  }

  async open({ name }: { name: string }, from: { row: number } | undefined): Promise<ShardReader> {
    let row = from?.row ?? 0;
    const mine = new Map<number, string>();
    const out = this.#out;
    return {
      read: async (max, stop) => {
        for (;;) {
          const waiting = await readdir(this.#inbox);
          this.#context.lag(name, { records: waiting.length });
          const files = waiting.filter((file) => !out.has(file)).slice(0, Math.min(max, 50));
          for (const file of files) out.add(file);
          const items: RawItem[] = [];
          for (const file of files) {
            const item = await this.#item(file);
            if (item === undefined) continue;
            items.push(item);
            mine.set(row++, file);
          }
          if (items.length > 0 || stop?.aborted === true) return { items, next: { row }, end: false };
          if (waiting.length === 0) return { items, next: { row }, end: false, caughtUp: true };
          await sleep(20, undefined, { signal: stop }).catch(() => {});
        }
      },
      acknowledge: async ({ position, rejected }) => {
        for (const [at, file] of [...mine]) {
          if (at >= position.row) continue;
          mine.delete(at);
          const fault = rejected.get(at);
          if (fault !== undefined) await writeFile(join(this.#inbox, '..', 'refused', file), fault.code);
          await rm(join(this.#inbox, file), { force: true });
          out.delete(file);
        }
      },
      close: async () => {
        for (const file of mine.values()) out.delete(file);
      },
    };
  }

  /** @returns undefined when another instance has had it acknowledged. */
  async #item(file: string): Promise<RawItem | undefined> {
    const bytes = await readFile(join(this.#inbox, file)).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const place = `inbox/${file}`;
    try {
      const { id, version, deleted = false, fields } = JSON.parse(bytes.toString()) as Letter;
      return { id, version, deleted, fields, place };
    } catch {
      return { fault: new Fault('ROW_MALFORMED', 'the letter is not JSON', { place }), bytes, version: 7, place };
    }
  }

  async close(): Promise<void> {
    await writeFile(join(this.#inbox, '..', 'closed'), '');
  }
}
