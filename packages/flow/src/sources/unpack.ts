/** gzip and zstd, unpacked block by block, such that everything before a damaged place is delivered. */
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { Fault } from '@quadrille/record';

interface Packer {
  magic: Buffer;
  /** So much is unpacked at a time. It bounds what waits unread: deflate packs at most 1,032 to 1, zstd 32,768. */
  stepBytes: number;
  /** What follows an end within a step is another frame that must be given to another decoder; else it is padding. */
  frames: boolean;
  create(): Gunzip | ZstdDecompress;
}

const PACKERS: readonly Packer[] = [
  // gzip's members follow each other within one decoder (RFC 1952).
  {
    magic: Buffer.of(0x1f, 0x8b),
    stepBytes: 16_384,
    frames: false,
    create: () => createGunzip({ chunkSize: 65_536 }),
  },
  // Node's decoder ends with the first frame (RFC 8878) and drops what came with its last bytes.
  {
    magic: Buffer.of(0x28, 0xb5, 0x2f, 0xfd),
    stepBytes: 2_048,
    frames: true,
    create: () => createZstdDecompress({ chunkSize: 65_536 }),
  },
];

/** So many first bytes tell how a file is packed. */
export const MAGIC_BYTES = 4;

/** How a file that begins with these bytes is packed, whatever it is called; undefined: it is plain. */
export const packerOf = (beginning: Buffer): Packer | undefined =>
  PACKERS.find(({ magic }) => beginning.subarray(0, magic.length).equals(magic));

/**
 * Unpacks one or several members or frames. A plain pipe would drop what it has unpacked but not handed on when the end
 * turns out to be missing; here the end is announced only after everything before it has been taken. An empty block is
 * handed on as it is: it says that nothing follows for now.
 * @throws Fault SOURCE_TRUNCATED after the last block that could be unpacked.
 */
export async function* unpack(
  stored: AsyncIterable<Buffer>,
  packer: Packer,
  place: string,
): AsyncGenerator<Buffer, void, undefined> {
  let decoder = new Decoder(packer);
  try {
    for await (const block of stored) {
      if (block.length === 0) yield block;
      for (let at = 0; at < block.length; ) {
        const step = block.subarray(at, at + packer.stepBytes);
        const taken = await decoder.write(step);
        yield* decoder.take();
        decoder.check(place);
        at += taken;
        if (taken === step.length) continue;
        if (!packer.frames) return;
        decoder.close();
        decoder = new Decoder(packer);
      }
    }
    await decoder.end();
    yield* decoder.take();
    decoder.check(place);
  } finally {
    decoder.close();
  }
}

class Decoder {
  readonly #zlib: Gunzip | ZstdDecompress;
  /** It has ended, or failed. */
  readonly #over: Promise<unknown>;
  #ready: Buffer[] = [];
  #failure: Error | undefined;
  #given = 0;

  constructor({ create }: Packer) {
    const zlib = create();
    this.#zlib = zlib;
    zlib.on('data', (block: Buffer) => this.#ready.push(block));
    zlib.on('error', (error) => {
      this.#failure = error;
    });
    this.#over = Promise.race([
      new Promise((resolve) => zlib.once('end', resolve)),
      new Promise((resolve) => zlib.once('close', resolve)),
    ]);
  }

  /** @returns how much of it was taken: less where it has ended within. */
  async write(step: Buffer): Promise<number> {
    const before = this.#given;
    this.#given += step.length;
    const written = new Promise((resolve) => this.#zlib.write(step, resolve));
    await Promise.race([written, this.#over]);
    return this.#failure === undefined ? Math.min(this.#zlib.bytesWritten, this.#given) - before : step.length;
  }

  async end(): Promise<void> {
    this.#zlib.end();
    await this.#over;
  }

  take(): Buffer[] {
    const blocks = this.#ready;
    this.#ready = [];
    return blocks;
  }

  check(place: string): void {
    const cause = this.#failure;
    if (cause !== undefined) throw new Fault('SOURCE_TRUNCATED', cause.message, { place, cause });
  }

  close(): void {
    this.#zlib.destroy();
  }
}
