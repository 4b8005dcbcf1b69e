/**
 * One-dimensional arrays in PostgreSQL's binary format, written without an object or string per value.
 *
 * Layout, big-endian (array_recv and the types' own recv functions in PostgreSQL's src/backend/utils/adt): i32 dimensions
 * (1), i32 has nulls (1 also when it has none), u32 element type, i32 elements, i32 lower bound (1), then for each
 * element i32 bytes (-1 for null) and its bytes.
 */

/** Object ids of the element types (pg_type.dat); they never change. */
export const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int4: 23,
  text: 25,
  float4: 700,
  float8: 701,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
} as const;

const HEADER_BYTES = 20;
const HIGH = 2 ** 32;
/** A buffer that one batch has blown up is let go. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** An array parameter under construction; its buffer serves for the next one too. */
export class ArrayParameter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(65_536);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Begins an array of exactly `count` elements, at least one. What `finish` gave before is no longer valid. */
  begin(oid: number, count: number): void {
    if (this.#bytes.length > KEPT_BYTES) this.#resize(65_536, 0);
    const view = this.#view;
    view.setInt32(0, 1);
    view.setInt32(4, 1);
    view.setUint32(8, oid);
    view.setInt32(12, count);
    view.setInt32(16, 1);
    this.#at = HEADER_BYTES;
  }

  /** A view, valid until the next `begin`. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  addNull(): void {
    this.#reserve(4);
    this.#view.setInt32(this.#at, -1);
    this.#at += 4;
  }

  addBool(value: boolean): void {
    this.#reserve(5);
    this.#view.setInt32(this.#at, 1);
    this.#view.setUint8(this.#at + 4, value ? 1 : 0);
    this.#at += 5;
  }

  addInt4(value: number): void {
    this.#reserve(8);
    this.#view.setInt32(this.#at, 4);
    this.#view.setInt32(this.#at + 4, value);
    this.#at += 8;
  }

  /** A safe integer, or a bigint of 64 bits. */
  addInt8(value: number | bigint): void {
    this.#reserve(12);
    const view = this.#view;
    view.setInt32(this.#at, 8);
    if (typeof value === 'bigint') {
      view.setBigInt64(this.#at + 4, value);
    } else {
      view.setInt32(this.#at + 4, Math.floor(value / HIGH));
      view.setUint32(this.#at + 8, value >>> 0);
    }
    this.#at += 12;
  }

  addFloat4(value: number): void {
    this.#reserve(8);
    this.#view.setInt32(this.#at, 4);
    this.#view.setFloat32(this.#at + 4, value);
    this.#at += 8;
  }

  addFloat8(value: number): void {
    this.#reserve(12);
    this.#view.setInt32(this.#at, 8);
    this.#view.setFloat64(this.#at + 4, value);
    this.#at += 12;
  }

  /**
   * UTF-8. Short ASCII is written here, since a call out of JavaScript costs more than the text.
   * @returns false when the text is not well-formed Unicode; nothing useful is written then.
   */
  addText(value: string): boolean {
    const length = value.length;
    this.#reserve(4 + length * 3);
    const start = this.#at + 4;
    let size = 0;
    if (length < 48) {
      const bytes = this.#bytes;
      while (size < length) {
        const code = value.charCodeAt(size);
        if (code > 0x7f) break;
        bytes[start + size++] = code;
      }
    }
    if (size < length) {
      if (!value.isWellFormed()) return false;
      size = this.#bytes.write(value, start, 'utf8');
    }
    this.#view.setInt32(this.#at, size);
    this.#at = start + size;
    return true;
  }

  addBytes(value: Uint8Array): void {
    this.#reserve(4 + value.length);
    this.#view.setInt32(this.#at, value.length);
    this.#bytes.set(value, this.#at + 4);
    this.#at += 4 + value.length;
  }

  /** A string that holds a byte in each character. */
  addLatin1(value: string): void {
    this.#reserve(4 + value.length);
    this.#view.setInt32(this.#at, value.length);
    for (let i = 0, at = this.#at + 4; i < value.length; i++) this.#bytes[at + i] = value.charCodeAt(i);
    this.#at += 4 + value.length;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length)
      this.#resize(Math.max(this.#bytes.length * 2, this.#at + bytes), this.#at);
  }

  #resize(size: number, keep: number): void {
    const bytes = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(bytes, 0, 0, keep);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
