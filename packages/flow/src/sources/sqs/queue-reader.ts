/** One reader of a queue: long polling, as many messages as are there, held until they are settled. */
import type { Message, MessageSystemAttributeName } from '@aws-sdk/client-sqs';
import type { RawItem, Settled, ShardReader, SourceChunk, SourceContext } from '../../source.ts';
import type { Queue } from '../../sqs/queue.ts';
import { InFlight } from './in-flight.ts';

export interface QueueReaderOptions {
  queue: Queue;
  context: SourceContext;
  connections: number;
  visibilitySeconds: number;
  waitSeconds: number;
  itemOf(message: Message): RawItem;
}

/** Most that one request gives. */
const BATCH = 10;
/** What is read at once: a few of these are in work, and a queue lets only so many be (20,000 of FIFO). */
const CHUNK = 200;
const ATTRIBUTES: MessageSystemAttributeName[] = [
  'SentTimestamp',
  'SequenceNumber',
  'MessageGroupId',
  'MessageDeduplicationId',
  'ApproximateReceiveCount',
];

export class QueueReader implements ShardReader {
  readonly #shard: string;
  readonly #options: QueueReaderOptions;
  readonly #inFlight: InFlight;
  #row: number;
  /** It was said that everything is delivered, and nothing has come since. */
  #told = false;

  constructor(shard: string, row: number, options: QueueReaderOptions) {
    this.#shard = shard;
    this.#row = row;
    this.#options = options;
    this.#inFlight = new InFlight(options.queue, options.visibilitySeconds, options.context.log);
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    const { waitSeconds, queue, itemOf } = this.#options;
    const most = Math.min(max, CHUNK);
    const messages = await this.#receive(Math.min(most, BATCH), this.#told ? waitSeconds : 1, stop);
    if (messages.length > 0) await this.#more(messages, most);
    else if (!this.#told && stop?.aborted !== true) {
      // Of a FIFO queue groups in work give nothing either.
      const { ApproximateNumberOfMessages: waiting } = await queue.attributes('ApproximateNumberOfMessages');
      this.#told = waiting === '0';
    }
    if (messages.length > 0) this.#told = false;
    const items = messages.map((message) => {
      const item = itemOf(message);
      this.#inFlight.add(this.#row++, {
        handle: message.ReceiptHandle as string,
        group: message.Attributes?.MessageGroupId,
      });
      return item;
    });
    this.#countAgain(messages);
    return { items, next: { row: this.#row }, end: false, caughtUp: this.#told };
  }

  /** What else is there at once; what one request of several failed to get comes another time. */
  async #more(messages: Message[], most: number): Promise<void> {
    const { connections } = this.#options;
    for (;;) {
      const room = most - messages.length;
      const sizes = Array.from({ length: Math.min(connections, Math.ceil(room / BATCH)) }, (_, i) =>
        Math.min(BATCH, room - i * BATCH),
      );
      const answers = await Promise.allSettled(sizes.map((size) => this.#receive(size, 0)));
      const got = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      messages.push(...got);
      if (got.length === 0 || answers.some(({ status }) => status === 'rejected')) return;
    }
  }

  async #receive(max: number, waitSeconds: number, stop?: AbortSignal): Promise<Message[]> {
    const { queue, visibilitySeconds } = this.#options;
    try {
      const { Messages = [] } = await queue.call((client, { ReceiveMessageCommand }) =>
        client.send(
          new ReceiveMessageCommand({
            QueueUrl: queue.url,
            MaxNumberOfMessages: max,
            WaitTimeSeconds: waitSeconds,
            VisibilityTimeout: visibilitySeconds,
            MessageSystemAttributeNames: ATTRIBUTES,
          }),
          stop === undefined ? {} : { abortSignal: stop },
        ),
      );
      return Messages;
    } catch (error) {
      if (stop?.aborted === true) return [];
      throw error;
    }
  }

  #countAgain(messages: readonly Message[]): void {
    const { context } = this.#options;
    const counts = messages.map(({ Attributes }) => Number(Attributes?.ApproximateReceiveCount ?? 1));
    const again = counts.filter((count) => count > 1).length;
    if (again === 0) return;
    context.redelivered?.(this.#shard, again);
    context.log.info(
      { shard: this.#shard, messages: again, most: Math.max(...counts) },
      'messages that had been received before',
    );
  }

  acknowledge({ position }: Settled): Promise<void> {
    return this.#inFlight.delete(position.row);
  }

  close(): Promise<void> {
    return this.#inFlight.giveBack();
  }
}
