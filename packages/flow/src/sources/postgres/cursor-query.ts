/** The statements of `postgres-cursor`: rows in the order of cursor and key, so that reading can go on after any of them. */
import { literal, quoted } from './connect.ts';
import { type CursorColumn, literalOf, numberOf } from './cursor-column.ts';
import type { SourceTable } from './table.ts';
import type { Sweep } from './window.ts';

export interface CursorPage {
  sweep: Sweep;
  /** Of the rows without a version, by key; then of the others, by cursor and key. */
  odd: boolean;
  /** The last row read: its cursor unless `odd`, and its key. */
  after: readonly string[] | undefined;
  limit: number;
}

/** The greatest version that there is. */
export const GREATEST = BigInt(Number.MAX_SAFE_INTEGER);

/** Transaction numbers of rows have 32 bits and begin anew. */
const MASK = 4_294_967_295n;

export class CursorQuery {
  readonly #table: SourceTable;
  readonly #cursor: CursorColumn;
  readonly #columns: string;
  readonly #key: string[];

  /** @param deleted a column that says that a row is deleted. */
  constructor(table: SourceTable, cursor: CursorColumn, deleted: string | undefined) {
    this.#table = table;
    this.#cursor = cursor;
    this.#key = table.key.map(({ name }) => `t.${quoted(name)}`);
    this.#columns = [
      numberOf(cursor),
      cursor.place,
      deleted === undefined ? 'NULL' : `t.${quoted(deleted)}`,
      ...this.#key,
      ...table.wanted.filter(({ present }) => present).map(({ name }) => `t.${quoted(name)}`),
    ].join(', ');
  }

  /** The greatest value that is a version. */
  get top(): string {
    const { place, time } = this.#cursor;
    const fits = time ? `isfinite(${place})` : `${place} <= ${GREATEST}`;
    return `SELECT ${numberOf(this.#cursor)} AS top FROM ${this.#table.place} t WHERE ${fits} ORDER BY ${place} DESC LIMIT 1`;
  }

  /** Of each row: version, cursor, deletion, key, fields. */
  page({ sweep, odd, after, limit }: CursorPage): string {
    const { place, type, time } = this.#cursor;
    const order = odd ? this.#key : [place, ...this.#key];
    const types = [...(odd ? [] : [type]), ...this.#table.key.map((each) => each.type)];
    const nothing = time ? `(${place} IS NULL OR ${place} = '-infinity')` : `${place} IS NULL`;
    const something = time ? `${place} > '-infinity'` : `${place} IS NOT NULL`;
    const where = [odd ? nothing : something, this.#taken(sweep, odd)];
    if (!odd && sweep.from !== undefined && sweep.low !== undefined)
      where.push(`${place} >= ${literalOf(this.#cursor, sweep.low)}`);
    if (after !== undefined)
      where.push(`(${order.join(', ')}) > (${after.map((text, i) => `${literal(text)}::${types[i]}`).join(', ')})`);
    return `SELECT ${this.#columns} FROM ${this.#table.place} t WHERE ${where.join(' AND ')} ORDER BY ${order.join(', ')} LIMIT ${limit}`;
  }

  /** What a sweep takes, by the transactions that wrote the rows. Rows older than the numbering may be taken once more. */
  #taken({ from, to, low }: Sweep, odd: boolean): string {
    const since = (first: bigint): string => `((t.xmin::text::bigint - ${first & MASK}) & ${MASK})`;
    if (from !== undefined) return to - from > MASK ? 'true' : `${since(from)} < ${to - from}`;
    // All rows that there are; those that the next sweep takes are left to it, where it looks.
    const later = `${since(to)} < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) - ${to}`;
    const looked =
      odd || low === undefined ? later : `${this.#cursor.place} >= ${literalOf(this.#cursor, low)} AND ${later}`;
    return `NOT (${looked})`;
  }
}
