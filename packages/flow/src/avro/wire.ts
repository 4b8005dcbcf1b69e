/** The parts of avsc that its typings leave out, and exact 64-bit longs on its tap. */
import type avsc from 'avsc';

/** Where avsc reads and writes. Reading beyond the end gives undefined bytes; avsc checks `pos` afterwards. */
export interface Tap {
  buf: Buffer;
  pos: number;
}

/** What avsc calls on a type while reading and writing; stable since avsc 5.0. */
export interface InnerType {
  _read(tap: Tap): unknown;
  _write(tap: Tap, value: unknown): void;
  _skip(tap: Tap): void;
  _check(value: unknown, flags?: unknown, hook?: unknown, path?: unknown): boolean;
}

export const inner = (type: avsc.Type): InnerType => type as unknown as InnerType;

const HALF = 2 ** 27;
const MAX = Number.MAX_SAFE_INTEGER;

/**
 * Reads a zigzag varint exactly. avsc's own sums in doubles and turns -(2^52+1) into 2^52.
 * @throws RangeError beyond ±(2^53-1).
 */
export function readLong(tap: Tap): number {
  const buf = tap.buf;
  let byte = buf[tap.pos++] as number;
  let low = byte & 0x7f;
  if (byte & 0x80) {
    byte = buf[tap.pos++] as number;
    low |= (byte & 0x7f) << 7;
    if (byte & 0x80) {
      byte = buf[tap.pos++] as number;
      low |= (byte & 0x7f) << 14;
      if (byte & 0x80) {
        byte = buf[tap.pos++] as number;
        low |= (byte & 0x7f) << 21;
        if (byte & 0x80) return readRest(tap, low);
      }
    }
  }
  return (low >>> 1) ^ -(low & 1);
}

function readRest(tap: Tap, low: number): number {
  const buf = tap.buf;
  let high = 0;
  let unit = HALF;
  let byte: number;
  let length = 4;
  do {
    byte = buf[tap.pos++] as number;
    high += (byte & 0x7f) * unit;
    unit *= 128;
    if (++length > 10) throw new RangeError('varint is longer than 10 bytes');
  } while (byte & 0x80);
  const half = (low >>> 1) + high;
  const value = low & 1 ? -half - 1 : half;
  if (value > MAX || value < -MAX)
    throw new RangeError('long is beyond 2^53-1; mark it `"longs": "bigint"` in the schema');
  return value;
}

/** Writes a safe integer as a zigzag varint, exactly. */
export function writeLong(tap: Tap, value: number): void {
  const buf = tap.buf;
  if (value >= -1073741824 && value < 1073741824) {
    let rest = value >= 0 ? value << 1 : (~value << 1) | 1;
    while (rest > 0x7f) {
      buf[tap.pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buf[tap.pos++] = rest;
    return;
  }
  const half = value >= 0 ? value : -(value + 1);
  const low = (half % HALF) * 2 + (value >= 0 ? 0 : 1);
  buf[tap.pos++] = (low & 0x7f) | 0x80;
  buf[tap.pos++] = ((low >>> 7) & 0x7f) | 0x80;
  buf[tap.pos++] = ((low >>> 14) & 0x7f) | 0x80;
  buf[tap.pos++] = ((low >>> 21) & 0x7f) | 0x80;
  let high = Math.floor(half / HALF);
  while (high > 0x7f) {
    buf[tap.pos++] = (high & 0x7f) | 0x80;
    high >>>= 7;
  }
  buf[tap.pos++] = high;
}

/** Reads all 64 bits. @throws RangeError when the varint holds more. */
export function readBigLong(tap: Tap): bigint {
  let raw = 0n;
  let shift = 0n;
  let byte: number;
  do {
    byte = tap.buf[tap.pos++] as number;
    raw |= BigInt((byte ?? 0) & 0x7f) << shift;
    shift += 7n;
    if (shift > 70n) throw new RangeError('varint is longer than 10 bytes');
  } while (byte & 0x80);
  if (raw >> 64n) throw new RangeError('varint holds more than 64 bits');
  return (raw >> 1n) ^ -(raw & 1n);
}

export function writeBigLong(tap: Tap, value: bigint): void {
  let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  while (raw > 0x7fn) {
    tap.buf[tap.pos++] = Number(raw & 0x7fn) | 0x80;
    raw >>= 7n;
  }
  tap.buf[tap.pos++] = Number(raw);
}
