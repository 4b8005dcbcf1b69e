/** Changes as they stand in an outbox, with the values of their rows as those of the table itself would be told. */
import { Fault } from '@quadrille/record';
import { type Client, DatabaseError } from 'pg';
import type { RawItem } from '../../source.ts';
import { quoted } from './connect.ts';
import { idOf, type SourceTable } from './table.ts';
import type { Sweep } from './window.ts';

/** Number, operation, and why the row could not be read; key and fields. */
type Row = (string | null)[];

/** Data exception, integrity constraint violation: a row that the table as it is now would not take. */
const UNFIT = /^(22|23)/;
/** Where the key begins in a row. */
const KEY = 2;

export interface OutboxChange {
  seq: string;
  /** It is no change of a row. */
  truncate: boolean;
  item: RawItem;
}

export class OutboxChanges {
  readonly #client: Client;
  readonly #table: SourceTable;
  readonly #place: string;

  /** @param place of the outbox, quoted. */
  constructor(client: Client, table: SourceTable, place: string) {
    this.#client = client;
    this.#table = table;
    this.#place = place;
  }

  /** The next changes of a sweep, in their order, which is that of commits for each row. */
  async read(
    sweep: Sweep,
    after: string | undefined,
    limit: number,
  ): Promise<{ changes: OutboxChange[]; rows: Row[] }> {
    const where = [
      `o.xact < '${sweep.to}'`,
      ...(sweep.from === undefined ? [] : [`o.xact >= '${sweep.from}'`]),
      ...(sweep.low === undefined ? [] : [`o.seq >= ${sweep.low}`]),
      ...(after === undefined ? [] : [`o.seq > ${BigInt(after)}`]),
    ].join(' AND ');
    try {
      const rows = await this.#rows(`WHERE ${where} ORDER BY o.seq LIMIT ${limit}`);
      return { rows, changes: rows.map((row) => this.#change(row)) };
    } catch (error) {
      if (!isUnfit(error)) throw error;
      return this.#oneByOne(where, limit);
    }
  }

  async #rows(rest: string): Promise<Row[]> {
    const { key, wanted, place } = this.#table;
    const columns = [...key, ...wanted.filter(({ present }) => present)].map(({ name }) => `r.${quoted(name)}`);
    const { rows } = await this.#client.query<Row>({
      text: `SELECT o.seq, o.op, ${columns.join(', ')} FROM ${this.#place} o
        LEFT JOIN LATERAL json_populate_record(NULL::${place}, o."row") r ON o."row" IS NOT NULL ${rest}`,
      rowMode: 'array',
    });
    return rows;
  }

  async #oneByOne(where: string, limit: number): Promise<{ changes: OutboxChange[]; rows: Row[] }> {
    const { rows } = await this.#client.query<Row>({
      text: `SELECT o.seq, o."row" FROM ${this.#place} o WHERE ${where} ORDER BY o.seq LIMIT ${limit}`,
      rowMode: 'array',
    });
    const changes: OutboxChange[] = [];
    for (const [seq, text] of rows as [string, string | null][]) {
      try {
        const [row] = await this.#rows(`WHERE o.seq = ${BigInt(seq)}`);
        changes.push(this.#change(row as Row));
      } catch (error) {
        if (!isUnfit(error)) throw error;
        const place = this.#shown(seq);
        const fault = new Fault('ROW_MALFORMED', 'the table as it is now would not take the row', {
          place,
          help: 'a column’s type was changed since: correct the row',
        });
        const item = { fault, bytes: Buffer.from(text ?? ''), place, version: BigInt(seq) };
        changes.push({ seq, truncate: false, item });
      }
    }
    return { changes, rows };
  }

  #change(row: Row): OutboxChange {
    const { key, wanted } = this.#table;
    const [seq, op] = row as [string, string];
    const fields: Record<string, unknown> = {};
    let at = KEY + key.length;
    for (const { name, present, convert } of wanted) {
      if (!present) continue;
      const text = row[at++] as string | null;
      fields[name] = text === null ? null : convert(text);
    }
    const id = idOf(row.slice(KEY, KEY + key.length) as string[]);
    const item = { place: this.#shown(seq), id, version: BigInt(seq), fields, ...(op === 'D' && { deleted: true }) };
    return { seq, truncate: op === 'T', item };
  }

  #shown(seq: string): string {
    return `${this.#table.shown}@${seq}`;
  }
}

const isUnfit = (error: unknown): boolean => error instanceof DatabaseError && UNFIT.test(error.code ?? '');
