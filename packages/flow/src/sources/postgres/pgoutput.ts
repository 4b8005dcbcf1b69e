/** What the plugin pgoutput sends, protocol version 1, values as text (PostgreSQL documentation, 53.9: Logical Replication Message Formats). */
import { Fault } from '@quadrille/record';

/** A value: its text, null, or undefined where it is stored out of line and was not changed. */
export type Tuple = (string | null | undefined)[];

export interface Relation {
  kind: 'relation';
  id: number;
  schema: string;
  name: string;
  columns: string[];
}

export interface RowChange {
  kind: 'insert' | 'update' | 'delete';
  relation: number;
  /** The row as it is now; absent for a deletion. */
  row?: Tuple;
  /** What is known of the row as it was: its key with all else null, or (`whole`) all of it. */
  old?: Tuple;
  whole?: boolean;
}

export type Decoded =
  /** `final` is the LSN of its commit, which tells one transaction from all others. */
  | { kind: 'begin'; final: bigint; at: number }
  | { kind: 'commit'; end: bigint }
  | { kind: 'truncate'; relations: number[] }
  | { kind: 'other' }
  | Relation
  | RowChange;

/** Microseconds between 1970 and 2000, where PostgreSQL's time begins. */
export const EPOCH_MICROS = 946_684_800_000_000n;

/** One logical replication message. Texts are copied out of the buffer. @throws Fault SOURCE_UNAVAILABLE: not of version 1 */
export function decode(buffer: Buffer): Decoded {
  const reader = new Reader(buffer);
  switch (reader.letter()) {
    case 'B': {
      const final = reader.int64();
      return { kind: 'begin', final, at: Number((reader.int64() + EPOCH_MICROS) / 1000n) };
    }
    case 'C':
      reader.at += 9;
      return { kind: 'commit', end: reader.int64() };
    case 'R':
      return relation(reader);
    case 'I': {
      const id = reader.int32();
      reader.at++;
      return { kind: 'insert', relation: id, row: reader.tuple() };
    }
    case 'U': {
      const id = reader.int32();
      const letter = reader.letter();
      if (letter === 'N') return { kind: 'update', relation: id, row: reader.tuple() };
      const old = reader.tuple();
      reader.at++;
      return { kind: 'update', relation: id, row: reader.tuple(), old, whole: letter === 'O' };
    }
    case 'D': {
      const id = reader.int32();
      const letter = reader.letter();
      return { kind: 'delete', relation: id, old: reader.tuple(), whole: letter === 'O' };
    }
    case 'T': {
      const count = reader.int32();
      reader.at++;
      return { kind: 'truncate', relations: Array.from({ length: count }, () => reader.int32()) };
    }
    // Types, origins and messages of others say nothing of rows.
    case 'Y':
    case 'O':
    case 'M':
      return { kind: 'other' };
    default:
      throw new Fault('SOURCE_UNAVAILABLE', 'pgoutput has sent what its protocol version 1 does not have');
  }
}

function relation(reader: Reader): Relation {
  const id = reader.int32();
  const schema = reader.text();
  const name = reader.text();
  reader.at++;
  const count = reader.int16();
  const columns = Array.from({ length: count }, () => {
    reader.at++;
    const column = reader.text();
    reader.at += 8;
    return column;
  });
  // An empty name stands for pg_catalog.
  return { kind: 'relation', id, schema: schema || 'pg_catalog', name, columns };
}

class Reader {
  at = 0;
  readonly #buffer: Buffer;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  letter(): string {
    return String.fromCharCode(this.#buffer[this.at++] as number);
  }

  int16(): number {
    this.at += 2;
    return this.#buffer.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.#buffer.readInt32BE(this.at - 4);
  }

  int64(): bigint {
    this.at += 8;
    return this.#buffer.readBigUInt64BE(this.at - 8);
  }

  text(): string {
    const end = this.#buffer.indexOf(0, this.at);
    const text = this.#buffer.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  tuple(): Tuple {
    const count = this.int16();
    const values: Tuple = new Array(count);
    for (let i = 0; i < count; i++) {
      const letter = this.letter();
      if (letter === 'n') values[i] = null;
      else if (letter === 'u') values[i] = undefined;
      else {
        const length = this.int32();
        values[i] = this.#buffer.toString('utf8', this.at, this.at + length);
        this.at += length;
      }
    }
    return values;
  }
}
