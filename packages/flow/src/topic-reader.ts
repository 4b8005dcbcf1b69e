/** A topic of a Kafka cluster that need not be the flow's own, for sources: only the engine has a Kafka client. */

/** How a source reaches another cluster. */
export interface TopicReaderOptions {
  topic: string;
  /** Before the names of all variables that say where the cluster is and how to get in: `<prefix>_KAFKA_BROKERS` and so on. */
  prefix: string;
}

export interface TopicReader {
  /**
   * What there is of each partition: its first offset, and the one after its last.
   * @throws Fault SOURCE_UNAVAILABLE, ACCESS_DENIED, ACL_MISSING, SOURCE_MISSING where there is no such topic.
   */
  bounds(): Promise<readonly { low: number; high: number }[]>;
  /**
   * Reads a partition from an offset on; by one reader at a time.
   * @throws Fault SOURCE_CHANGED when that offset is no longer there, or not yet; as `bounds`.
   */
  open(partition: number, offset: number): Promise<PartitionReader>;
  /** The schema behind an id of that cluster's registry, parsed. @throws Fault SCHEMA_UNKNOWN, SOURCE_UNAVAILABLE, ACCESS_DENIED, CONFIG_INVALID without a registry */
  schemaOf(id: number): Promise<unknown>;
  close(): Promise<void>;
}

export interface PartitionReader {
  /** The offset that follows everything handed over: what lies between was compacted away, or belongs to nobody. */
  readonly next: number;
  /** So many records, as far as is known, follow. */
  readonly lag: number;
  /**
   * The next records that are committed, at most `max`. Waits until there are some, `next` has come to `until`, or `stop`.
   * @throws Fault SOURCE_CHANGED when records were deleted before they were read; SOURCE_UNAVAILABLE
   */
  take(max: number, until: number | undefined, stop: AbortSignal | undefined): Promise<TopicItem[]>;
  /** Resolves at once; nothing comes any more. */
  close(): void;
}

/** A record of a topic. */
export interface TopicItem {
  offset: number;
  key: Buffer | null;
  /** null: a tombstone. */
  value: Buffer | null;
}
