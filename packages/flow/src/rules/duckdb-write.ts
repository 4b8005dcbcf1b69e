/**
 * Fills DuckDB's data chunks from records, a column at a time. Measured on rounds of 6,000 with four columns: 0.36 µs a
 * record, against 0.95 with the binding's own column setters and 1.2 with its appender row by row.
 *
 * Fixed-width values go into a typed array of ours, copied as a whole. A text of up to 12 ASCII characters is written
 * in place as DuckDB keeps it (`duckdb_string_t` of duckdb.h: length, then 12 bytes); longer ones by a call each.
 */
import { DuckDBTypeId } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { SqlColumn } from './sql-types.ts';

/** Rows of a chunk: DuckDB's vector size. */
const CHUNK = 2048;
const INLINE = 12;
const TWO32 = 4294967296;

type Row = Record<string, unknown>;
/** Told of a value that is not of its field's kind. */
export type Refuse = (row: number, column: SqlColumn) => void;

/** Writes rows into one table; its buffers are used again for every chunk. */
export class TableWriter {
  readonly #connection: duckdb.Connection;
  readonly #table: string;
  readonly #buffers: ColumnBuffer[];
  readonly #chunk: duckdb.DataChunk;
  readonly #rows: Int32Array<ArrayBuffer> | undefined;

  /** @param numbered the table's first column is INTEGER and takes the row number. */
  constructor(connection: duckdb.Connection, table: string, columns: readonly SqlColumn[], numbered: boolean) {
    this.#connection = connection;
    this.#table = table;
    this.#buffers = columns.map((column) => new ColumnBuffer(column));
    this.#rows = numbered ? new Int32Array(CHUNK) : undefined;
    const types: number[] = columns.map((column) => DuckDBTypeId[column.stored as keyof typeof DuckDBTypeId]);
    if (numbered) types.unshift(DuckDBTypeId.INTEGER);
    this.#chunk = duckdb.create_data_chunk(types.map((type) => duckdb.create_logical_type(type as duckdb.Type)));
  }

  /**
   * Appends `rows[from]` up to, without, `rows[to]`; a row number is the index in `rows`. A value that is not of its
   * field's kind is told to `refuse` and stands as null.
   * @throws what DuckDB throws, e.g. beyond the memory limit.
   */
  write(rows: readonly Row[], from: number, to: number, refuse: Refuse): void {
    const appender = duckdb.appender_create_ext(this.#connection, null, null, this.#table);
    try {
      for (let start = from; start < to; start += CHUNK)
        this.#append(appender, rows, start, Math.min(CHUNK, to - start), refuse);
    } finally {
      duckdb.appender_close_sync(appender);
    }
  }

  #append(appender: duckdb.Appender, rows: readonly Row[], start: number, count: number, refuse: Refuse): void {
    const chunk = this.#chunk;
    duckdb.data_chunk_reset(chunk);
    duckdb.data_chunk_set_size(chunk, count);
    let at = 0;
    if (this.#rows !== undefined) {
      for (let i = 0; i < count; i++) this.#rows[i] = start + i;
      duckdb.copy_data_to_vector(duckdb.data_chunk_get_vector(chunk, at++), 0, this.#rows.buffer, 0, count * 4);
    }
    for (const buffer of this.#buffers)
      buffer.fill(rows, start, count, duckdb.data_chunk_get_vector(chunk, at++), refuse);
    duckdb.append_data_chunk(appender, chunk);
  }
}

const WIDTH = { bool: 1, int32: 4, int64: 8, float: 4, double: 8, text: 16, blob: 16 } as const;

class ColumnBuffer {
  readonly #column: SqlColumn;
  readonly #width: number;
  readonly #data: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #floats: Float32Array;
  readonly #doubles: Float64Array;
  readonly #bigs: BigInt64Array;
  readonly #valid = new Uint32Array(CHUNK / 32);
  #nulls = false;

  constructor(column: SqlColumn) {
    this.#column = column;
    this.#width = WIDTH[column.physical];
    this.#data = new ArrayBuffer(CHUNK * this.#width);
    this.#bytes = new Uint8Array(this.#data);
    this.#words = new Int32Array(this.#data, 0, this.#data.byteLength >> 2);
    this.#floats = new Float32Array(this.#data, 0, this.#data.byteLength >> 2);
    this.#doubles = new Float64Array(this.#data, 0, this.#data.byteLength >> 3);
    this.#bigs = new BigInt64Array(this.#data, 0, this.#data.byteLength >> 3);
  }

  fill(rows: readonly Row[], start: number, count: number, vector: duckdb.Vector, refuse: Refuse): void {
    this.#nulls = false;
    this.#valid.fill(0xffffffff);
    let outside: number[] | undefined;
    switch (this.#column.physical) {
      case 'int32':
        this.#fillInts(rows, start, count, refuse);
        break;
      case 'int64':
        this.#fillLongs(rows, start, count, refuse);
        break;
      case 'float':
      case 'double':
        this.#fillReals(rows, start, count, refuse);
        break;
      case 'bool':
        this.#fillBooleans(rows, start, count, refuse);
        break;
      case 'text':
        outside = this.#fillTexts(rows, start, count, refuse);
        break;
      case 'blob':
        outside = this.#fillBlobs(rows, start, count, refuse);
    }
    duckdb.copy_data_to_vector(vector, 0, this.#data, 0, count * this.#width);
    if (outside !== undefined) this.#assign(rows, start, outside, vector);
    if (!this.#nulls) return;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.#valid.buffer, 0, ((count + 63) >> 6) * 8);
  }

  /** Marks as null; anything but null and undefined is not of the field's kind. */
  #absent(i: number, value: unknown, start: number, refuse: Refuse): void {
    this.#nulls = true;
    this.#valid[i >> 5] = (this.#valid[i >> 5] as number) & ~(1 << (i & 31));
    if (value !== null && value !== undefined) refuse(start + i, this.#column);
  }

  #fillInts(rows: readonly Row[], start: number, count: number, refuse: Refuse): void {
    const name = this.#column.field.name;
    const words = this.#words;
    for (let i = 0; i < count; i++) {
      const value = (rows[start + i] as Row)[name];
      if (typeof value === 'number' && (value | 0) === value) words[i] = value;
      else this.#absent(i, value, start, refuse);
    }
  }

  #fillLongs(rows: readonly Row[], start: number, count: number, refuse: Refuse): void {
    const { field, factor } = this.#column;
    const words = this.#words;
    for (let i = 0; i < count; i++) {
      const value = (rows[start + i] as Row)[field.name];
      const product = typeof value === 'number' ? value * factor : Number.NaN;
      if (Number.isSafeInteger(product)) {
        const high = Math.floor(product / TWO32);
        words[2 * i] = (product - high * TWO32) | 0;
        words[2 * i + 1] = high;
      } else {
        this.#fillBig(i, value, start, refuse);
      }
    }
  }

  /** Beyond 2^53: a bigint, or an instant before or after the years that µs in a double cover. */
  #fillBig(i: number, value: unknown, start: number, refuse: Refuse): void {
    let big: bigint | undefined;
    if (typeof value === 'bigint') big = value * BigInt(this.#column.factor);
    else if (typeof value === 'number' && Number.isSafeInteger(value))
      big = BigInt(value) * BigInt(this.#column.factor);
    if (big !== undefined && BigInt.asIntN(64, big) === big) this.#bigs[i] = big;
    else this.#absent(i, value, start, refuse);
  }

  #fillReals(rows: readonly Row[], start: number, count: number, refuse: Refuse): void {
    const name = this.#column.field.name;
    const reals = this.#column.physical === 'float' ? this.#floats : this.#doubles;
    for (let i = 0; i < count; i++) {
      const value = (rows[start + i] as Row)[name];
      if (typeof value === 'number') reals[i] = value;
      else this.#absent(i, value, start, refuse);
    }
  }

  #fillBooleans(rows: readonly Row[], start: number, count: number, refuse: Refuse): void {
    const name = this.#column.field.name;
    for (let i = 0; i < count; i++) {
      const value = (rows[start + i] as Row)[name];
      if (typeof value === 'boolean') this.#bytes[i] = value ? 1 : 0;
      else this.#absent(i, value, start, refuse);
    }
  }

  #fillTexts(rows: readonly Row[], start: number, count: number, refuse: Refuse): number[] | undefined {
    const name = this.#column.field.name;
    const words = this.#words;
    const bytes = this.#bytes;
    let outside: number[] | undefined;
    for (let i = 0; i < count; i++) {
      const value = (rows[start + i] as Row)[name];
      // Also where the value is null or follows below: no stale pointer may stay.
      words[4 * i] = 0;
      words[4 * i + 1] = 0;
      words[4 * i + 2] = 0;
      words[4 * i + 3] = 0;
      if (typeof value !== 'string') {
        this.#absent(i, value, start, refuse);
        continue;
      }
      const length = value.length;
      let ascii = length <= INLINE ? 0 : 128;
      if (ascii === 0) {
        const at = 16 * i + 4;
        for (let c = 0; c < length; c++) {
          const code = value.charCodeAt(c);
          ascii |= code;
          bytes[at + c] = code;
        }
      }
      if (ascii < 128) {
        words[4 * i] = length;
      } else {
        outside ??= [];
        outside.push(i);
      }
    }
    return outside;
  }

  #fillBlobs(rows: readonly Row[], start: number, count: number, refuse: Refuse): number[] | undefined {
    const outside: number[] = [];
    this.#bytes.fill(0, 0, count * 16);
    for (let i = 0; i < count; i++) {
      const value = (rows[start + i] as Row)[this.#column.field.name];
      if (value instanceof Uint8Array) outside.push(i);
      else this.#absent(i, value, start, refuse);
    }
    return outside;
  }

  #assign(rows: readonly Row[], start: number, outside: number[], vector: duckdb.Vector): void {
    const { field, physical } = this.#column;
    for (const i of outside) {
      const value = (rows[start + i] as Row)[field.name];
      if (physical === 'text') duckdb.vector_assign_string_element(vector, i, value as string);
      else duckdb.vector_assign_string_element_len(vector, i, value as Uint8Array);
    }
  }
}
