/**
 * A produce request written in one pass into one buffer. kafkajs makes several buffers for each record, which is most of
 * what a send costs (docs/explanation/kafkajs.md). Formats: https://kafka.apache.org/protocol (Produce, versions 3 to 8)
 * and https://kafka.apache.org/documentation/#recordbatch (magic 2).
 */
import type { Message } from 'kafkajs';
import { crc32c } from './crc32c.ts';

export interface TopicData {
  topic: string;
  partitions: { partition: number; messages: readonly Message[] }[];
}

/** Bytes of a record batch before its first record; where its checksum stands, and from where on it covers the batch. */
const HEAD_BYTES = 61;
const CRC_AT = 17;
const CRC_FROM = 21;
const MAGIC = 2;
const HIGH = 2 ** 32;
/** Below it a zigzagged number still fits the integers that bit operations work on. */
const SMALL = 2 ** 30;
/** Text up to here is written in JavaScript: a call out of it costs more than the text. */
const SHORT = 48;

/** Of each message of the request under way: its timestamp, and the bytes of its record without their own count. */
let times = new Float64Array(8_192);
let sizes = new Int32Array(8_192);

/** Bytes left free before the body, for the request's own header. */
export const ROOM = 300;

/**
 * The body of a request without transaction, producer id and compression, behind `ROOM` bytes. A batch is based on its least timestamp and
 * names its greatest; a message without one is stamped with `now`.
 * @throws TypeError for a key, value or header that is neither bytes, text nor null, and for a timestamp that is no integer.
 */
export function produceRequest(acks: number, timeout: number, topics: readonly TopicData[], now: number): Buffer {
  const batches = topics.flatMap(({ partitions }) => partitions.map(({ messages }) => messages));
  const count = batches.reduce((sum, messages) => sum + messages.length, 0);
  if (count > sizes.length) {
    times = new Float64Array(count);
    sizes = new Int32Array(count);
  }
  let size = 12;
  for (const { topic, partitions } of topics) size += 6 + textBytes(topic) + partitions.length * (8 + HEAD_BYTES);
  let first = 0;
  for (const messages of batches) {
    size += measure(messages, first, now);
    first += messages.length;
  }

  const out = Buffer.allocUnsafeSlow(ROOM + size);
  let at = out.writeInt16BE(-1, ROOM);
  at = out.writeInt16BE(acks, at);
  at = out.writeInt32BE(timeout, at);
  at = out.writeInt32BE(topics.length, at);
  first = 0;
  for (const { topic, partitions } of topics) {
    const name = out.write(topic, at + 2);
    out.writeInt16BE(name, at);
    at = out.writeInt32BE(partitions.length, at + 2 + name);
    for (const { partition, messages } of partitions) {
      const end = writeBatch(out, at + 8, messages, first);
      out.writeInt32BE(partition, at);
      out.writeInt32BE(end - at - 8, at + 4);
      first += messages.length;
      at = end;
    }
  }
  return out;
}

/** Fills `times` and `sizes` from `first` on. @returns the bytes of all records. */
function measure(messages: readonly Message[], first: number, now: number): number {
  let base = Infinity;
  for (let i = 0; i < messages.length; i++) {
    const { timestamp } = messages[i]!;
    const time = timestamp == null ? now : Number(timestamp);
    if (!Number.isSafeInteger(time)) throw new TypeError('a timestamp is milliseconds since the epoch');
    times[first + i] = time;
    if (time < base) base = time;
  }
  let total = 0;
  for (let i = 0; i < messages.length; i++) {
    const { key, value, headers } = messages[i]!;
    let size = 1 + varlongBytes(times[first + i]! - base) + varintBytes(i) + bytesOf(key) + bytesOf(value);
    let count = 0;
    for (const name in headers) {
      const header = headers[name];
      const own = nameBytes(name).length;
      if (Array.isArray(header)) for (const each of header) size += own + bytesOf(each);
      else size += own + bytesOf(header);
      count += Array.isArray(header) ? header.length : 1;
    }
    size += varintBytes(count);
    sizes[first + i] = size;
    total += varintBytes(size) + size;
  }
  return total;
}

/** @returns where the batch ends. */
function writeBatch(out: Buffer, start: number, messages: readonly Message[], first: number): number {
  const count = messages.length;
  let base = times[first]!;
  let greatest = base;
  for (let i = first + 1; i < first + count; i++) {
    if (times[i]! < base) base = times[i]!;
    if (times[i]! > greatest) greatest = times[i]!;
  }
  let at = start + HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    const { key, value, headers } = messages[i]!;
    at = writeVarint(out, at, sizes[first + i]!);
    out[at++] = 0; // attributes
    at = writeVarlong(out, at, times[first + i]! - base);
    at = writeVarint(out, at, i);
    at = writeBytes(out, at, key);
    at = writeBytes(out, at, value);
    at = writeHeaders(out, at, headers);
  }
  writeInt64(out, start, 0); // base offset
  out.writeInt32BE(at - start - 12, start + 8);
  out.writeInt32BE(0, start + 12); // leader epoch
  out[start + 16] = MAGIC;
  out.writeInt16BE(0, start + CRC_FROM); // attributes
  out.writeInt32BE(count - 1, start + 23);
  writeInt64(out, start + 27, base);
  writeInt64(out, start + 35, greatest);
  writeInt64(out, start + 43, -1); // producer id
  out.writeInt16BE(0, start + 51); // producer epoch
  out.writeInt32BE(0, start + 53); // first sequence
  out.writeInt32BE(count, start + 57);
  out.writeUInt32BE(crc32c(out, start + CRC_FROM, at), start + CRC_AT);
  return at;
}

function writeHeaders(out: Buffer, start: number, headers: Message['headers']): number {
  let count = 0;
  for (const name in headers) {
    const header = headers[name];
    count += Array.isArray(header) ? header.length : 1;
  }
  let at = writeVarint(out, start, count);
  for (const name in headers) {
    const header = headers[name];
    const own = nameBytes(name);
    if (Array.isArray(header)) for (const each of header) at = writeBytes(out, copy(out, at, own), each);
    else at = writeBytes(out, copy(out, at, own), header);
  }
  return at;
}

/** Header names with their counts in front, as they were written last; those of one send are few. */
const names = new Map<string, Buffer>();
const NAMES_KEPT = 64;
let lastName = '';
let lastBytes: Buffer = Buffer.of(0);

/** A header's name with its count in front. */
export function nameBytes(name: string): Buffer {
  if (name === lastName) return lastBytes;
  let bytes = names.get(name);
  if (bytes === undefined) {
    const text = Buffer.from(name);
    bytes = Buffer.alloc(varintBytes(text.length) + text.length);
    copy(bytes, writeVarint(bytes, 0, text.length), text);
    if (names.size === NAMES_KEPT) names.clear();
    names.set(name, bytes);
  }
  lastName = name;
  lastBytes = bytes;
  return bytes;
}

/** Few bytes are copied here: a call out of JavaScript costs more. @returns where they end. */
function copy(out: Buffer, at: number, bytes: Buffer): number {
  const { length } = bytes;
  if (length > SHORT) out.set(bytes, at);
  else for (let i = 0; i < length; i++) out[at + i] = bytes[i]!;
  return at + length;
}

function writeBytes(out: Buffer, at: number, bytes: Buffer | string | null | undefined): number {
  if (bytes == null) {
    out[at] = 1;
    return at + 1;
  }
  if (typeof bytes !== 'string') {
    return copy(out, writeVarint(out, at, bytes.length), bytes);
  }
  const length = textBytes(bytes);
  const start = writeVarint(out, at, length);
  if (length !== bytes.length || length > SHORT) out.write(bytes, start);
  else for (let i = 0; i < length; i++) out[start + i] = bytes.charCodeAt(i);
  return start + length;
}

/** With the count in front; null and undefined are a count of -1. */
function bytesOf(bytes: unknown): number {
  if (bytes == null) return 1;
  if (typeof bytes !== 'string' && !(bytes instanceof Uint8Array)) throw new TypeError('neither bytes, text nor null');
  const length = typeof bytes === 'string' ? textBytes(bytes) : bytes.length;
  return varintBytes(length) + length;
}

/** Bytes of a text in UTF-8. */
export function textBytes(text: string): number {
  if (text.length > SHORT) return Buffer.byteLength(text);
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  return text.length;
}

/** Of a count or an index, zigzagged as Kafka does with all of them. */
function varintBytes(value: number): number {
  return value < 0x40 ? 1 : value < 0x2000 ? 2 : value < 0x100000 ? 3 : value < 0x8000000 ? 4 : 5;
}

function writeVarint(out: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value * 2;
  while (rest > 0x7f) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}

/** Of a difference of timestamps, never negative since the least one is the base. */
function varlongBytes(value: number): number {
  if (value < SMALL) return varintBytes(value);
  let bytes = 5;
  for (let rest = Math.floor(value / 2 ** 34); rest > 0; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeVarlong(out: Buffer, start: number, value: number): number {
  if (value < SMALL) return writeVarint(out, start, value);
  let at = start;
  let rest = value * 2;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 0x80;
  out[at++] = rest;
  return at;
}

function writeInt64(out: Buffer, at: number, value: number): void {
  out.writeInt32BE(Math.floor(value / HIGH), at);
  out.writeUInt32BE(value >>> 0, at + 4);
}
