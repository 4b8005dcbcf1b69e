/**
 * Reads a result's columns out of DuckDB's vectors and onto records. Measured on 6,000 rows of four columns: 0.4 µs a
 * record with the query, against 1.1 with the binding's own columns and 1.7 with its rows.
 */
import duckdb from '@duckdb/node-bindings';
import type { Physical } from './sql-types.ts';

export interface ResultColumn {
  /** Field it is set on. */
  name: string;
  physical: Physical;
  /** int64 only: the vector holds the field's value times this. */
  factor: number;
  /** int64 only: the field takes a bigint. */
  bigint: boolean;
}

type Row = Record<string, unknown>;
/** Told of a row whose long a number cannot hold. */
export type RefuseLong = (i: number, column: ResultColumn) => void;

const WIDTH = { bool: 1, int32: 4, int64: 8, float: 4, double: 8, text: 16, blob: 16 } as const;
const INLINE = 12;
const TWO32 = 4294967296;

/** A result whose chunks are held: the arrays read from point into DuckDB's memory. */
export class ResultChunks {
  readonly #chunks: duckdb.DataChunk[] = [];

  static async of(result: duckdb.Result): Promise<ResultChunks> {
    const all = new ResultChunks();
    for (;;) {
      const chunk = await duckdb.fetch_chunk(result);
      if (chunk === null || duckdb.data_chunk_get_size(chunk) === 0) return all;
      all.#chunks.push(chunk);
    }
  }

  get count(): number {
    return this.#chunks.length;
  }

  /** The row numbers of a chunk, its first column; undefined where one is null. */
  rows(index: number): Int32Array | undefined {
    const chunk = this.#chunks[index] as duckdb.DataChunk;
    const count = duckdb.data_chunk_get_size(chunk);
    const vector = duckdb.data_chunk_get_vector(chunk, 0);
    if (hasNull(vector, count)) return undefined;
    const bytes = duckdb.vector_get_data(vector, count * 4);
    return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** Sets every further column of a chunk on `targets`, one a row; tells `refuse` of a long that a number cannot hold. */
  assign(index: number, columns: readonly ResultColumn[], targets: readonly Row[], refuse: RefuseLong): void {
    const chunk = this.#chunks[index] as duckdb.DataChunk;
    const count = duckdb.data_chunk_get_size(chunk);
    for (let at = 0; at < columns.length; at++) {
      const column = columns[at] as ResultColumn;
      const vector = duckdb.data_chunk_get_vector(chunk, at + 1);
      const bytes = duckdb.vector_get_data(vector, count * WIDTH[column.physical]);
      const valid = hasNull(vector, count) ? validity(vector, count) : undefined;
      if (column.physical === 'int64') readLongs(column, bytes, count, valid, targets, refuse);
      else assignColumn(column, bytes, count, valid, targets);
    }
  }
}

function validity(vector: duckdb.Vector, count: number): Uint32Array | undefined {
  const bytes = duckdb.vector_get_validity(vector, Math.ceil(count / 64) * 8) as Uint8Array | null;
  return bytes === null ? undefined : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}

function hasNull(vector: duckdb.Vector, count: number): boolean {
  const valid = validity(vector, count);
  if (valid === undefined) return false;
  for (let i = 0; i < count; i++) if (!isValid(valid, i)) return true;
  return false;
}

const isValid = (valid: Uint32Array, i: number): boolean => (((valid[i >> 5] as number) >>> (i & 31)) & 1) === 1;

function assignColumn(
  column: ResultColumn,
  bytes: Uint8Array,
  count: number,
  valid: Uint32Array | undefined,
  targets: readonly Row[],
): void {
  const { name, physical } = column;
  if (physical === 'text' || physical === 'blob') {
    (physical === 'text' ? readTexts : readBlobs)(column, bytes, count, valid, targets);
    return;
  }
  if (physical === 'bool') {
    for (let i = 0; i < count; i++)
      (targets[i] as Row)[name] = valid === undefined || isValid(valid, i) ? bytes[i] !== 0 : null;
    return;
  }
  const { buffer, byteOffset } = bytes;
  const numbers =
    physical === 'int32'
      ? new Int32Array(buffer, byteOffset, count)
      : physical === 'float'
        ? new Float32Array(buffer, byteOffset, count)
        : new Float64Array(buffer, byteOffset, count);
  for (let i = 0; i < count; i++)
    (targets[i] as Row)[name] = valid === undefined || isValid(valid, i) ? numbers[i] : null;
}

function readLongs(
  column: ResultColumn,
  bytes: Uint8Array,
  count: number,
  valid: Uint32Array | undefined,
  targets: readonly Row[],
  refuse: RefuseLong,
): void {
  const { name, factor, bigint } = column;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, count * 2);
  const bigs = new BigInt64Array(bytes.buffer, bytes.byteOffset, count);
  for (let i = 0; i < count; i++) {
    const target = targets[i] as Row;
    if (valid !== undefined && !isValid(valid, i)) {
      target[name] = null;
      continue;
    }
    const value = (words[2 * i + 1] as number) * TWO32 + ((words[2 * i] as number) >>> 0);
    if (!bigint && Number.isSafeInteger(value)) target[name] = factor === 1 ? value : Math.floor(value / factor);
    else {
      const exact = floorDivide(bigs[i] as bigint, BigInt(factor));
      if (!bigint && !Number.isSafeInteger(Number(exact))) refuse(i, column);
      target[name] = bigint ? exact : Number(exact);
    }
  }
}

/** Towards minus infinity, as for numbers. */
function floorDivide(value: bigint, divisor: bigint): bigint {
  const rest = value % divisor;
  return (value - (rest < 0n ? rest + divisor : rest)) / divisor;
}

/** Short texts repeat (classes, codes, flags): the last one of each slot is kept, so that it is made once. */
const SLOTS = 512;
const slotWords = new Int32Array(SLOTS * 4);
const slotTexts: string[] = new Array<string>(SLOTS).fill('');

function readTexts(
  { name }: ResultColumn,
  bytes: Uint8Array,
  count: number,
  valid: Uint32Array | undefined,
  targets: readonly Row[],
): void {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, count * 4);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, count * 16);
  for (let i = 0; i < count; i++) {
    const target = targets[i] as Row;
    if (valid !== undefined && !isValid(valid, i)) target[name] = null;
    else if ((words[4 * i] as number) > INLINE)
      target[name] = outside(bytes, i, words[4 * i] as number).toString('utf8');
    else target[name] = inlined(words, text, i);
  }
}

function inlined(words: Int32Array, text: Buffer, i: number): string {
  const length = words[4 * i] as number;
  const a = words[4 * i + 1] as number;
  const b = words[4 * i + 2] as number;
  const c = words[4 * i + 3] as number;
  const slot = Math.imul(a ^ Math.imul(b, 31) ^ Math.imul(c, 17) ^ length, 0x9e3779b1) >>> 23;
  const at = slot * 4;
  if (slotWords[at] === length && slotWords[at + 1] === a && slotWords[at + 2] === b && slotWords[at + 3] === c)
    return slotTexts[slot] as string;
  const value = text.toString('utf8', 16 * i + 4, 16 * i + 4 + length);
  slotWords[at] = length;
  slotWords[at + 1] = a;
  slotWords[at + 2] = b;
  slotWords[at + 3] = c;
  slotTexts[slot] = value;
  return value;
}

/** The bytes behind the pointer that a long text or blob holds. */
function outside(bytes: Uint8Array, i: number, length: number): Buffer {
  const data = duckdb.get_data_from_pointer(bytes.buffer as ArrayBuffer, bytes.byteOffset + 16 * i + 8, length);
  return Buffer.from(data.buffer, data.byteOffset, length);
}

function readBlobs(
  { name }: ResultColumn,
  bytes: Uint8Array,
  count: number,
  valid: Uint32Array | undefined,
  targets: readonly Row[],
): void {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, count * 4);
  for (let i = 0; i < count; i++) {
    const length = words[4 * i] as number;
    if (valid !== undefined && !isValid(valid, i)) (targets[i] as Row)[name] = null;
    else if (length > INLINE) (targets[i] as Row)[name] = Buffer.from(outside(bytes, i, length));
    else (targets[i] as Row)[name] = Buffer.from(bytes.subarray(16 * i + 4, 16 * i + 4 + length));
  }
}
