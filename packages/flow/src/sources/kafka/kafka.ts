/** The source `kafka`: a topic of another cluster, or of the same. A partition is a shard, its position is the offset. */
import { Fault } from '@quadrille/record';
import type {
  RawItem,
  Shard,
  ShardReader,
  Source,
  SourceChunk,
  SourceContext,
  SourcePosition,
  SourceType,
} from '../../source.ts';
import type { PartitionReader, TopicItem, TopicReader } from '../../topic-reader.ts';
import { type RecordFormat, RecordItems } from './record-items.ts';

export interface KafkaSourceConfig extends RecordFormat {
  cluster: string;
  topic: string;
}

/** How far a partition is read. */
interface KafkaPosition extends SourcePosition {
  /** The next one. */
  offset: number;
}

/**
 * Example:
 *
 *     orders: { extractor: { type: kafka, cluster: PARTNER, topic: shop.public.orders, envelope: debezium }, to: crm.orders }
 */
export const kafka: SourceType<KafkaSourceConfig> = {
  type: 'kafka',
  doc: 'A topic of another Kafka cluster, or of the same; a partition is a shard. Values are Avro by that cluster’s registry, or JSON, as they are or in the envelope of Debezium. The id is the key, the version the offset; with Debezium the place in the log of PostgreSQL, or the time that other connectors tell. A null value is a deletion. Where the cluster is and how to get in stands in the environment, by the names of the station’s own with a prefix: `PARTNER_KAFKA_BROKERS`, `PARTNER_KAFKA_TLS`, `PARTNER_KAFKA_SASL_MECHANISM`, `PARTNER_SCHEMA_REGISTRY_URL` and so on.',
  traits: { endless: true, deletes: true, knowsNull: true, brings: ['id', 'version'] },
  config: {
    type: 'object',
    properties: {
      cluster: {
        description: 'Prefix of the environment variables of that cluster: `PARTNER` for `PARTNER_KAFKA_BROKERS`.',
        type: 'string',
        pattern: '^[A-Z][A-Z0-9_]*[A-Z0-9]$',
      },
      topic: { description: 'The topic there.', type: 'string', pattern: '^[a-zA-Z0-9._-]{1,249}$' },
      format: { description: 'What values are written in.', enum: ['avro', 'json'], default: 'avro' },
      envelope: {
        description:
          'What is around the fields. `debezium`: change events of Debezium, in either format; the tombstones after deletions are passed over.',
        enum: ['none', 'debezium'],
        default: 'none',
      },
      keys: {
        description:
          'What keys are written in, which are the id where the flow file names none; the fields of one that has several are joined by `/`. Default: text; with an envelope the format of the values.',
        enum: ['text', 'json', 'avro', 'none'],
      },
    },
    required: ['cluster', 'topic'],
    additionalProperties: false,
  },
  create: (config, context) => new KafkaSource(config, context),
};

class KafkaSource implements Source {
  readonly #topic: string;
  readonly #reader: TopicReader;
  readonly #items: RecordItems;
  readonly #context: SourceContext;

  constructor(config: KafkaSourceConfig, context: SourceContext) {
    const { cluster, topic } = config;
    const reader = context.topicReader?.({ topic, prefix: cluster });
    if (reader === undefined) throw new Error('nobody gives the source a way to Kafka');
    this.#topic = topic;
    this.#reader = reader;
    this.#context = context;
    this.#items = new RecordItems(config, context.schema, (id) => reader.schemaOf(id));
  }

  async shards(): Promise<Shard[]> {
    const bounds = await this.#reader.bounds();
    return [...bounds.keys()].map((partition) => ({ name: `${this.#topic}-${partition}` })).sort(byName);
  }

  async open({ name }: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const partition = Number(name.slice(this.#topic.length + 1));
    const position = from as KafkaPosition | undefined;
    const offset = position?.offset ?? (await this.#reader.bounds())[partition]?.low;
    if (offset === undefined) throw new Fault('SOURCE_CHANGED', 'there is no such partition any more', { place: name });
    const records = await this.#reader.open(partition, offset);
    const end = async (): Promise<number> => (await this.#reader.bounds())[partition]?.high ?? 0;
    return new KafkaReader(name, position?.row ?? 0, { records, end, items: this.#items, context: this.#context });
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

const LAG_MS = 5_000;
const byName = (a: Shard, b: Shard): number => (a.name < b.name ? -1 : 1);

interface KafkaReaderParts {
  records: PartitionReader;
  /** Offset after the partition's last record, now. */
  end(): Promise<number>;
  items: RecordItems;
  context: SourceContext;
}

class KafkaReader implements ShardReader {
  readonly #shard: string;
  readonly #parts: KafkaReaderParts;
  readonly #timer: NodeJS.Timeout;
  #row: number;
  /** It was said that everything is delivered, and nothing has come since. */
  #told = false;
  #isClosed = false;

  constructor(shard: string, row: number, parts: KafkaReaderParts) {
    this.#shard = shard;
    this.#row = row;
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#tellLag(), LAG_MS);
    this.#timer.unref();
    void this.#tellLag();
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    const { records, end, items } = this.#parts;
    // What is known to follow may be nobody's: after it is looked how far the partition goes now.
    const { lag } = records;
    const until = this.#told ? undefined : lag > 0 ? records.next + lag : await end();
    const taken = await records.take(max, until, stop);
    await items.prepare(taken);
    const read = taken.map((record) => this.#item(record)).filter((item) => item !== undefined);
    this.#row += read.length;
    const isAtEnd = until !== undefined && lag === 0 && records.next >= until;
    this.#told = taken.length === 0 && (this.#told || isAtEnd);
    const next: KafkaPosition = { row: this.#row, offset: records.next };
    return { items: read, next, end: false, caughtUp: this.#told };
  }

  #item(record: TopicItem): RawItem | undefined {
    return this.#parts.items.item(record, `${this.#shard}@${record.offset}`);
  }

  async #tellLag(): Promise<void> {
    const { records, end, context } = this.#parts;
    const high = await end().catch(() => undefined);
    if (!this.#isClosed)
      context.lag(this.#shard, high === undefined ? undefined : { records: Math.max(0, high - records.next) });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#parts.records.close();
    this.#parts.context.lag(this.#shard, undefined);
  }
}
