/** The rows of a reference topic, materialised: what every lookup on the topic shares. */
import type { Field } from '../avro/field.ts';
import type { SqlTable } from '../rules/sql-plan.ts';

type Row = Record<string, unknown>;

/** Told of every change, so that it can find rows by other fields than the id. */
export interface RowIndex {
  add(id: string, row: Row): void;
  remove(id: string, row: Row): void;
}

class Kept {
  version: bigint;
  revision: number;
  /** null: deleted at this version; stays, so that an older version cannot bring the row back. */
  row: Row | null;
  constructor(version: bigint, revision: number, row: Row | null) {
    this.version = version;
    this.revision = revision;
    this.row = row;
  }
}

export class ReferenceTopic {
  readonly topic: string;
  /** The fields that are kept. */
  readonly fields: readonly Field[];
  readonly #kept = new Map<string, Kept>();
  readonly #indexes: RowIndex[] = [];
  readonly #pick: (value: Row) => Row;
  #changes = 0;
  #alive = 0;

  /** @param keep names of the fields to keep. */
  constructor(topic: string, fields: readonly Field[], keep: ReadonlySet<string>) {
    this.topic = topic;
    this.fields = fields.filter(({ name }) => keep.has(name));
    this.#pick = picker(this.fields.map(({ name }) => name));
  }

  /** Rows there are, deleted ones not counted. */
  get size(): number {
    return this.#alive;
  }

  /** Goes up with every change of a row. */
  get changes(): number {
    return this.#changes;
  }

  /** Takes a newer version of a row, or with null its deletion; same and older versions change nothing. */
  apply(id: string, version: bigint, revision: number, value: Row | null): void {
    const kept = this.#kept.get(id);
    if (kept !== undefined && (version < kept.version || (version === kept.version && revision <= kept.revision)))
      return;
    const before = kept?.row ?? null;
    const row = value === null ? null : this.#pick(value);
    if (kept === undefined) {
      this.#kept.set(id, new Kept(version, revision, row));
    } else {
      kept.version = version;
      kept.revision = revision;
      kept.row = row;
    }
    for (const index of this.#indexes) {
      if (before !== null) index.remove(id, before);
      if (row !== null) index.add(id, row);
    }
    this.#alive += (row === null ? 0 : 1) - (before === null ? 0 : 1);
    this.#changes++;
  }

  /** All rows there are now, without order. */
  rows(): Row[] {
    const rows: Row[] = [];
    for (const { row } of this.#kept.values()) if (row !== null) rows.push(row);
    return rows;
  }

  /** Keeps an index up to date, from the rows that are there already on. */
  watch(index: RowIndex): void {
    for (const [id, { row }] of this.#kept) if (row !== null) index.add(id, row);
    this.#indexes.push(index);
  }

  /** The topic's rows as a relation that SQL reads under this name. */
  table(name: string): SqlTable {
    const reference = this;
    return {
      name,
      fields: this.fields,
      get changes() {
        return reference.changes;
      },
      rows: () => reference.rows(),
    };
  }
}

/** One class a topic, so that V8 gives its rows one shape without slack. */
function picker(names: readonly string[]): (value: Row) => Row {
  class Picked {
    constructor(value: Row) {
      for (let i = 0; i < names.length; i++) {
        const name = names[i] as string;
        (this as Row)[name] = value[name] ?? null;
      }
    }
  }
  return (value) => new Picked(value) as Row;
}
