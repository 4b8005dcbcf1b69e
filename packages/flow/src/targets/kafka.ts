/** The target `kafka`: rows as records of a topic in another cluster. What comes again, or late, its readers tell by id and version. */
import { Fault } from '@quadrille/record';
import { Encoder } from '../avro/codec.ts';
import type {
  ConfigProblem,
  Outcome,
  Target,
  TargetContext,
  TargetRow,
  TargetType,
  TopicRecord,
  TopicWriter,
} from '../target.ts';
import { itemWriter } from './item.ts';

export interface KafkaConfig {
  topic: string;
  cluster: string;
  format?: 'avro' | 'json';
  register?: boolean;
  cloudEvents?: string;
}

/**
 * Example:
 *
 *     partners: { loader: { type: kafka, cluster: PARTNER, topic: flights.public }, from: flights.enriched }
 */
export const kafka: TargetType<KafkaConfig> = {
  type: 'kafka',
  doc: 'A topic of another Kafka cluster, which must be there. The key is the id, the value Avro by that cluster’s registry, or JSON; the headers `id`, `version` and `revision` say who a record is, a deletion is a tombstone. Versions of an id keep their order. After a crash a record may stand there twice: readers that keep the newest version of each id are not troubled. Where the cluster is and how to get in stands in the environment, by the names of the station’s own with a prefix: `PARTNER_KAFKA_BROKERS`, `PARTNER_KAFKA_TLS`, `PARTNER_KAFKA_SASL_MECHANISM`, `PARTNER_SCHEMA_REGISTRY_URL` and so on.',
  features: {
    '': { late: 'sent', again: 'receiver', whole: false, dryRun: 'checks', deletes: 'a tombstone' },
  },
  config: {
    type: 'object',
    properties: {
      cluster: {
        description: 'Prefix of the environment variables of that cluster: `PARTNER` for `PARTNER_KAFKA_BROKERS`.',
        type: 'string',
        pattern: '^[A-Z][A-Z0-9_]*[A-Z0-9]$',
      },
      topic: { description: 'The topic there.', type: 'string', pattern: '^[a-zA-Z0-9._-]{1,249}$' },
      format: { description: 'How values are written.', enum: ['avro', 'json'], default: 'avro' },
      register: {
        description: 'With Avro: register the schema there if it is not; false: the station waits until somebody has.',
        type: 'boolean',
        default: true,
      },
      cloudEvents: {
        description:
          'The type of these events: adds the headers of CloudEvents 1.0 (Kafka binding, binary mode); the source is `/<flow>/<station>`.',
        type: 'string',
        minLength: 1,
      },
    },
    required: ['cluster', 'topic'],
    additionalProperties: false,
  },
  check: ({ format, register }): ConfigProblem[] =>
    format === 'json' && register !== undefined
      ? [{ path: ['register'], what: '`register` means nothing with `format: json`' }]
      : [],
  create: (config, context) => new KafkaTarget(config, context),
};

class KafkaTarget implements Target {
  readonly #config: KafkaConfig;
  readonly #context: TargetContext;
  readonly #json: (row: TargetRow) => string;
  #writer: TopicWriter | undefined;
  #encode: ((row: TargetRow) => Buffer) | undefined;

  constructor(config: KafkaConfig, context: TargetContext) {
    this.#config = config;
    this.#context = context;
    this.#json = itemWriter(context.fields).value;
  }

  async open(): Promise<void> {
    const { topic, cluster, format, register = true } = this.#config;
    const writer = this.#writer ?? this.#context.topicWriter?.({ topic, prefix: cluster });
    if (writer === undefined) throw new Error('nobody gives the target a way to Kafka');
    this.#writer = writer;
    await writer.open();
    if (format === 'json') {
      this.#encode = (row) => Buffer.from(this.#json(row));
    } else {
      const encoder = new Encoder(this.#context.schema, await writer.schemaId(register));
      this.#encode = (row) => encoder.encode(row.value);
    }
  }

  async write(rows: TargetRow[], dryRun = false): Promise<(Outcome | Fault)[]> {
    const writer = this.#writer as TopicWriter;
    const records: TopicRecord[] = [];
    const answers = rows.map((row): Outcome | Fault => {
      const record = this.#record(row);
      if (!writer.fits(record))
        return new Fault('TARGET_REFUSED', 'the record is larger than the topic takes', { place: this.#config.topic });
      records.push(record);
      return 'written';
    });
    if (!dryRun && records.length > 0) await writer.send(records);
    return answers;
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  #record(row: TargetRow): TopicRecord {
    const { id, version, revision, timestamp } = row;
    const headers: Record<string, string> = { id, version: String(version), revision: String(revision) };
    if (this.#config.cloudEvents !== undefined) {
      headers.ce_specversion = '1.0';
      headers.ce_type = this.#config.cloudEvents;
      headers.ce_source = `/${this.#context.flow}/${this.#context.station}`;
      headers.ce_id = `${id}/${version}/${revision}`;
      headers.ce_subject = id;
      headers.ce_time = new Date(timestamp).toISOString();
    }
    if (this.#config.format === 'json') headers['content-type'] = 'application/json';
    const value = row.value === null ? null : (this.#encode as (row: TargetRow) => Buffer)(row);
    return { key: Buffer.from(id), value, headers, timestamp };
  }
}
