/** A lookup that is asked: before a round is joined, for the rows that it needs and that are not remembered. */
import { Fault } from '@quadrille/record';
import { type Coerce, compileCoerce } from '../avro/coerce.ts';
import type { Field } from '../avro/field.ts';
import type { Asked, AskedLookupConfig } from '../lookup.ts';
import { type KeyOf, type KeyPart, keysOf } from './key.ts';

type Row = Record<string, unknown>;

/** What was answered for a key: a row with the record's types, that there is none, or why the answer is of no use. */
type Answer = Row | Fault | undefined;

interface Remembered {
  answer: Answer;
  /** performance.now() until when it is used without asking again. */
  until: number;
}

/** What has been asked since the process started. */
export interface AskedFigures {
  /** Keys of a round that were remembered, and that were not. */
  hits: number;
  misses: number;
  /** Keys answered from beyond their time, while nobody answered. */
  stale: number;
  /** Time that rounds have waited for answers, ms. */
  waitedMs: number;
}

export class AskedLookup {
  readonly name: string;
  readonly config: AskedLookupConfig;
  /** The record's fields it is found by. */
  readonly recordFields: readonly string[];
  readonly figures: AskedFigures = { hits: 0, misses: 0, stale: 0, waitedMs: 0 };
  readonly #asked: Asked;
  readonly #lookupFields: readonly string[];
  readonly #keys: readonly KeyOf[];
  readonly #coerce: Coerce;
  /** In the order in which they were answered. */
  readonly #remembered = new Map<KeyPart, Remembered>();
  /** Of the round that was asked for last: what is remembered may be forgotten before it is joined. */
  #round = new Map<KeyPart, Answer>();

  /** @param record the record's fields, before and after the join. */
  constructor(name: string, config: AskedLookupConfig, asked: Asked, record: readonly Field[]) {
    this.name = name;
    this.config = config;
    this.#asked = asked;
    this.#lookupFields = Object.keys(config.on);
    this.recordFields = Object.values(config.on);
    const fieldOf = (field: string): Field | undefined => record.find(({ name }) => name === field);
    this.#keys = this.recordFields.map((field) => keysOf(undefined, fieldOf(field)).record);
    const taken = Object.entries(config.take).flatMap(([theirs, ours]) => {
      const field = fieldOf(ours);
      // Whether it may be null is for the encoder to say, once all rules have run.
      return field === undefined ? [] : [{ ...field, name: theirs, nullable: true }];
    });
    this.#coerce = compileCoerce(taken, { nullTexts: [] });
  }

  open(): Promise<void> {
    return this.#asked.open();
  }

  /** The next round asks for everything anew: before replays are judged. */
  forget(): void {
    this.#remembered.clear();
  }

  /**
   * Makes ready for a round: asks once for all keys that are not remembered.
   * @param records those that will be joined.
   * @throws Fault of class `dependency`: the round waits.
   */
  async prepare(records: readonly Row[]): Promise<void> {
    const now = performance.now();
    const round = new Map<KeyPart, Answer>();
    const wanted = new Map<KeyPart, Row>();
    for (const record of records) {
      const key = this.#keyOf(record);
      if (key === undefined || round.has(key) || wanted.has(key)) continue;
      const known = this.#remembered.get(key);
      if (known !== undefined && known.until > now) round.set(key, known.answer);
      else wanted.set(key, this.#named(record));
    }
    this.figures.hits += round.size;
    this.figures.misses += wanted.size;
    this.#round = round;
    if (wanted.size === 0) return;
    let answers: Answer[];
    try {
      answers = (await this.#asked.ask([...wanted.values()])).map((answer) => this.#typed(answer));
    } catch (error) {
      if (!this.#makeDo(wanted.keys(), now)) throw error;
      return;
    } finally {
      this.figures.waitedMs += performance.now() - now;
    }
    let i = 0;
    for (const key of wanted.keys()) this.#remember(key, answers[i++]);
  }

  /** The row that fits, or why there is none that can be used. Only of records that `prepare` was given. */
  find(record: Row): Answer {
    const key = this.#keyOf(record);
    return key === undefined ? undefined : this.#round.get(key);
  }

  close(): Promise<void> {
    return this.#asked.close();
  }

  #remember(key: KeyPart, answer: Answer): void {
    const { seconds, missingSeconds, rows } = this.config.cache;
    this.#round.set(key, answer);
    // Last in the order, also when it was there before.
    this.#remembered.delete(key);
    const lasts = answer === undefined || answer instanceof Fault ? Math.min(seconds, missingSeconds) : seconds;
    this.#remembered.set(key, { answer, until: performance.now() + lasts * 1000 });
    if (this.#remembered.size <= rows) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      break;
    }
  }

  /** Nobody answers: whether the round can go on with what was answered before. */
  #makeDo(wanted: Iterable<KeyPart>, now: number): boolean {
    const { staleWhileError } = this.config.cache;
    const used: [KeyPart, Answer][] = [];
    for (const key of wanted) {
      const known = this.#remembered.get(key);
      if (known === undefined || known.until + staleWhileError * 1000 <= now) return false;
      used.push([key, known.answer]);
    }
    for (const [key, answer] of used) this.#round.set(key, answer);
    this.figures.stale += used.length;
    return true;
  }

  #typed(answer: Row | Fault | undefined): Answer {
    if (answer === undefined || answer instanceof Fault) return answer;
    try {
      return this.#coerce(answer);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return new Fault('LOOKUP_INVALID', `\`${this.name}\`: ${error.message}`, { field: this.recordFields.join(',') });
    }
  }

  /** undefined when a join field is null: nothing is equal to it. */
  #keyOf(record: Row): KeyPart | undefined {
    if (this.recordFields.length === 1) return (this.#keys[0] as KeyOf)(record[this.recordFields[0] as string]);
    let key = '';
    for (let i = 0; i < this.recordFields.length; i++) {
      const part = (this.#keys[i] as KeyOf)(record[this.recordFields[i] as string]);
      if (part === undefined) return undefined;
      const text = String(part);
      key += `${text.length}:${text}`;
    }
    return key;
  }

  #named(record: Row): Row {
    const row: Row = {};
    for (let i = 0; i < this.recordFields.length; i++)
      row[this.#lookupFields[i] as string] = record[this.recordFields[i] as string];
    return row;
  }
}

/** Parses JSON with every number as the text it was written in (V8 gives it to the reviver). */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, exactly as (key: string, value: unknown) => unknown);

const exactly = (_: string, value: unknown, { source }: { source: string }): unknown =>
  typeof value === 'number' ? source : value;
