/**
 * Lookups: what an enricher joins. A *topic* lookup is fed from its compacted topic; an *asked* one asks somebody for the
 * rows that a round needs and keeps them for a while. The join itself is a map access with both. To add a type that is
 * asked: a file in lookups/ that exports an `AskedType`, a line in lookups/index.ts, and the conformance suite run over it.
 */
import type { Fault } from '@quadrille/record';
import type { Field } from './avro/field.ts';
import type { ConfigSchema } from './config-schema.ts';
import type { Environment } from './secret.ts';

/** What is joined, and what becomes of records that find nothing. */
export interface JoinConfig {
  /** Which fields of the lookup equal which fields of the record: `{ lookupField: recordField }`. */
  on: Record<string, string>;
  /** Which fields it gives to the record: `{ lookupField: recordField }`. */
  take: Record<string, string>;
  /** reject: dead letter LOOKUP_MISSING; null: the fields become null; hold: wait until it is there. Also when a join field is null. */
  missing: 'reject' | 'null' | 'hold';
}

export interface LookupConfig extends JoinConfig {
  /** The reference topic it is made from. */
  topic: string;
}

export interface AskedLookupConfig extends JoinConfig {
  topic?: undefined;
  type: string;
  /** The type's own settings, checked against its schema. */
  config: Readonly<Record<string, unknown>>;
  cache: CacheConfig;
}

export interface CacheConfig {
  /** An answer is used for so long. */
  seconds: number;
  /** That there is no row is believed for so long. */
  missingSeconds: number;
  /** At most so many answers are kept, the newest. */
  rows: number;
  /** While nobody answers, an answer is used for so many seconds beyond its time. */
  staleWhileError: number;
}

/** A row as JSON has it, by the lookup's own field names; numbers as the text they were written in, so that none is rounded. */
export type AnswerRow = Readonly<Record<string, unknown>>;

export interface Asked {
  /**
   * Connects, and checks what can be checked.
   * @throws Fault of class `config`, or LOOKUP_UNAVAILABLE (tried again).
   */
  open(): Promise<void>;
  /**
   * The row of each key; undefined: there is none. Several rows for one key: a Fault for it, LOOKUP_INVALID.
   * @param keys distinct, no field of them null; by the lookup's field names, with the record's values.
   * @throws Fault LOOKUP_UNAVAILABLE, ACCESS_DENIED: the round waits, nothing is rejected.
   */
  ask(keys: readonly Readonly<Record<string, unknown>>[]): Promise<(AnswerRow | Fault | undefined)[]>;
  close(): Promise<void>;
}

export interface AskedContext {
  /** In the flow file. */
  name: string;
  /** The record's fields that are compared, by the lookup's field names. */
  on: ReadonlyMap<string, Field>;
  /** The lookup's fields that are taken. */
  take: readonly string[];
}

export interface AskedType<C = unknown> {
  type: string;
  doc: string;
  config: ConfigSchema;
  /** @param env where secrets come from: an address in the flow file is the name of an environment variable. */
  create(config: C, context: AskedContext, env: Environment): Asked;
}
