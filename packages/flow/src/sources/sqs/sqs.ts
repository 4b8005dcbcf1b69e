/** The source `sqs`: a queue of Amazon SQS, standard or FIFO. A message is deleted once its record is settled. */
import { Fault } from '@quadrille/record';
import type { Shard, ShardReader, Source, SourceContext, SourcePosition, SourceType } from '../../source.ts';
import { Queue, type QueueConfig } from '../../sqs/queue.ts';
import { parserOf } from '../exact-json.ts';
import { itemOf } from './message-item.ts';
import { QueueReader } from './queue-reader.ts';

export interface SqsSourceConfig extends Partial<QueueConfig> {
  readers?: number;
  visibilitySeconds?: number;
  waitSeconds?: number;
  sns?: boolean;
}

const LAG_MS = 10_000;
/** Fewer receptions than that a station may need for messages that are good. */
const FEW_RECEPTIONS = 5;

/**
 * Example:
 *
 *     payments: { extractor: { type: sqs, address: PAYMENTS_QUEUE_URL, id: "{payment}" }, to: payments.received }
 */
export const sqs: SourceType<SqsSourceConfig> = {
  type: 'sqs',
  doc: 'A queue of Amazon SQS, whose messages are JSON objects, as they are or in notifications of SNS. A message is deleted once its record or dead letter is settled, and held until then. The id is the deduplication id of a FIFO queue, else the message’s; the version the sequence number, else the time it was sent. A group of a FIFO queue stays in its order. Credentials as the AWS SDK finds them.',
  traits: { endless: true, rewindable: false, knowsNull: true, brings: ['id', 'version'] },
  config: {
    type: 'object',
    properties: {
      address: {
        description: 'Name of the environment variable that holds the queue’s URL.',
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        default: 'SQS_QUEUE_URL',
      },
      region: { description: 'Region; by default that of the URL, then AWS_REGION.', type: 'string', minLength: 1 },
      sns: {
        description: 'Bodies are notifications of SNS, and what they bring is meant.',
        type: 'boolean',
        default: false,
      },
      readers: {
        description:
          'So many shards, which instances share: no more of them than that can read at once. Default: as many as the output has partitions, at most 4.',
        type: 'integer',
        minimum: 1,
        maximum: 64,
      },
      visibilitySeconds: {
        description:
          'How long a message stays hidden from others when this station dies; while it lives that is extended every third of it.',
        type: 'integer',
        minimum: 2,
        maximum: 43_200,
        default: 60,
      },
      waitSeconds: {
        description: 'How long one request waits for messages (long polling).',
        type: 'integer',
        minimum: 1,
        maximum: 20,
        default: 20,
      },
      connections: {
        description: 'At most so many connections an instance, beside one that waits for each reader.',
        type: 'integer',
        minimum: 1,
        maximum: 100,
        default: 4,
      },
      timeoutMs: {
        description: 'Time for one request beyond what it waits, in ms.',
        type: 'integer',
        minimum: 100,
        default: 10_000,
      },
    },
    additionalProperties: false,
  },
  create: (config, context) => new SqsSource(config, context),
};

class SqsSource implements Source {
  readonly #config: SqsSourceConfig & { connections: number; visibilitySeconds: number; waitSeconds: number };
  readonly #context: SourceContext;
  readonly #queue: Queue;
  readonly #name: string;
  readonly #readers: number;
  readonly #parse: (text: string) => unknown;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: SqsSourceConfig, context: SourceContext) {
    const { address = 'SQS_QUEUE_URL', readers = Math.min(context.lanes, 4), timeoutMs = 10_000 } = config;
    const { connections = 4, visibilitySeconds = 60, waitSeconds = 20 } = config;
    this.#config = { ...config, connections, visibilitySeconds, waitSeconds };
    this.#context = context;
    this.#readers = readers;
    const sockets = connections + readers;
    const patience = timeoutMs + waitSeconds * 1000;
    const { region } = config;
    const settings = { address, connections: sockets, timeoutMs: patience, ...(region !== undefined && { region }) };
    this.#queue = new Queue(settings, context.env, 'SOURCE_UNAVAILABLE');
    this.#name = this.#queue.url.replace(/^.*\//, '');
    this.#parse = parserOf(context.schema);
  }

  async shards(): Promise<Shard[]> {
    if (this.#timer === undefined) await this.#begin();
    return Array.from({ length: this.#readers }, (_, i) => ({ name: `${this.#name}-${i}` })).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
  }

  /** @throws Fault CONFIG_INVALID where there is no such queue; SOURCE_UNAVAILABLE, ACCESS_DENIED */
  async #begin(): Promise<void> {
    const { RedrivePolicy } = await this.#queue.attributes('RedrivePolicy');
    const { maxReceiveCount } = JSON.parse(RedrivePolicy ?? '{}') as { maxReceiveCount?: number | string };
    if (Number(maxReceiveCount ?? FEW_RECEPTIONS) < FEW_RECEPTIONS)
      this.#context.log.warn(
        { queue: this.#name, maxReceiveCount },
        'SQS moves a message away that was received so often; a station that is stopped or held receives good ones again',
      );
    this.#timer = setInterval(() => void this.#tellLag(), LAG_MS);
    this.#timer.unref();
    await this.#tellLag();
  }

  async open({ name }: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const { sns = false } = this.#config;
    return new QueueReader(name, from?.row ?? 0, {
      ...this.#config,
      queue: this.#queue,
      context: this.#context,
      itemOf: (message) => itemOf(message, this.#name, this.#parse, sns),
    });
  }

  /** The queue's, not a reader's: every instance tells the same. */
  async #tellLag(): Promise<void> {
    try {
      const { ApproximateNumberOfMessages: waiting = '0', ApproximateNumberOfMessagesNotVisible: inWork = '0' } =
        await this.#queue.attributes('ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible');
      this.#context.lag(this.#name, { records: Number(waiting) + Number(inWork) });
    } catch (error) {
      this.#context.lag(this.#name, undefined);
      if (!(error instanceof Fault)) throw error;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#context.lag(this.#name, undefined);
    this.#queue.close();
  }
}
