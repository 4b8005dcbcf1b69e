/**
 * A shard being read: at most one chunk is read ahead of what rounds have taken, and what is settled is acknowledged in
 * order. Nobody waits here; whoever is interested is told when there is something to take.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settled, Shard, ShardReader, Source, SourceChunk, SourcePosition } from '@quadrille/flow';
import { asFault, type Fault } from '@quadrille/record';
import type { Log } from './log.ts';
import type { ShardState } from './own-topics.ts';

export interface OpenShardOptions {
  source: Source;
  shard: Shard;
  /** Where it goes on; `position` undefined: from its beginning. */
  state: ShardState;
  position: SourcePosition | undefined;
  /** Resolved when those that had it open before have closed it. */
  after: Promise<unknown>;
  log: Log;
  /** There is a chunk to take, or a failure, or room for another read. */
  onReady(): void;
}

/** Acknowledgements under way at most, before the source is asked for more. */
const MOST_UNACKNOWLEDGED = 4;
/** A source that had nothing is not asked again before; one that waits for items itself loses nothing by it. */
const IDLE_MS = 50;

export class OpenShard {
  readonly shard: Shard;
  /** After the chunks taken so far. */
  state: ShardState;
  /** Read and not taken yet. */
  chunk: SourceChunk | undefined;
  /** Why it cannot be read on; it must be closed, and opened anew. */
  failure: Fault | undefined;
  /** Everything there was has been taken. */
  caughtUp = false;
  private readonly options: OpenShardOptions;
  private readonly stop = new AbortController();
  private reader: ShardReader | undefined;
  private reading: Promise<void> | undefined;
  private acknowledging: Promise<void> = Promise.resolve();
  private unacknowledged = 0;
  private ending: Promise<void> | undefined;

  constructor(options: OpenShardOptions) {
    this.options = options;
    this.shard = options.shard;
    this.state = options.state;
  }

  /** The source has opened it. */
  get opened(): boolean {
    return this.reader !== undefined;
  }

  /** Its source waits to hear what became of the items. */
  get acknowledges(): boolean {
    return this.reader?.acknowledge !== undefined;
  }

  /** Reads on, if nothing waits to be taken and nothing is being read. */
  ask(max: number): void {
    const idle = this.reading === undefined && this.chunk === undefined && this.failure === undefined;
    if (!idle || this.stop.signal.aborted || this.unacknowledged >= MOST_UNACKNOWLEDGED) return;
    this.reading = this.read(max)
      .catch((error: unknown) => {
        if (!this.stop.signal.aborted) this.failure = asFault(error, 'SOURCE_UNAVAILABLE', { place: this.shard.name });
      })
      .finally(() => {
        this.reading = undefined;
        this.options.onReady();
      });
  }

  private async read(max: number): Promise<void> {
    const { source, shard, position, after } = this.options;
    if (this.reader === undefined) {
      await after;
      if (this.stop.signal.aborted) return;
      this.reader = await source.open(shard, position);
      this.options.onReady();
    }
    const chunk = await this.reader.read(max, this.stop.signal);
    if (chunk.items.length > 0 || chunk.end) {
      this.chunk = chunk;
      return;
    }
    if (chunk.caughtUp === true && !this.caughtUp) {
      this.caughtUp = true;
      this.options.onReady();
    }
    await sleep(IDLE_MS, undefined, { signal: this.stop.signal });
  }

  /** The chunk that waits. */
  take(): SourceChunk | undefined {
    const { chunk } = this;
    this.chunk = undefined;
    if (chunk !== undefined) this.caughtUp = chunk.caughtUp === true;
    return chunk;
  }

  /** Tells the source, after what it was told before. */
  acknowledge(settled: Settled): void {
    const { reader } = this;
    if (reader?.acknowledge === undefined) return;
    this.unacknowledged++;
    this.acknowledging = this.acknowledging
      .then(() => reader.acknowledge!(settled))
      .catch((error: unknown) => {
        const { code, message } = asFault(error, 'SOURCE_UNAVAILABLE');
        this.options.log.warn({ code, shard: this.shard.name }, `not acknowledged, it will come again: ${message}`);
      })
      .finally(() => {
        this.unacknowledged--;
        this.options.onReady();
      });
  }

  /** Asks the source to return what is being read; what was read can still be acknowledged. */
  abort(): void {
    this.stop.abort();
  }

  /** Stops reading, waits for acknowledgements, closes. Never throws. */
  close(): Promise<void> {
    this.abort();
    this.ending ??= (async () => {
      await this.reading;
      await this.acknowledging;
      await this.reader?.close().catch((error: unknown) => {
        this.options.log.warn({ shard: this.shard.name, error: String(error) }, 'a shard was not closed in order');
      });
    })();
    return this.ending;
  }
}
