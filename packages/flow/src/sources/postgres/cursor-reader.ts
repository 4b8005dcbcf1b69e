/** Reads a table in sweeps over its cursor column, batch by batch. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { RawItem, Settled, ShardReader, SourceChunk, SourceContext } from '../../source.ts';
import { BatchSize } from './batch-size.ts';
import { disconnect, sourceFault } from './connect.ts';
import type { CursorColumn } from './cursor-column.ts';
import { CursorQuery, GREATEST } from './cursor-query.ts';
import { type CursorPlan, type CursorPosition, openTable } from './cursor-start.ts';
import { idOf, type SourceTable } from './table.ts';
import { ALL_RUNNING, type Sweep, Window } from './window.ts';

/** Where the key begins in a row of a page. */
const KEY = 3;
const LAG_MS = 5_000;
/** So long a first sweep waits for transactions that run. */
const SETTLE_MS = 10_000;
const SETTLE_STEP_MS = 100;
/** A poll that took long is followed by a longer pause. */
const REST = 4;

export class CursorReader implements ShardReader {
  readonly #plan: CursorPlan;
  readonly #context: SourceContext;
  readonly #shard: string;
  readonly #client: Client;
  readonly #table: SourceTable;
  readonly #cursor: CursorColumn;
  readonly #query: CursorQuery;
  readonly #window: Window;
  readonly #batch = new BatchSize();
  readonly #timer: NodeJS.Timeout;
  /** Nothing was read yet; a sweep was broken off. */
  #isFirst: boolean;
  #rest: CursorPosition['sweep'];
  #row: number;
  #settled: number;
  #sweep: Sweep | undefined;
  #odd = false;
  #after: string[] | undefined;
  /** All that had been committed before is delivered once a sweep has come so far; whether one has. */
  #goal: bigint | undefined;
  #caughtUp = false;
  #begunAt = 0;
  #nextAt = 0;
  /** Everything that was committed until then, Date.now(), is delivered; whether nothing else has been seen since. */
  #freshAt = Date.now();
  #fresh = false;

  private constructor(
    plan: CursorPlan,
    context: SourceContext,
    at: { shard: string; client: Client; table: SourceTable; cursor: CursorColumn },
    from: CursorPosition | undefined,
  ) {
    this.#plan = plan;
    this.#context = context;
    this.#shard = at.shard;
    this.#client = at.client;
    this.#table = at.table;
    this.#cursor = at.cursor;
    this.#query = new CursorQuery(at.table, at.cursor, plan.deleted);
    this.#row = from?.row ?? 0;
    this.#settled = this.#row;
    const known = from?.snapshot === plan.snapshot ? from : undefined;
    this.#isFirst = known === undefined;
    this.#rest = known?.sweep;
    const { late = at.cursor.time ? 10 : 0 } = plan;
    this.#window = new Window(
      at.client,
      {
        running: ALL_RUNNING,
        late: BigInt(Math.ceil(at.cursor.time ? late * 1_000_000 : late)),
        clock: at.cursor.time,
        onHeld: (pids) =>
          context.log.warn(
            { table: at.table.shown, pids },
            'transactions that run for long: what was read since is looked through at each poll',
          ),
      },
      known,
    );
    this.#timer = setInterval(() => this.#tellLag(), LAG_MS);
    this.#timer.unref();
  }

  /** @throws as `openTable` does */
  static async open(
    plan: CursorPlan,
    context: SourceContext,
    shard: string,
    from: CursorPosition | undefined,
  ): Promise<CursorReader> {
    const table = await openTable(plan, context, from?.snapshot === plan.snapshot ? from : undefined);
    return new CursorReader(plan, context, { shard, ...table }, from);
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    const cut = (): void => void disconnect(this.#client);
    stop?.addEventListener('abort', cut, { once: true });
    try {
      while (!stop?.aborted) {
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

  /** Begins or goes on with a sweep, once it is time. @returns false when stopped before */
  async #begin(stop: AbortSignal | undefined): Promise<boolean> {
    const pause = this.#nextAt - performance.now();
    if (pause > 0) await sleep(pause, undefined, stop === undefined ? {} : { signal: stop });
    this.#caughtUp = false;
    if (this.#isFirst) await this.#first(stop);
    this.#isFirst = false;
    this.#begunAt = Date.now();
    const { to, odd = this.#cursor.odd, after } = this.#rest ?? {};
    this.#rest = undefined;
    this.#sweep = to === undefined ? await this.#window.begin() : this.#window.resume(BigInt(to));
    this.#odd = odd;
    this.#after = after;
    this.#goal ??= this.#sweep.until;
    return !stop?.aborted;
  }

  async #first(stop: AbortSignal | undefined): Promise<void> {
    const { rows } = await this.#client.query<{ top: string }>(this.#query.top);
    const end = performance.now() + SETTLE_MS;
    const log = { table: this.#table.shown };
    await this.#window.settle(rows[0] && BigInt(rows[0].top), async () => {
      await sleep(SETTLE_STEP_MS, undefined, stop === undefined ? {} : { signal: stop });
      if (performance.now() < end) return false;
      this.#context.log.warn(
        log,
        'transactions run that had begun before: until they end, each poll reads the whole table',
      );
      return true;
    });
    if (this.#plan.snapshot === 0) await this.#window.skip();
  }

  async #readBatch(max: number): Promise<RawItem[]> {
    const sweep = this.#sweep as Sweep;
    const started = performance.now();
    const limit = this.#batch.next(max);
    const nothing = sweep.from !== undefined && sweep.from >= sweep.to;
    const { rows } = nothing
      ? { rows: [] }
      : await this.#client.query<(string | null)[]>({
          text: this.#query.page({ sweep, odd: this.#odd, after: this.#after, limit }),
          rowMode: 'array',
        });
    this.#batch.learn(rows);
    const items = rows.map((row, i) => this.#item(row, this.#row + i));
    this.#row += items.length;
    const last = rows.at(-1);
    if (last !== undefined) {
      const key = last.slice(KEY, KEY + this.#table.key.length) as string[];
      this.#after = this.#odd ? key : [last[1] as string, ...key];
      this.#fresh = false;
    }
    if (rows.length === limit) return items;
    if (this.#odd && !nothing) {
      this.#odd = false;
      this.#after = undefined;
      return items.length > 0 ? items : this.#readBatch(max);
    }
    this.#end(sweep, performance.now() - started);
    return items;
  }

  #end(sweep: Sweep, tookMs: number): void {
    this.#window.end(sweep);
    this.#sweep = undefined;
    this.#nextAt = performance.now() + Math.max(this.#plan.pollMs, REST * tookMs);
    if (sweep.until === undefined) return;
    if (sweep.to >= sweep.until) {
      this.#freshAt = this.#begunAt;
      this.#fresh = true;
    }
    if (sweep.to < (this.#goal as bigint)) return;
    this.#goal = undefined;
    this.#caughtUp = true;
  }

  #item(row: readonly (string | null)[], number: number): RawItem {
    const { key, wanted, shown } = this.#table;
    const [version, cursor, deleted] = row as [string | null, string | null, string | null];
    const id = idOf(row.slice(KEY, KEY + key.length) as string[]);
    const place = `${shown}@${cursor}#${number}`;
    const fields: Record<string, unknown> = {};
    let at = KEY + key.length;
    for (const { name, present, convert } of wanted) {
      if (!present) continue;
      const text = row[at++] as string | null;
      fields[name] = text === null ? null : convert(text);
    }
    if (version === null || BigInt(version) > GREATEST) {
      const what = version === null ? 'null or infinite' : 'greater than 2^53-1';
      const fault = new Fault('VERSION_INVALID', `\`${this.#cursor.name}\` is ${what}`, { place });
      return { fault, bytes: Buffer.from(JSON.stringify(fields)), place, id };
    }
    this.#window.took(BigInt(version));
    const gone = deleted !== null && deleted !== 'f';
    return { place, id, version: BigInt(version), fields, ...(gone && { deleted: true }) };
  }

  #chunk(items: RawItem[]): SourceChunk {
    const sweep = this.#sweep;
    const next: CursorPosition = {
      row: this.#row,
      table: this.#table.oid,
      cursor: this.#cursor.name,
      snapshot: this.#plan.snapshot,
      ...this.#window.place,
      ...(sweep !== undefined && {
        sweep: {
          to: String(sweep.to),
          odd: this.#odd,
          ...(this.#after !== undefined && { after: this.#after }),
        },
      }),
    };
    return { items, next, end: false, caughtUp: this.#caughtUp };
  }

  /** There is nothing that a table could be told. */
  async acknowledge({ position }: Settled): Promise<void> {
    this.#settled = position.row;
  }

  #tellLag(): void {
    const idle = this.#fresh && this.#settled === this.#row;
    this.#context.lag(this.#shard, { seconds: idle ? 0 : Math.max(0, (Date.now() - this.#freshAt) / 1000) });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#context.lag(this.#shard, undefined);
    await disconnect(this.#client);
  }
}
