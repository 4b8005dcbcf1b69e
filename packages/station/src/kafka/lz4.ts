/** LZ4 frames read (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), which kafkajs cannot: what other producers, or brokers, have compressed. */

const MAGIC = 0x184d2204;
const CONTENT_SIZE = 0x08;
const BLOCK_CHECKSUM = 0x10;
const DICTIONARY = 0x01;
const STORED = 0x80000000;
/** What a batch may come to; Kafka's own is far less. */
const MOST_BYTES = 268_435_456;

/** @throws RangeError when it is none, cut off, or larger than 256 MiB. */
export function unpackLz4(bytes: Buffer): Buffer {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== MAGIC) throw new RangeError('no frame of LZ4');
  const flags = bytes[4] as number;
  let at = 7 + (flags & CONTENT_SIZE ? 8 : 0) + (flags & DICTIONARY ? 4 : 0);
  const output = new Output(bytes.length * 4);
  for (;;) {
    const head = bytes.readUInt32LE(at);
    at += 4;
    if (head === 0) return output.whole;
    const size = head & ~STORED;
    const block = bytes.subarray(at, at + size);
    if (block.length < size) throw new RangeError('a block of LZ4 is cut off');
    if (head >= STORED) output.append(block);
    else readBlock(block, output);
    at += size + (flags & BLOCK_CHECKSUM ? 4 : 0);
  }
}

/** Sequences of literals and matches, which may reach back into blocks before. */
function readBlock(block: Buffer, output: Output): void {
  let at = 0;
  const more = (length: number): number => {
    let sum = length;
    if (length === 15)
      for (let byte = 255; byte === 255; sum += byte) {
        byte = block[at++] as number;
        if (byte === undefined) throw new RangeError('a length of LZ4 is cut off');
      }
    return sum;
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = more(token >> 4);
    if (at + literals > block.length) throw new RangeError('literals of LZ4 are cut off');
    output.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return;
    const distance = block.readUInt16LE(at);
    at += 2;
    output.repeat(distance, more(token & 15) + 4);
  }
}

/** Bytes that grow, and repeat what stands in them. */
class Output {
  #bytes: Buffer;
  #length = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(size, 1024), MOST_BYTES));
  }

  get whole(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  append(bytes: Buffer): void {
    this.#room(bytes.length);
    bytes.copy(this.#bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Where it is longer than its distance it repeats itself. */
  repeat(distance: number, length: number): void {
    if (distance === 0 || distance > this.#length) throw new RangeError('a match of LZ4 begins before the data');
    this.#room(length);
    const bytes = this.#bytes;
    const start = this.#length;
    for (let i = 0; i < length; i++) bytes[start + i] = bytes[start - distance + i] as number;
    this.#length += length;
  }

  #room(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    if (needed > MOST_BYTES) throw new RangeError('a batch of more than 256 MiB');
    const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, this.#bytes.length * 2), MOST_BYTES));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
