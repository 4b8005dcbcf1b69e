/**
 * Sources: where an extractor reads. To add one: a file in sources/ that exports a `SourceType`, a line in
 * sources/index.ts, and the conformance suite run over it.
 */
import type { Fault } from '@quadrille/record';
import type { ConfigSchema } from './config-schema.ts';

/** A piece of a source that one instance reads in order: a file, a table, a queue. */
export interface Shard {
  /** Stable name, e.g. the path relative to the flow folder. Decides which instance reads it. */
  name: string;
}

/** What a source needs to go on exactly where it was; any JSON. The engine stores and returns it, and looks at nothing but `row`. */
export interface SourcePosition {
  /** Raw items read of this shard so far: the number of the next one. */
  row: number;
  [detail: string]: unknown;
}

/** One raw item: its fields as text or typed values, or why it cannot be read. */
export type RawItem =
  | { fields: Record<string, unknown>; place: string }
  | { fault: Fault; bytes: Buffer; place: string };

export interface SourceChunk {
  /** In order; the first is item number `position.row` of the position read from. */
  items: RawItem[];
  /** Where to go on after the last of `items`. */
  next: SourcePosition;
  /** Nothing follows, for now: a finite shard is read to its end. */
  end: boolean;
}

export interface ShardReader {
  /**
   * The next items, at most `max`; on a fault of the source what stands before it is delivered first.
   * @throws Fault of class `dependency` (tried again) or `position` (shard stops). The reader is of no use afterwards:
   *   close it, and open the shard anew from the last position.
   */
  read(max: number): Promise<SourceChunk>;
  close(): Promise<void>;
}

export interface Source {
  /** The shards there are now, sorted by name. Called again every few seconds: new ones may appear. */
  shards(): Promise<Shard[]>;
  /** Opens a shard, from its beginning or after a stored position. @throws Fault SOURCE_CHANGED when what was read has changed, or of class `config`. */
  open(shard: Shard, from: SourcePosition | undefined): Promise<ShardReader>;
}

export interface SourceContext {
  /** Folder of the flow file; relative paths start there. */
  folder: string;
  /** The fields that the output schema wants, in order; a source may check its header against them. */
  fields: readonly string[];
}

export interface SourceType<C = unknown> {
  type: string;
  /** For docs and for the flow file's JSON Schema. */
  doc: string;
  config: ConfigSchema;
  create(config: C, context: SourceContext): Source;
}
