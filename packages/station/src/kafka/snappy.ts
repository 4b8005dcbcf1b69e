/**
 * Snappy read (https://github.com/google/snappy/blob/main/format_description.txt), which kafkajs cannot: as one block, or in
 * the chunks that Java's library writes.
 */

/** What Java's library begins with; two version numbers follow. */
const CHUNKED = Buffer.from('\x82SNAPPY\x00', 'latin1');
const CHUNKS_AT = 16;
const MOST_BYTES = 268_435_456;

/** @throws RangeError when it is none, cut off, or larger than 256 MiB. */
export function unpackSnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, CHUNKED.length).equals(CHUNKED)) return readBlock(bytes);
  const blocks: Buffer[] = [];
  let sum = 0;
  for (let at = CHUNKS_AT; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    at += 4;
    if (at + size > bytes.length) throw cutOff();
    const block = readBlock(bytes.subarray(at, at + size));
    sum += block.length;
    if (sum > MOST_BYTES) throw new RangeError('a batch of more than 256 MiB');
    blocks.push(block);
    at += size;
  }
  return Buffer.concat(blocks);
}

function readBlock(bytes: Buffer): Buffer {
  let at = 0;
  let size = 0;
  for (let unit = 1; ; unit *= 128) {
    const byte = bytes[at++];
    if (byte === undefined || unit > 2 ** 28) throw cutOff();
    size += (byte & 0x7f) * unit;
    if (byte < 128) break;
  }
  if (size > MOST_BYTES) throw new RangeError('a batch of more than 256 MiB');
  const output = Buffer.allocUnsafeSlow(size);
  let end = 0;
  while (at < bytes.length) {
    const tag = bytes[at++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let length = tag >> 2;
      const extra = length - 59;
      if (extra > 0) {
        length = bytes.readUIntLE(at, extra);
        at += extra;
      }
      length++;
      if (at + length > bytes.length || end + length > size) throw cutOff();
      bytes.copy(output, end, at, at + length);
      at += length;
      end += length;
      continue;
    }
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const width = kind === 3 ? 4 : kind;
    const near = bytes.readUIntLE(at, width);
    at += width;
    const distance = kind === 1 ? ((tag >> 5) << 8) | near : near;
    if (distance === 0 || distance > end || end + length > size) throw cutOff();
    for (let i = 0; i < length; i++, end++) output[end] = output[end - distance] as number;
  }
  if (end !== size) throw cutOff();
  return output;
}

const cutOff = (): RangeError => new RangeError('no block of Snappy, or one that is cut off');
