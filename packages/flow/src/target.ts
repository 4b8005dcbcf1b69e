/**
 * Targets: where a loader writes. To add one: a file in targets/ that exports a `TargetType`, a line in
 * targets/index.ts, and the conformance suite run over it.
 */
import type avsc from 'avsc';
import type { Field } from './avro/field.ts';
import type { ConfigSchema } from './config-schema.ts';

/** A row to be written: its columns as decoded by the input schema, and who it is. null value: deleted. */
export interface TargetRow {
  id: string;
  version: bigint;
  revision: number;
  /** Input position; at equal version and revision the higher offset of the same partition wins. */
  topic: string;
  partition: number;
  offset: number;
  value: Record<string, unknown> | null;
  /** The encoded Avro bytes behind `value`, without the wire prefix: what the content hash is taken of. null when deleted. */
  bytes: Buffer | null;
}

/** written; unchanged: same version and content stands; superseded: a newer one stands; conflict: same version, other content, not decidable. */
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
   * Writes all rows in one transaction or none, and answers one outcome per row in their order. Several rows of one id
   * are folded: older ones are superseded. Writing the same rows again changes nothing. Called by one round at a time.
   * @param dryRun answers, or refuses, as it would; nothing of it remains.
   * @throws Fault of class `dependency` when the target is down (nothing is lost, tried again);
   *   TARGET_REFUSED when some row cannot be written (the engine bisects down to it).
   */
  write(rows: TargetRow[], dryRun?: boolean): Promise<Outcome[]>;
  /**
   * The row of an id, for showing where a record has got to. Needs no `open`, and makes nothing: undefined too when there
   * is no such table yet. Absent where a target cannot look up.
   * @throws Fault TARGET_UNAVAILABLE, ACCESS_DENIED
   */
  find?(id: string): Promise<FoundRow | undefined>;
  close(): Promise<void>;
}

export interface TargetContext {
  flow: string;
  station: string;
  /** The schema of the input topic, and its fields in order. */
  schema: avsc.Type;
  fields: readonly Field[];
  /** Where secrets come from: an address in the flow file is the name of an environment variable. */
  env: Readonly<Record<string, string | undefined>>;
}

export interface TargetType<C = unknown> {
  type: string;
  doc: string;
  config: ConfigSchema;
  create(config: C, context: TargetContext): Target;
}
