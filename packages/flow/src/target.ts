/**
 * Targets: where a loader writes. To add one: a file in targets/ that exports a `TargetType`, a line in
 * targets/index.ts, and the conformance suite run over it.
 */
import type { Fault } from '@quadrille/record';
import type avsc from 'avsc';
import type { Field } from './avro/field.ts';
import type { ConfigProblem, ConfigSchema } from './config-schema.ts';

export type { ConfigProblem } from './config-schema.ts';

/** A row to be written: its columns as decoded by the input schema, and who it is. null value: deleted. */
export interface TargetRow {
  id: string;
  version: bigint;
  revision: number;
  /** Input position; at equal version and revision the higher offset of the same partition wins. */
  topic: string;
  partition: number;
  offset: number;
  /** The record's own, ms since the epoch. */
  timestamp: number;
  value: Record<string, unknown> | null;
  /** The encoded Avro bytes behind `value`, without the wire prefix: what the content hash is taken of. null when deleted. */
  bytes: Buffer | null;
}

/** written (of a target that only sends: taken by the receiver); unchanged: same version and content stands; superseded: a newer one stands; conflict: same version, other content, not decidable. */
export type Outcome = 'written' | 'unchanged' | 'superseded' | 'conflict';

/** Who the row is that stands in a target, and which record it was made of. */
export interface FoundRow {
  version: bigint;
  revision: number;
  topic: string;
  partition: number;
  offset: number;
  /** What stands is that it was deleted. */
  deleted: boolean;
}

export interface Target {
  /**
   * Connects; creates what it writes to, or checks it against the schema.
   * @throws Fault TARGET_SCHEMA, ACCESS_DENIED, or TARGET_UNAVAILABLE (tried again).
   */
  open(): Promise<void>;
  /**
   * Writes the rows, and answers for each in its place; what is answered for is durable. What becomes of rows that come
   * again, or late, and whether a write is whole, is what the type declares in its features; the same rows again never
   * take effect twice. Called by one round at a time.
   * @param dryRun answers, or refuses, as it would; nothing of it remains.
   * @returns an outcome for each row; a Fault of class `target` for one that was refused while the others stand.
   * @throws Fault of class `dependency` when the target is down (nothing is lost, all rows are written again);
   *   TARGET_REFUSED when some row cannot be written and none of them is (the engine bisects down to it); of class
   *   `config` when a person has to mend something: the station ends.
   */
  write(rows: TargetRow[], dryRun?: boolean): Promise<(Outcome | Fault)[]>;
  /**
   * The row of an id, for showing where a record has got to. Needs no `open`, and makes nothing: undefined too when there
   * is no such table yet. Absent where a target cannot look up.
   * @throws Fault TARGET_UNAVAILABLE, ACCESS_DENIED
   */
  find?(id: string): Promise<FoundRow | undefined>;
  close(): Promise<void>;
}

/** What a target type keeps to and what not: printed in the reference, and held to by the conformance suite. */
export interface TargetFeatures {
  /**
   * A version that comes after a newer one of its id. `superseded`: the newer stands. `kept`: stands beside it.
   * `placed`: stands where it belongs between the others. `sent`: goes out; the receiver decides by id and version.
   */
  late: 'superseded' | 'kept' | 'placed' | 'sent';
  /**
   * How the same row is known when it comes again. `version`: by id and version of what stands, wherever it comes from.
   * `position`: by its place in the input. `receiver`: it is sent again after a crash, with the same id and version.
   */
  again: 'version' | 'position' | 'receiver';
  /** All rows of a write or none; otherwise what was taken before a failure stays, and comes again. */
  whole: boolean;
  /** A dry run is answered by the target itself, or only by the checks made before anything goes out. */
  dryRun: 'target' | 'checks';
  /** What a deletion becomes. */
  deletes: string;
}

/** A topic of a Kafka cluster that is not the flow's own; only the engine has a Kafka client. */
export interface TopicWriter {
  /** Connects. @throws Fault TARGET_UNAVAILABLE, ACCESS_DENIED, CONFIG_INVALID where there is no such topic. */
  open(): Promise<void>;
  /**
   * Id of the input topic's schema under `<topic>-value` in that cluster's registry.
   * @param register false: somebody else registers it, and is waited for.
   * @throws Fault TARGET_UNAVAILABLE, ACCESS_DENIED, SCHEMA_INCOMPATIBLE, CONFIG_INVALID without a registry
   */
  schemaId(register: boolean): Promise<number>;
  /** Whether a record fits the topic by itself. Only once open. */
  fits(record: TopicRecord): boolean;
  /** In order in each partition, by murmur2 of the key; resolves when all in-sync replicas have all of them. @throws Fault TARGET_UNAVAILABLE */
  send(records: readonly TopicRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface TopicRecord {
  key: Buffer;
  /** null: a tombstone. */
  value: Buffer | null;
  headers: Record<string, string>;
  /** ms since the epoch. */
  timestamp: number;
}

/** How a target reaches another cluster. */
export interface TopicWriterOptions {
  topic: string;
  /** Before the names of all variables that say where the cluster is and how to get in: `<prefix>_KAFKA_BROKERS` and so on. */
  prefix: string;
}

export interface TargetContext {
  flow: string;
  station: string;
  /** Folder of the flow file; relative paths start there. */
  folder: string;
  /** The schema of the input topic, and its fields in order. */
  schema: avsc.Type;
  fields: readonly Field[];
  /** Where secrets come from: an address in the flow file is the name of an environment variable. */
  env: Readonly<Record<string, string | undefined>>;
  /** Absent where nothing is written: for `find`. @throws Fault CONFIG_INVALID */
  topicWriter?(options: TopicWriterOptions): TopicWriter;
}

export interface TargetType<C = unknown> {
  type: string;
  doc: string;
  config: ConfigSchema;
  /** By the name of its mode; one entry '' where it has no modes. */
  features: Readonly<Record<string, TargetFeatures>>;
  /** Every problem of a configuration that its schema accepts. */
  check?(config: C, fields: readonly Field[]): ConfigProblem[];
  create(config: C, context: TargetContext): Target;
}
