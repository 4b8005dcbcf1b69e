/** The rows of a table as they stand at one moment, in the order of its key, so that reading can go on after any of them. */
import type { Client } from 'pg';
import { literal, quoted } from './connect.ts';
import type { SourceTable } from './table.ts';

export interface SnapshotRow {
  key: string[];
  fields: Record<string, unknown>;
}

export class Snapshot {
  readonly #client: Client;
  readonly #table: SourceTable;

  private constructor(client: Client, table: SourceTable) {
    this.#client = client;
    this.#table = table;
  }

  /**
   * Begins a transaction on the connection, which `end` ends.
   * @param exported a snapshot that another session has exported; else that of now.
   * @param after the key of the last row that was read.
   */
  static async begin(
    client: Client,
    table: SourceTable,
    exported: string | undefined,
    after: readonly string[] | undefined,
  ): Promise<Snapshot> {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    if (exported !== undefined) await client.query(`SET TRANSACTION SNAPSHOT ${literal(exported)}`);
    const key = table.key.map(({ name }) => quoted(name)).join(', ');
    const from = table.key.map(({ type }, i) => `${literal(after?.[i] ?? '')}::${type}`).join(', ');
    const where = after === undefined ? '' : ` WHERE (${key}) > (${from})`;
    const columns = [...table.key, ...table.wanted.filter(({ present }) => present)]
      .map(({ name }) => quoted(name))
      .join(', ');
    await client.query(
      `DECLARE quadrille_snapshot NO SCROLL CURSOR FOR SELECT ${columns} FROM ${table.place}${where} ORDER BY ${key}`,
    );
    return new Snapshot(client, table);
  }

  /** The next rows, fewer than `max` at the end. */
  async read(max: number): Promise<SnapshotRow[]> {
    const { key, wanted } = this.#table;
    const { rows } = await this.#client.query<(string | null)[]>({
      text: `FETCH ${max} FROM quadrille_snapshot`,
      rowMode: 'array',
    });
    return rows.map((row) => {
      const fields: Record<string, unknown> = {};
      for (const [i, { name, convert }] of wanted.filter(({ present }) => present).entries()) {
        const text = row[key.length + i] as string | null;
        fields[name] = text === null ? null : convert(text);
      }
      return { key: row.slice(0, key.length) as string[], fields };
    });
  }

  async end(): Promise<void> {
    await this.#client.query('COMMIT');
  }
}
