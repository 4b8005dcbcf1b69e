/** The rows of a table in the order of its key, page by page, each as it stands when its page is read. */
import type { Client } from 'pg';
import type { RawItem } from '../../source.ts';
import { BatchSize } from './batch-size.ts';
import { literal, quoted } from './connect.ts';
import { idOf, type SourceTable } from './table.ts';

export class TablePages {
  /** Key of the last row read. */
  after: string[] | undefined;
  readonly #client: Client;
  readonly #table: SourceTable;
  readonly #batch = new BatchSize();

  constructor(client: Client, table: SourceTable, after: string[] | undefined) {
    this.#client = client;
    this.#table = table;
    this.after = after;
  }

  /** @param row number of the first item. @returns none at the end */
  async read(max: number, row: number, version: bigint): Promise<RawItem[]> {
    const { key, wanted, place, shown } = this.#table;
    const columns = [...key, ...wanted.filter(({ present }) => present)].map(({ name }) => quoted(name)).join(', ');
    const order = key.map(({ name }) => quoted(name)).join(', ');
    const from = this.after?.map((text, i) => `${literal(text)}::${key[i]?.type}`).join(', ');
    const where = from === undefined ? '' : `WHERE (${order}) > (${from}) `;
    const { rows } = await this.#client.query<(string | null)[]>({
      text: `SELECT ${columns} FROM ${place} ${where}ORDER BY ${order} LIMIT ${this.#batch.next(max)}`,
      rowMode: 'array',
    });
    this.#batch.learn(rows);
    const items = rows.map((values, i) => {
      const fields: Record<string, unknown> = {};
      let at = key.length;
      for (const { name, present, convert } of wanted) {
        if (!present) continue;
        const text = values[at++] as string | null;
        fields[name] = text === null ? null : convert(text);
      }
      return { place: `${shown}#${row + i}`, id: idOf(values.slice(0, key.length) as string[]), version, fields };
    });
    this.after = (rows.at(-1)?.slice(0, key.length) as string[] | undefined) ?? this.after;
    return items;
  }
}
