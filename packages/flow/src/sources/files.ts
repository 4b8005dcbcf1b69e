/** Files as shards: which there are, whether one is still the file it was, and its bytes, unpacked. */
import { createHash } from 'node:crypto';
import { type FileHandle, glob, open, stat } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asFault, Fault } from '@quadrille/record';
import type { ConfigSchema } from '../config-schema.ts';
import type { Shard } from '../source.ts';
import { MAGIC_BYTES, packerOf, unpack } from './unpack.ts';

/** What every source of files may have in the flow file. */
export interface FilesConfig {
  path: string | string[];
  watch?: boolean;
  quietMs?: number;
}

export const filesProperties: ConfigSchema['properties'] = {
  path: {
    description:
      'Files to read, relative to the flow file; `*`, `?`, `**` and `{a,b}` match several. One or a list. Names that begin with a dot or end in `.tmp`, `.part`, `.partial`, `.filepart`, `.crdownload` or `~` are passed over: write under such a name, then rename.',
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
    ],
  },
  watch: {
    description:
      'There may be no file yet. New files are read as they come, and lines added to those that were read, whether it is set or not.',
    type: 'boolean',
    default: false,
  },
  quietMs: {
    description:
      'A file is read to its end once it has not been written to for so long, in milliseconds; until then its last line, or a packed file that ends early, may still be being written.',
    type: 'integer',
    minimum: 0,
    maximum: 3_600_000,
    default: 1_000,
  },
};

/** Under these names files are written that are not there yet. */
const UNFINISHED = /(\.(tmp|part|partial|filepart|crdownload)|~)$/i;
/** The beginning of a file that decides whether it is still the same. */
const PREFIX_BYTES = 65_536;
const BLOCK_BYTES = 65_536;
const EMPTY: Buffer = Buffer.alloc(0);
/** How often a file is looked at that is still being written. */
const LOOK_MS = 200;

/** What tells a file from another under the same name. */
export interface FileIdentity {
  /** Bytes, as stored, that were read or were there when it was opened. */
  size: number;
  /** SHA-256 of the first 64 KiB, or of the whole file if it is smaller; hex. */
  hash: string;
}

/**
 * The files that match, as paths relative to the folder with `/` between names, sorted; each once. Their tags are their
 * sizes, so that one that grows is opened again.
 * @throws Fault SOURCE_MISSING when a pattern matches nothing, unless the folder is watched.
 */
export async function fileShards(folder: string, { path, watch = false }: FilesConfig): Promise<Shard[]> {
  const found = new Set<string>();
  for (const pattern of [path].flat()) {
    let matches = 0;
    for await (const entry of glob(pattern, { cwd: folder, withFileTypes: true })) {
      if (entry.isDirectory() || UNFINISHED.test(entry.name)) continue;
      matches++;
      found.add(relative(folder, resolve(entry.parentPath, entry.name)).split(sep).join('/'));
    }
    if (matches === 0 && !watch) throw new Fault('SOURCE_MISSING', `${pattern} in ${folder}`, { place: pattern });
  }
  const shards = [...found].sort().map(async (name) => {
    // One that was taken away meanwhile is told when it is opened.
    const size = await stat(resolve(folder, name)).then(
      (stats) => stats.size,
      () => undefined,
    );
    return size === undefined ? { name } : { name, tag: tagOf(size) };
  });
  return Promise.all(shards);
}

/** The tag of a file that has been read to this size. */
export const tagOf = (size: number): string => String(size);

/** Is it still being written to? Waits until it is quiet, or longer than what is known of it. */
export class Quiet {
  readonly #handle: FileHandle;
  readonly #ms: number;
  #since = 0;
  #size = -1;

  constructor(handle: FileHandle, ms: number) {
    this.#handle = handle;
    this.#ms = ms;
  }

  /** @param size as far as it is known. @returns how long it must be left alone yet, ms; undefined: it has grown. */
  async left(size: number): Promise<number | undefined> {
    const { size: now, mtimeMs } = await this.#handle.stat();
    if (now > size) return undefined;
    if (size !== this.#size) {
      this.#size = size;
      this.#since = Date.now();
    }
    // The clock that writes modification times may be another machine's: no file is waited for longer than so.
    const quiet = Date.now() - Math.min(mtimeMs, this.#since);
    return Math.max(0, this.#ms - quiet);
  }

  /** What the file is now. */
  identity(place: string): Promise<FileIdentity> {
    return identify(this.#handle, place);
  }
}

export class OpenFile {
  readonly identity: FileIdentity;
  /**
   * The bytes, unpacked, in blocks of at most 64 KiB; nothing is read ahead of what was asked for. An empty block: there
   * is nothing for now, the file may still be being written.
   */
  readonly blocks: AsyncGenerator<Buffer, void, undefined>;
  /** Cuts short the waiting for a file that is still being written. */
  stop: AbortSignal | undefined;
  readonly #handle: FileHandle;
  readonly #quiet: Quiet;

  private constructor(handle: FileHandle, identity: FileIdentity, place: string, quietMs: number) {
    this.#handle = handle;
    this.#quiet = new Quiet(handle, quietMs);
    this.identity = identity;
    this.blocks = this.#unpacked(place);
  }

  /**
   * Opens a file; how it is packed is known by its first bytes, whatever its name.
   * @param before what it was when it was last read. It may have grown at its end since.
   * @throws Fault SOURCE_CHANGED when it is shorter or begins with other bytes than before; SOURCE_UNAVAILABLE.
   */
  static async open(path: string, place: string, before: FileIdentity | undefined, quietMs = 1_000): Promise<OpenFile> {
    const handle = await open(path).catch((error: unknown) => {
      throw asFault(error, 'SOURCE_UNAVAILABLE', { place });
    });
    try {
      return new OpenFile(handle, await identify(handle, place, before), place, quietMs);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** How it is packed is known once its first bytes are there. */
  async *#unpacked(place: string): AsyncGenerator<Buffer, void, undefined> {
    const stored = this.#stored(place);
    try {
      let first: Buffer = EMPTY;
      while (first.length < MAGIC_BYTES) {
        const { done, value } = await stored.next();
        if (done) break;
        if (value.length === 0) yield value;
        first = Buffer.concat([first, value]);
      }
      const packer = packerOf(first);
      const blocks = followedBy(first, stored);
      yield* packer === undefined ? blocks : unpack(blocks, packer, place);
    } finally {
      await stored.return();
    }
  }

  /** The blocks as they are stored, to the end of a file that is quiet. */
  async *#stored(place: string): AsyncGenerator<Buffer, void, undefined> {
    let at = 0;
    for (;;) {
      const block = await readAt(this.#handle, at, BLOCK_BYTES, place);
      if (block.length > 0) {
        at += block.length;
        yield block;
        continue;
      }
      const left = await this.#quiet.left(at);
      if (left === undefined) continue;
      if (left === 0) break;
      yield block;
      await sleep(Math.min(left, LOOK_MS), undefined, { signal: this.stop });
    }
    Object.assign(this.identity, await identify(this.#handle, place, undefined, at));
  }

  async close(): Promise<void> {
    await this.blocks.return();
    await this.#handle.close();
  }
}

/** Which file this is; up to a size, or as it is. @throws Fault SOURCE_CHANGED when it is not the one it was. */
export async function identify(
  handle: FileHandle,
  place: string,
  before?: FileIdentity,
  upTo?: number,
): Promise<FileIdentity> {
  const size = upTo ?? (await handle.stat()).size;
  const prefix = await readAt(handle, 0, Math.min(size, PREFIX_BYTES), place);
  if (before !== undefined) checkUnchanged(before, size, prefix, place);
  return { size, hash: sha256(prefix) };
}

async function* followedBy(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  if (first.length > 0) yield first;
  yield* rest;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function checkUnchanged(before: FileIdentity, size: number, prefix: Buffer, place: string): void {
  if (size < before.size) throw new Fault('SOURCE_CHANGED', `it has ${size} bytes, and had ${before.size}`, { place });
  if (sha256(prefix.subarray(0, Math.min(before.size, PREFIX_BYTES))) !== before.hash) {
    throw new Fault('SOURCE_CHANGED', 'it begins with other bytes than before', { place });
  }
}

async function readAt(handle: FileHandle, at: number, length: number, place: string): Promise<Buffer> {
  const block = Buffer.allocUnsafe(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(block, read, length - read, at + read).catch((error: unknown) => {
      throw asFault(error, 'SOURCE_UNAVAILABLE', { place });
    });
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return block.subarray(0, read);
}
