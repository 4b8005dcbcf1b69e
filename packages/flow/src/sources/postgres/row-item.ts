/** Changes of rows as raw items. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { RawItem } from '../../source.ts';
import { quoted } from './connect.ts';
import { formatLsn } from './lsn.ts';
import type { Relation, RowChange, Tuple } from './pgoutput.ts';
import type { Change } from './replication-stream.ts';
import { idOf, type SourceTable } from './table.ts';

/** Where the columns that count stand in a relation; -1: it does not have it any more. */
interface Layout {
  key: number[];
  wanted: number[];
}

export class RowItems {
  readonly #table: SourceTable;
  readonly #layouts = new WeakMap<Relation, Layout>();

  constructor(table: SourceTable) {
    this.#table = table;
  }

  /**
   * An item for each change, in order. A value stored out of line that an update has not changed is not in the log: it is
   * taken from the former row if the log has it (REPLICA IDENTITY FULL), else from the row as it stands now. A row that does
   * not stand any more has a later change in the log, so this one is left out.
   * @param client for the rows as they stand now.
   */
  async of(changes: readonly (Change & { what: RowChange })[], client: Client): Promise<RawItem[]> {
    const rows = changes.map((change) => ({ change, values: this.#values(change) }));
    const partial = rows.filter(({ values }) => values.includes(undefined));
    const standing =
      partial.length === 0
        ? undefined
        : await this.#standing(
            client,
            partial.map(({ change }) => this.#key(change)),
          );
    const items: RawItem[] = [];
    for (const { change, values } of rows) {
      const item = this.#item(change, values, standing);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  #item(
    change: Change & { what: RowChange },
    values: Tuple,
    standing: Map<string, Tuple> | undefined,
  ): RawItem | undefined {
    const { wanted, shown } = this.#table;
    const { what, relation, lsn, place } = change;
    const layout = this.#layout(relation);
    const id = idOf(this.#key(change));
    const now = values.includes(undefined) ? standing?.get(id) : [];
    if (now === undefined) return undefined;
    const deleted = what.kind === 'delete';
    const fields: Record<string, unknown> = {};
    for (const [i, { name, convert }] of wanted.entries()) {
      const at = layout.wanted[i] as number;
      if (at < 0 || (deleted && what.whole !== true && !layout.key.includes(at))) continue;
      const text = values[i] === undefined ? now[i] : values[i];
      fields[name] = text === null || text === undefined ? null : convert(text);
    }
    const where = `${shown}@${formatLsn(lsn)}.${place.changes ?? 'last'}`;
    return { place: where, id, version: lsn, fields, ...(deleted && { deleted }) };
  }

  /** Of the columns that the schema wants; undefined: not in the log. */
  #values({ what, relation }: Change & { what: RowChange }): Tuple {
    const { row, old, whole } = what;
    return this.#layout(relation).wanted.map((at) => {
      if (at < 0) return null;
      if (row === undefined) return old?.[at] ?? null;
      return row[at] === undefined && whole === true ? old?.[at] : row[at];
    });
  }

  #key({ what, relation }: Change & { what: RowChange }): string[] {
    const tuple = what.row ?? what.old ?? [];
    return this.#layout(relation).key.map((at) => tuple[at] ?? what.old?.[at] ?? '');
  }

  #layout(relation: Relation): Layout {
    let layout = this.#layouts.get(relation);
    if (layout === undefined) {
      const { key, wanted, shown } = this.#table;
      layout = {
        key: key.map(({ name }) => relation.columns.indexOf(name)),
        wanted: wanted.map(({ name }) => relation.columns.indexOf(name)),
      };
      const lost = key.find((_, i) => layout?.key[i] === -1);
      if (lost !== undefined)
        throw new Fault('SOURCE_CHANGED', `column \`${lost.name}\` of its key is gone`, {
          place: shown,
          help: 'restart the station, which reads the table’s key anew',
        });
      this.#layouts.set(relation, layout);
    }
    return layout;
  }

  async #standing(client: Client, keys: readonly string[][]): Promise<Map<string, Tuple>> {
    const { key, wanted, place } = this.#table;
    const arrays = key.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ');
    const equal = key.map(({ name }, i) => `t.${quoted(name)} = k.k${i}`).join(' AND ');
    // Every column: those that the log had may be gone by now.
    const { rows } = await client.query<Record<string, string | null>>({
      text: `SELECT t.* FROM ${place} t JOIN unnest(${arrays}) AS k(${key.map((_, i) => `k${i}`).join(', ')}) ON ${equal}`,
      values: key.map((_, i) => keys.map((values) => values[i])),
    });
    return new Map(
      rows.map((row) => [
        idOf(key.map(({ name }) => row[name] as string)),
        wanted.map(({ name }) => row[name] ?? null),
      ]),
    );
  }
}
