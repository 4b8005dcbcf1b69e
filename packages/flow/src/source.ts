/**
 * Sources: where an extractor reads. To add one: a file in sources/ that exports a `SourceType`, a line in
 * sources/index.ts, and the conformance suite run over it (docs/how-to/add-a-source.md).
 */
import type { Fault } from '@quadrille/record';
import type { Field } from './avro/field.ts';
import type { ConfigProblem, ConfigSchema } from './config-schema.ts';
import type { TopicReader, TopicReaderOptions } from './topic-reader.ts';

/** A piece of a source that one instance reads in order: a file, a table, a queue. */
export interface Shard {
  /** Stable name, e.g. the path relative to the flow folder. Decides which instance reads it. */
  name: string;
  /**
   * Changes when a shard that has been read to its end has more to read: it is opened again after its last position when
   * this is not the `tag` of that position. Absent: what was read to its end stays read.
   */
  tag?: string;
}

/** What a source needs to go on exactly where it was; any JSON. The engine stores and returns it, and looks at nothing but `row` and `tag`. */
export interface SourcePosition {
  /** Raw items read of this shard so far: the number of the next one. */
  row: number;
  /** The shard's `tag` as far as it has been read. */
  tag?: string;
  [detail: string]: unknown;
}

/** What an item may bring of its own. Where the flow file says `id`, `key` or `version`, that goes before. */
interface Identity {
  /** Where it stands in its source, for people: `data/a.csv:12`, `orders/c-17`. */
  place: string;
  id?: string;
  key?: string;
  /**
   * Which of two items with one id is newer: 0 to 2^53-1, an LSN, a time. The same whenever the item is read again.
   * Absent: the number of the item in its shard.
   */
  version?: number | bigint;
}

/**
 * One raw item: its fields, or why it cannot be read. Texts are read as the types of the schema's fields, everything else
 * is taken as it is. Of a deletion only the fields that id, key and version are made of are needed: it becomes a tombstone.
 */
export type RawItem = Identity &
  ({ fields: Record<string, unknown>; deleted?: boolean } | { fault: Fault; bytes: Buffer });

export interface SourceChunk {
  /** In order; the first is item number `position.row` of the position read from. */
  items: RawItem[];
  /** Where to go on after the last of `items`. */
  next: SourcePosition;
  /** Nothing follows: the shard is read to its end, and the reader will be closed. */
  end: boolean;
  /**
   * Of a shard that never ends: with these items everything is delivered that was there when this `read` began. The first
   * one completes the snapshot that lookups wait for; a run that is to end when all is read ends here.
   */
  caughtUp?: boolean;
}

/** What became of the items up to a position. */
export interface Settled {
  /** The `next` of a chunk. All items before it are settled: records and dead letters acknowledged, written down, committed. */
  position: SourcePosition;
  /** Those of the chunk that became dead letters, by item number. */
  rejected: ReadonlyMap<number, Fault>;
}

export interface ShardReader {
  /**
   * The next items, at most `max`; on a fault of the source what stands before it is delivered first. One call at a time,
   * and only when a round has room: what is not asked for waits in the source. May wait for items as long as it likes.
   * @param stop aborted when the shard is to be closed: return at once, with nothing or with what there is.
   * @returns no items and no `end`: nothing for now, it is asked again in a moment.
   * @throws Fault of class `dependency` (tried again after a while) or another (the shard stops until a person has mended
   *   it). The reader is of no use afterwards: it is closed, and the shard opened anew from the last position.
   */
  read(max: number, stop?: AbortSignal): Promise<SourceChunk>;
  /**
   * A chunk is settled: the source may forget it (delete, confirm, answer). Called once for each chunk that had items, in
   * order, also after `stop`; what is not acknowledged when the reader is closed comes again. What it throws is logged.
   */
  acknowledge?(settled: Settled): Promise<void>;
  /** Gives back what was read and is not acknowledged. Called once. */
  close(): Promise<void>;
}

export interface Source {
  /** Where it depends on the configuration: instead of the type's trait. */
  readonly endless?: boolean;
  /** The shards there are now, sorted by name. Called again every few seconds: new ones may appear. @throws Fault */
  shards(): Promise<Shard[]>;
  /**
   * Opens a shard, from its beginning or after a stored position. Of a source that cannot be rewound the position is that
   * of the last settled chunk, for information.
   * @throws Fault SOURCE_CHANGED when what was read has changed; of class `dependency` (tried again) or `config`.
   */
  open(shard: Shard, from: SourcePosition | undefined): Promise<ShardReader>;
  /** Ends connections and listeners that shards share, after all readers. */
  close?(): Promise<void>;
}

/** What a source is, beside how it is configured. Shown in the docs, held by the conformance suite. */
export interface SourceTraits {
  /**
   * Shards end, and are read one after another by name (default); or never end, and those of an instance are read side by
   * side. A shard that never ends says `caughtUp`. `configured`: each `Source` says which it is.
   */
  endless?: boolean | 'configured';
  /**
   * Whether it can be read again from a position (default). false: a queue, a webhook. Then `acknowledge` is needed, and
   * each item brings a version that is the same when it comes again, unless the flow file names a field.
   */
  rewindable?: boolean;
  /** Whether items may be deletions. Default false. */
  deletes?: boolean;
  /** Its items tell null from the empty text: no text means null unless the flow file says so. Default false. */
  knowsNull?: boolean;
  /** What every item brings; the flow file need not say it. Default nothing. */
  brings?: readonly ('id' | 'version')[];
}

/** How far behind a source is, in what it can tell. */
export interface SourceLag {
  records?: number;
  bytes?: number;
  seconds?: number;
}

export interface SourceLog {
  /** @param details without payload. */
  info(details: object, text: string): void;
  warn(details: object, text: string): void;
}

export interface SourceContext {
  flow: string;
  station: string;
  /** Name of this process; two instances of a station differ. */
  instance: string;
  /** Folder of the flow file; relative paths start there. */
  folder: string;
  /** The fields that the output schema wants, in order; a source may check its header against them. */
  fields: readonly string[];
  /** The same with their types. */
  schema: readonly Field[];
  /** Shards are spread over so many lanes, by the hash of their names: no more instances than that can read at once. */
  lanes: number;
  /** Where addresses and secrets come from: in the flow file stands the name of an environment variable. */
  env: Readonly<Record<string, string | undefined>>;
  log: SourceLog;
  /** Tells how far behind a shard is: `quadrille_source_lag_records`, `_bytes`, `_seconds`. undefined: not known any more. */
  lag(shard: string, lag: SourceLag | undefined): void;
  /** Counts items that had been given out before: `quadrille_source_redelivered_total`. */
  redelivered?(shard: string, items: number): void;
  /** Absent where nothing is read. Connects to nothing yet. @throws Fault CONFIG_INVALID */
  topicReader?(options: TopicReaderOptions): TopicReader;
}

export interface SourceType<C = unknown> {
  type: string;
  /** For docs and for the flow file's JSON Schema. */
  doc: string;
  config: ConfigSchema;
  traits?: SourceTraits;
  /**
   * Every problem of a configuration that its schema accepts.
   * @param names what the flow file says beside it: templates of id and key, the field that is the version.
   */
  check?(config: C, names: { id?: string | undefined; version?: string | undefined }): ConfigProblem[];
  /** Where it is called: the TCP port, and the environment variable of a process's own `host:port`. A cluster lets others in there. */
  listens?(config: C): { port: number; variable: string };
  /** Connects to nothing yet. @throws Fault of class `config` */
  create(config: C, context: SourceContext): Source;
}
