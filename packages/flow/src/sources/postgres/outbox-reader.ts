/** Reads an outbox: the rows of its table first, then its changes in sweeps; deletes what is settled. */

import { Fault } from '@quadrille/record';
import type { RawItem, Settled, ShardReader, SourceChunk, SourceContext } from '../../source.ts';
import { BatchSize } from './batch-size.ts';
import { disconnect, sourceFault } from './connect.ts';
import { OutboxChanges } from './outbox-changes.ts';
import type { OutboxReading } from './outbox-plan.ts';
import { beginSnapshot, type OpenOutbox, type OutboxPosition, openOutbox, settledBy } from './outbox-start.ts';
import { TablePages } from './table-pages.ts';
import { type Sweep, Window, writersOf } from './window.ts';

const LAG_MS = 5_000;
/** Counting what waits takes at most so much of the time. */
const LAG_SHARE = 20;
/** Changes that are committed, while an older transaction runs, are asked for so often. */
const HELD_MS = 50;

export class OutboxReader implements ShardReader {
  readonly #reading: OutboxReading;
  readonly #context: SourceContext;
  readonly #shard: string;
  readonly #outbox: OpenOutbox;
  readonly #window: Window;
  readonly #changes: OutboxChanges;
  readonly #batch = new BatchSize();
  #row: number;
  /** Nothing was read yet. */
  #isFirst: boolean;
  #snapshot: { version: string; pages: TablePages } | undefined;
  #sweep: Sweep | undefined;
  #rest: OutboxPosition['sweep'];
  #after: string | undefined;
  /** How far the sweep under way is settled. */
  #settled: OutboxPosition['sweep'];
  #caughtUp = false;
  /** Committed, but above the oldest transaction that runs. */
  #held = false;
  #nextAt = 0;
  /** It was said that there is something. */
  #woken = false;
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(
    reading: OutboxReading,
    context: SourceContext,
    at: { shard: string; outbox: OpenOutbox },
    from: OutboxPosition | undefined,
  ) {
    const { client, table, place, oid } = at.outbox;
    this.#reading = reading;
    this.#context = context;
    this.#shard = at.shard;
    this.#outbox = at.outbox;
    this.#row = from?.row ?? 0;
    const known = from?.snapshot === reading.snapshot ? from : undefined;
    this.#isFirst = known === undefined;
    this.#rest = known?.sweep;
    if (known?.rest !== undefined)
      this.#snapshot = { version: known.rest.version, pages: new TablePages(client, table, known.rest.after) };
    const options = { running: writersOf(oid), late: 0n, clock: false, onHeld: () => {} };
    this.#window = new Window(client, options, known);
    this.#changes = new OutboxChanges(client, table, place);
    const wake = (): void => {
      this.#woken = true;
      this.#wake();
    };
    client.on('notification', wake);
    client.on('end', wake);
    this.#tellLater(0);
  }

  /** @throws as `openOutbox` does */
  static async open(
    reading: OutboxReading,
    context: SourceContext,
    shard: string,
    from: OutboxPosition | undefined,
  ): Promise<OutboxReader> {
    const outbox = await openOutbox(reading, context, from?.snapshot === reading.snapshot ? from : undefined);
    return new OutboxReader(reading, context, { shard, outbox }, from);
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    const cut = (): void => {
      this.#wake();
      // What is asked for can be asked again; what is settled is still to be deleted.
      if (this.#isFirst) void disconnect(this.#outbox.client);
    };
    stop?.addEventListener('abort', cut, { once: true });
    this.#caughtUp = false;
    try {
      while (!stop?.aborted) {
        const rows = await this.#readSnapshot(max);
        if (rows !== undefined) return this.#chunk(rows);
        if (this.#sweep === undefined && !(await this.#begin(stop))) break;
        const items = await this.#readBatch(max);
        if (items.length > 0 || this.#caughtUp) return this.#chunk(items);
      }
    } catch (error) {
      if (!stop?.aborted) throw sourceFault(error, this.#shard);
    } finally {
      stop?.removeEventListener('abort', cut);
    }
    return this.#chunk([]);
  }

  /** undefined: all rows are read, or none are wanted. */
  async #readSnapshot(max: number): Promise<RawItem[] | undefined> {
    const { client, table } = this.#outbox;
    if (this.#isFirst && this.#reading.snapshot > 0) {
      const version = await beginSnapshot(this.#outbox, this.#context);
      this.#snapshot = { version, pages: new TablePages(client, table, undefined) };
    }
    this.#isFirst = false;
    if (this.#snapshot === undefined) return undefined;
    const { version, pages } = this.#snapshot;
    const items = await pages.read(max, this.#row, BigInt(version));
    this.#row += items.length;
    if (items.length > 0) return items;
    this.#snapshot = undefined;
    return undefined;
  }

  /** Begins or goes on with a sweep, once there may be something. @returns false when stopped before */
  async #begin(stop: AbortSignal | undefined): Promise<boolean> {
    await this.#wait(stop);
    if (stop?.aborted) return false;
    this.#woken = false;
    const { to, after } = this.#rest ?? {};
    this.#rest = undefined;
    this.#sweep = to === undefined ? await this.#window.begin() : this.#window.resume(BigInt(to));
    this.#after = after;
    return true;
  }

  async #wait(stop: AbortSignal | undefined): Promise<void> {
    const ms = this.#nextAt - performance.now();
    if (ms <= 0 || stop?.aborted || (this.#woken && !this.#held)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = () => (this.#held && !stop?.aborted ? undefined : resolve());
    await promise;
    clearTimeout(timer);
    this.#wake = () => {};
  }

  async #readBatch(max: number): Promise<RawItem[]> {
    const sweep = this.#sweep as Sweep;
    const limit = this.#batch.next(max);
    const nothing = sweep.from !== undefined && sweep.from >= sweep.to;
    const { changes, rows } = nothing ? { changes: [], rows: [] } : await this.#changes.read(sweep, this.#after, limit);
    this.#batch.learn(rows);
    const items: RawItem[] = [];
    for (const { seq, truncate, item } of changes) {
      if (truncate && !this.#passTruncate(item.place, items.length)) return items;
      if (!truncate) items.push(item);
      this.#after = seq;
      this.#window.took(BigInt(seq));
      this.#row += truncate ? 0 : 1;
    }
    if (rows.length < limit) await this.#end(sweep);
    return items;
  }

  /** @returns false: what stands before it is delivered first. @throws Fault SOURCE_EMPTIED */
  #passTruncate(place: string, before: number): boolean {
    if (this.#reading.truncate === 'ignore') {
      this.#context.log.warn({ place }, 'the table was truncated; its rows stay in the target');
      return true;
    }
    if (before > 0) return false;
    throw new Fault('SOURCE_EMPTIED', 'TRUNCATE', { place });
  }

  async #end(sweep: Sweep): Promise<void> {
    this.#window.end(sweep);
    this.#sweep = undefined;
    const { client, place } = this.#outbox;
    const { low = '0' } = this.#window.place;
    const { rows } = await client.query<{ held: string }>(
      `SELECT EXISTS (SELECT FROM ${place} WHERE seq >= ${BigInt(low)} AND xact >= '${sweep.to}') AS held`,
    );
    this.#held = rows[0]?.held === 't';
    this.#caughtUp = !this.#held;
    this.#nextAt = performance.now() + (this.#held ? HELD_MS : this.#reading.pollMs);
  }

  #chunk(items: RawItem[]): SourceChunk {
    const { version, pages } = this.#snapshot ?? {};
    const next: OutboxPosition = {
      row: this.#row,
      outbox: this.#outbox.oid,
      snapshot: this.#reading.snapshot,
      ...this.#window.place,
      ...(version !== undefined && {
        rest: { version, ...(pages?.after !== undefined && { after: pages.after }) },
      }),
      ...(this.#sweep !== undefined && {
        sweep: { to: String(this.#sweep.to), ...(this.#after !== undefined && { after: this.#after }) },
      }),
    };
    return { items, next, end: false, caughtUp: this.#caughtUp };
  }

  /** What is settled is not needed any more. */
  async acknowledge({ position }: Settled): Promise<void> {
    const { seen, low = '0', sweep } = position as OutboxPosition;
    const settled = settledBy({ ...(seen !== undefined && { seen }), ...(sweep !== undefined && { sweep }) });
    if (settled === undefined) return;
    const { client, place } = this.#outbox;
    // Within a sweep from the place of the last one on: what was deleted there need not be looked through again.
    const down = this.#settled?.to === sweep?.to && this.#settled?.after !== undefined ? this.#settled.after : low;
    const up = sweep?.after === undefined ? '' : ` AND seq <= ${BigInt(sweep.after)}`;
    await client.query(`DELETE FROM ${place} WHERE seq >= ${BigInt(down)}${up} AND ${settled}`);
    this.#settled = sweep;
  }

  #tellLater(ms: number): void {
    this.#timer = setTimeout(() => void this.#tellLag(), ms);
    this.#timer.unref();
  }

  /** How many changes wait or are not settled, and how old the oldest is. */
  async #tellLag(): Promise<void> {
    const started = performance.now();
    const { client, place } = this.#outbox;
    try {
      const { rows } = await client.query<{ records: string; seconds: string | null }>(
        `SELECT count(*) AS records, extract(epoch FROM clock_timestamp() - min(at)) AS seconds FROM ${place}`,
      );
      const { records, seconds } = rows[0] as { records: string; seconds: string | null };
      if (!this.#closed)
        this.#context.lag(this.#shard, { records: Number(records), seconds: Math.max(0, Number(seconds ?? 0)) });
    } catch {
      if (!this.#closed) this.#context.lag(this.#shard, undefined);
    }
    if (!this.#closed) this.#tellLater(Math.max(LAG_MS, LAG_SHARE * (performance.now() - started)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#context.lag(this.#shard, undefined);
    await disconnect(this.#outbox.client);
  }
}
