/** A partition of a topic reader: what was fetched waits here until a source takes it, within bounds. */
import type { PartitionReader, TopicItem } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { KafkaMessage } from 'kafkajs';
import type { Bounds } from './admin.ts';

/** Once so much waits nothing more is asked for, until half of it is taken. */
const FULL_BYTES = 2_097_152;
const HELP = 'take what is there now from its beginning: `quadrille up --again`, then `quadrille station resume`';

export interface OpenPartitionOptions {
  onRoom(): void;
  onClosed(): void;
}

export class OpenPartition implements PartitionReader {
  /** The offset to be fetched next. */
  received: number;
  /** Thrown once what came before it is taken. */
  failure: Fault | undefined;
  readonly #place: string;
  readonly #options: OpenPartitionOptions;
  #waiting: TopicItem[] = [];
  #bytes = 0;
  #high = 0;
  #isFull = false;
  #isClosed = false;
  #onNews: () => void = () => {};

  constructor(place: string, offset: number, options: OpenPartitionOptions) {
    this.#place = place;
    this.received = offset;
    this.#options = options;
  }

  get next(): number {
    return this.#waiting[0]?.offset ?? this.received;
  }

  get lag(): number {
    return Math.max(0, this.#high - this.next);
  }

  /** More may be fetched. */
  get hasRoom(): boolean {
    return !this.#isFull && !this.#isClosed && this.failure === undefined;
  }

  /** What is to be read next must be there, or be the end; else that is its failure. */
  check(bounds: Bounds | undefined): void {
    const { low, high } = bounds ?? { low: 0, high: 0 };
    this.#high = high;
    const wrong =
      this.received < low
        ? `offsets ${this.received} to ${low - 1} were deleted before they were read`
        : this.received > high
          ? `it ends at offset ${high}, and had been read up to ${this.received}`
          : undefined;
    if (wrong !== undefined) this.fail(new Fault('SOURCE_CHANGED', wrong, { place: this.#place, help: HELP }));
  }

  /** @param received the offset after the last that was fetched, whether it is among `messages` or nobody's. */
  push(messages: readonly KafkaMessage[], received: number, high: number): void {
    if (this.#isClosed || this.failure !== undefined) return;
    for (const message of messages) {
      const { offset, key, value } = message;
      this.#waiting.push({ offset: Number(offset), key, value });
      this.#bytes += sizeOf(message);
    }
    this.#high = high;
    this.#isFull ||= this.#bytes >= FULL_BYTES;
    this.received = received;
    this.#onNews();
  }

  fail(fault: Fault): void {
    this.failure ??= fault;
    this.#onNews();
  }

  async take(max: number, until: number | undefined, stop: AbortSignal | undefined): Promise<TopicItem[]> {
    await this.#arrival(until, stop);
    if (this.#waiting.length === 0 && this.failure !== undefined && stop?.aborted !== true) throw this.failure;
    const taken = this.#waiting.splice(0, max);
    for (const item of taken) this.#bytes -= sizeOf(item);
    if (this.#isFull && this.#bytes <= FULL_BYTES / 2) {
      this.#isFull = false;
      this.#options.onRoom();
    }
    return taken;
  }

  async #arrival(until: number | undefined, stop: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      const isOver = this.failure !== undefined || this.#isClosed || stop?.aborted === true;
      if (isOver || this.#waiting.length > 0 || (until !== undefined && this.received >= until)) resolve();
    };
    this.#onNews = look;
    stop?.addEventListener('abort', look, { once: true });
    look();
    await promise;
    stop?.removeEventListener('abort', look);
    this.#onNews = () => {};
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#options.onClosed();
    this.#onNews();
  }
}

/** What a record keeps in memory, about. */
const sizeOf = ({ key, value }: Pick<TopicItem, 'key' | 'value'>): number =>
  100 + (key?.length ?? 0) + (value?.length ?? 0);
