/** A lookup: rows of a reference topic, found by the record's fields. */

import type { Field } from '../avro/field.ts';
import type { LookupConfig } from '../lookup.ts';
import { type KeyOf, type KeyPart, keysOf } from './key.ts';
import type { ReferenceTopic, RowIndex } from './reference.ts';

type Row = Record<string, unknown>;

interface Entry {
  id: string;
  row: Row;
}

/** A level for each join field; the last holds the row, or all of them where several have the same fields. */
type Level = Map<KeyPart, Level | Entry | Entry[]>;

export class TopicLookup implements RowIndex {
  readonly name: string;
  readonly config: LookupConfig;
  /** The record's fields it is found by. */
  readonly recordFields: readonly string[];
  readonly #lookupFields: readonly string[];
  readonly #lookupKeys: readonly KeyOf[];
  readonly #recordKeys: readonly KeyOf[];
  // Maps in maps: a record is found without a key being put together for it.
  readonly #index: Level = new Map();

  /**
   * @param reference must keep the fields of `on` and `take`.
   * @param record the record's fields; one that is not there compares as it is.
   */
  constructor(name: string, config: LookupConfig, reference: ReferenceTopic, record: readonly Field[]) {
    this.name = name;
    this.config = config;
    this.#lookupFields = Object.keys(config.on);
    this.recordFields = Object.values(config.on);
    const keys = Object.entries(config.on).map(([theirs, ours]) =>
      keysOf(fieldOf(reference.fields, theirs), fieldOf(record, ours)),
    );
    this.#lookupKeys = keys.map((key) => key.lookup);
    this.#recordKeys = keys.map((key) => key.record);
    reference.watch(this);
  }

  /** The row that fits; of several the one with the smallest id, so that it does not depend on who came first. */
  find(record: Row): Row | undefined {
    let level: Level = this.#index;
    const last = this.recordFields.length - 1;
    for (let i = 0; ; i++) {
      const key = (this.#recordKeys[i] as KeyOf)(record[this.recordFields[i] as string]);
      if (key === undefined) return undefined;
      const found = level.get(key);
      if (found === undefined) return undefined;
      if (i === last) return Array.isArray(found) ? (found[0] as Entry).row : (found as Entry).row;
      level = found as Level;
    }
  }

  add(id: string, row: Row): void {
    const place = this.#placeOf(row);
    if (place === undefined) return;
    const { level, key } = place;
    const there = level.get(key) as Entry | Entry[] | undefined;
    const entry = { id, row };
    if (there === undefined) level.set(key, entry);
    else
      level.set(
        key,
        [...(Array.isArray(there) ? there : [there]), entry].sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
  }

  remove(id: string, row: Row): void {
    const place = this.#placeOf(row);
    if (place === undefined) return;
    const { level, key } = place;
    const there = level.get(key) as Entry | Entry[] | undefined;
    const left = (Array.isArray(there) ? there : there === undefined ? [] : [there]).filter((entry) => entry.id !== id);
    if (left.length === 0) level.delete(key);
    else level.set(key, left.length === 1 ? (left[0] as Entry) : left);
  }

  /** The last level of a row and its key there; undefined when a join field is null: nothing can find it. */
  #placeOf(row: Row): { level: Level; key: KeyPart } | undefined {
    let level = this.#index;
    for (let i = 0; ; i++) {
      const key = (this.#lookupKeys[i] as KeyOf)(row[this.#lookupFields[i] as string]);
      if (key === undefined) return undefined;
      if (i === this.#lookupFields.length - 1) return { level, key };
      let next = level.get(key) as Level | undefined;
      if (next === undefined) {
        next = new Map();
        level.set(key, next);
      }
      level = next;
    }
  }
}

const fieldOf = (fields: readonly Field[], name: string): Field | undefined =>
  fields.find((field) => field.name === name);
