/** Files as shards: which there are, whether one is still the file it was, and its bytes, unpacked. */
import { createHash } from 'node:crypto';
import { type FileHandle, glob, open } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { asFault, Fault } from '@quadrille/record';
import { gunzip } from './gunzip.ts';

/** The beginning of a file that decides whether it is still the same. */
const PREFIX_BYTES = 65_536;
const BLOCK_BYTES = 65_536;

/** What tells a file from another under the same name. */
export interface FileIdentity {
  /** Bytes, as stored. */
  size: number;
  /** SHA-256 of the first 64 KiB, or of the whole file if it is smaller; hex. */
  hash: string;
}

/**
 * The files that match, as paths relative to the folder with `/` between names, sorted; each once.
 * @throws Fault SOURCE_MISSING when a pattern matches nothing.
 */
export async function matchFiles(folder: string, patterns: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    let matches = 0;
    for await (const entry of glob(pattern, { cwd: folder, withFileTypes: true })) {
      if (entry.isDirectory()) continue;
      matches++;
      found.add(relative(folder, resolve(entry.parentPath, entry.name)).split(sep).join('/'));
    }
    if (matches === 0) throw new Fault('SOURCE_MISSING', `${pattern} in ${folder}`, { place: pattern });
  }
  return [...found].sort();
}

export class OpenFile {
  readonly identity: FileIdentity;
  /** The bytes, gzip unpacked, in blocks of at most 64 KiB; nothing is read ahead of what was asked for. */
  readonly blocks: AsyncGenerator<Buffer, void, undefined>;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, identity: FileIdentity, blocks: AsyncGenerator<Buffer, void, undefined>) {
    this.#handle = handle;
    this.identity = identity;
    this.blocks = blocks;
  }

  /**
   * Opens a file; gzip is known by its first two bytes, whatever the name.
   * @param before what it was when it was last read. It may have grown at its end since.
   * @throws Fault SOURCE_CHANGED when it is shorter or begins with other bytes than before; SOURCE_UNAVAILABLE.
   */
  static async open(path: string, place: string, before: FileIdentity | undefined): Promise<OpenFile> {
    const handle = await open(path).catch((error: unknown) => {
      throw asFault(error, 'SOURCE_UNAVAILABLE', { place });
    });
    try {
      const { size } = await handle.stat();
      const prefix = await readAt(handle, 0, Math.min(size, PREFIX_BYTES), place);
      if (before !== undefined) checkUnchanged(before, size, prefix, place);
      const packed = prefix.length >= 2 && prefix[0] === 0x1f && prefix[1] === 0x8b;
      const stored = blocksOf(handle, place);
      return new OpenFile(handle, { size, hash: sha256(prefix) }, packed ? gunzip(stored, place) : stored);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.blocks.return();
    await this.#handle.close();
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function checkUnchanged(before: FileIdentity, size: number, prefix: Buffer, place: string): void {
  if (size < before.size) throw new Fault('SOURCE_CHANGED', `it has ${size} bytes, and had ${before.size}`, { place });
  if (sha256(prefix.subarray(0, Math.min(before.size, PREFIX_BYTES))) !== before.hash) {
    throw new Fault('SOURCE_CHANGED', 'it begins with other bytes than before', { place });
  }
}

async function* blocksOf(handle: FileHandle, place: string): AsyncGenerator<Buffer, void, undefined> {
  let at = 0;
  for (;;) {
    const block = await readAt(handle, at, BLOCK_BYTES, place);
    if (block.length === 0) return;
    at += block.length;
    yield block;
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
