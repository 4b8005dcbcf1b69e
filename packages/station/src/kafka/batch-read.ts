/**
 * Record batches read without an object, a BigInt or a text that nobody asks for. kafkajs makes two dozen of them for each
 * record (docs/explanation/kafkajs.md). Format: https://kafka.apache.org/documentation/#recordbatch (magic 2).
 */
import { HEADER, InputRecord } from '@quadrille/record';
import type { IHeaders, KafkaMessage } from 'kafkajs';

/** What kafkajs asks of the batch a record came in. */
export interface BatchContext {
  producerId: string;
  inTransaction: boolean;
  isControlBatch: boolean;
}

/** A record as kafkajs hands it over (its type KafkaMessage), where offset, timestamp and headers are made when asked for. */
export class FetchedRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Its offset. */
  readonly position: number;
  /** Its timestamp, ms since the epoch. */
  readonly time: number;
  /** The packed header when it is the only header. */
  readonly packed: Buffer | undefined;
  /** All headers when there are others. */
  readonly others: IHeaders | undefined;
  readonly batchContext: BatchContext;

  constructor(
    position: number,
    time: number,
    key: Buffer | null,
    value: Buffer | null,
    packed: Buffer | undefined,
    others: IHeaders | undefined,
    batchContext: BatchContext,
  ) {
    this.position = position;
    this.time = time;
    this.key = key;
    this.value = value;
    this.packed = packed;
    this.others = others;
    this.batchContext = batchContext;
  }

  get offset(): string {
    return String(this.position);
  }

  get timestamp(): string {
    return String(this.time);
  }

  get attributes(): number {
    return 0;
  }

  get headers(): IHeaders {
    return this.others ?? (this.packed === undefined ? {} : { [HEADER]: this.packed });
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }
}

/** A record as a station takes it. The packed header is not given a second time as one of all headers. */
export function inputRecord(topic: string, partition: number, message: KafkaMessage): InputRecord {
  const { key, value } = message;
  if (!(message instanceof FetchedRecord)) {
    const { offset, timestamp, headers } = message;
    const header = headers?.[HEADER] as Buffer | undefined;
    return new InputRecord(topic, partition, Number(offset), Number(timestamp), key, value, header, headers);
  }
  const { position, time, packed, others } = message;
  const header = packed ?? (others?.[HEADER] as Buffer | undefined);
  return new InputRecord(topic, partition, position, time, key, value, header, others);
}

const HEAD_BYTES = 61;
const MAGIC = 2;
const COMPRESSION = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const PACKED_NAME = Buffer.from(HEADER);

/** Where reading stands. */
interface Cursor {
  bytes: Buffer;
  at: number;
}

/**
 * All records of the whole batches in `bytes`; a last one that is cut off is left out, since a fetch ends wherever its
 * bytes do. What they hold are views of `bytes`.
 * @returns undefined for what kafkajs is to read itself: other formats, compression, numbers beyond 2^53.
 * @throws RangeError when a batch's lengths do not fit together.
 */
export function readBatches(bytes: Buffer): FetchedRecord[] | undefined {
  const records: FetchedRecord[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (bytes[at + 16] !== MAGIC) return undefined;
    if (end < at + HEAD_BYTES) throw malformed();
    if (end > bytes.length) break;
    if (!readBatch(bytes, at, end, records)) return undefined;
    at = end;
  }
  return records;
}

function readBatch(bytes: Buffer, start: number, end: number, records: FetchedRecord[]): boolean {
  const attributes = bytes.readInt16BE(start + 21);
  const offset = readInt64(bytes, start);
  const greatest = readInt64(bytes, start + 35);
  const stamped = (attributes & LOG_APPEND_TIME) !== 0;
  const base = stamped ? greatest : readInt64(bytes, start + 27);
  if ((attributes & COMPRESSION) !== 0 || !Number.isSafeInteger(offset) || !Number.isSafeInteger(base)) return false;
  const batch: BatchContext = {
    producerId: bytes.readBigInt64BE(start + 43).toString(),
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
    isControlBatch: (attributes & CONTROL) !== 0,
  };
  const cursor: Cursor = { bytes, at: start + HEAD_BYTES };
  for (let left = bytes.readInt32BE(start + 57); left > 0; left--) {
    const length = readVarint(cursor);
    const next = cursor.at + length;
    if (!(length > 0 && next <= end)) throw malformed();
    cursor.at++; // attributes
    const elapsed = readVarlong(cursor);
    const time = stamped ? base : base + elapsed;
    if (!Number.isSafeInteger(time)) return false;
    const position = offset + readVarint(cursor);
    const key = readBytes(cursor, next);
    const value = readBytes(cursor, next);
    const count = readVarint(cursor);
    let packed: Buffer | undefined;
    let headers: IHeaders | undefined;
    if (count === 1 && isPacked(cursor)) {
      cursor.at += 1 + PACKED_NAME.length;
      packed = readBytes(cursor, next)!;
    } else if (count > 0) headers = readHeaders(cursor, count, next);
    if (cursor.at !== next) throw malformed();
    records.push(new FetchedRecord(position, time, key, value, packed, headers, batch));
  }
  return true;
}

/** Whether the packed header stands here, and is not null. */
function isPacked({ bytes, at }: Cursor): boolean {
  if (bytes[at] !== PACKED_NAME.length * 2) return false;
  for (let i = 0; i < PACKED_NAME.length; i++) if (bytes[at + 1 + i] !== PACKED_NAME[i]) return false;
  return bytes[at + 1 + PACKED_NAME.length] !== 1;
}

/** A header that stands several times is a list, in order. */
function readHeaders(cursor: Cursor, count: number, end: number): IHeaders {
  const headers: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const name = readBytes(cursor, end)?.toString() ?? '';
    const value = readBytes(cursor, end);
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    const all = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
    Object.defineProperty(headers, name, { value: all, enumerable: true, configurable: true, writable: true });
  }
  return headers as IHeaders;
}

function readBytes(cursor: Cursor, end: number): Buffer | null {
  const length = readVarint(cursor);
  if (length === -1) return null;
  const start = cursor.at;
  const stop = start + length;
  if (!(length >= 0 && stop <= end)) throw malformed();
  cursor.at = stop;
  return cursor.bytes.subarray(start, stop);
}

/** Zigzag, 32 bits. */
function readVarint(cursor: Cursor): number {
  const { bytes } = cursor;
  let byte = bytes[cursor.at++]!;
  let raw = byte & 0x7f;
  for (let shift = 7; byte > 0x7f; shift += 7) {
    if (shift > 28) throw malformed();
    byte = bytes[cursor.at++]!;
    raw |= (byte & 0x7f) << shift;
  }
  return (raw >>> 1) ^ -(raw & 1);
}

/** Zigzag, 64 bits; NaN beyond what a number holds exactly. */
function readVarlong(cursor: Cursor): number {
  const { bytes } = cursor;
  let byte = bytes[cursor.at++]!;
  let raw = byte & 0x7f;
  for (let unit = 128; byte > 0x7f; unit *= 128) {
    byte = bytes[cursor.at++]!;
    raw += (byte & 0x7f) * unit;
  }
  if (raw > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

const readInt64 = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);

const malformed = (): RangeError => new RangeError('a record batch whose lengths do not fit together');
