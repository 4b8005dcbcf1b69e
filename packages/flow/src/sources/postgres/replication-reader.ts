/** Reads a table by logical replication: its snapshot, then its slot; confirms what is settled. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { RawItem, Settled, ShardReader, SourceChunk, SourceContext } from '../../source.ts';
import { connect, disconnect, sourceFault } from './connect.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { isMarked, LOG_END, marked } from './replication-slot.ts';
import { beginReplication, type ReplicationPlan, type ReplicationPosition } from './replication-start.ts';
import { type Change, ReplicationStream, type StreamPlace } from './replication-stream.ts';
import { RowItems } from './row-item.ts';
import type { Snapshot } from './snapshot.ts';
import { idOf, type SourceTable } from './table.ts';

const PING_MS = 100;
const LAG_MS = 5_000;

export class ReplicationReader implements ShardReader {
  readonly #config: ReplicationPlan;
  readonly #context: SourceContext;
  readonly #shard: string;
  #position: ReplicationPosition | undefined;
  #client: Client | undefined;
  #table: SourceTable | undefined;
  #items: RowItems | undefined;
  #snapshot: Snapshot | undefined;
  #stream: ReplicationStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** It was said that everything is delivered, and nothing has come since. */
  #told = false;
  /** Items delivered and settled, by number; how far the slot may forget. */
  #delivered: number;
  #settled: { row: number; lsn: bigint };
  #confirmed = 0n;
  /** Changes are taken that no position counts yet. */
  #taking = false;
  #deliveredAt = 0;

  constructor(config: ReplicationPlan, context: SourceContext, shard: string, from: ReplicationPosition | undefined) {
    this.#config = config;
    this.#context = context;
    this.#shard = shard;
    this.#position = from;
    this.#delivered = from?.row ?? 0;
    this.#settled = { row: this.#delivered, lsn: parseLsn(this.#position?.lsn ?? '0/0') };
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    const cut = (): void => void disconnect(this.#client);
    try {
      if (this.#table === undefined) {
        // What is made here can be made again; a transaction that runs may keep it waiting for long.
        stop?.addEventListener('abort', cut, { once: true });
        await this.#begin();
      }
      const rows = await this.#readSnapshot(max);
      if (rows !== undefined) return rows;
      await this.#beginStream();
      stop?.removeEventListener('abort', cut);
      return await this.#readStream(max, stop);
    } catch (error) {
      if (stop?.aborted) return this.#chunk([]);
      throw sourceFault(error, this.#shard);
    } finally {
      stop?.removeEventListener('abort', cut);
    }
  }

  async #begin(): Promise<void> {
    const begun = await beginReplication(this.#config, this.#context, this.#position, (client) => {
      this.#client = client;
    });
    this.#table = begun.table;
    this.#items = new RowItems(begun.table);
    this.#snapshot = begun.snapshot;
    this.#confirmed = begun.confirmed;
    this.#position = begun.position;
    this.#settled.lsn = parseLsn(begun.position.lsn);
    this.#timer = setInterval(() => void this.#tellLag(), LAG_MS);
    this.#timer.unref();
  }

  /** undefined: the snapshot is read. */
  async #readSnapshot(max: number): Promise<SourceChunk | undefined> {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return undefined;
    const position = this.#position as ReplicationPosition;
    const { rest, ...after } = position;
    const version = BigInt((rest as { version: string }).version);
    const rows = await snapshot.read(max);
    if (rows.length < max) {
      await snapshot.end();
      this.#snapshot = undefined;
    }
    const last = rows.at(-1);
    this.#position = {
      ...after,
      row: position.row + rows.length,
      ...(this.#snapshot !== undefined &&
        last !== undefined && { rest: { version: String(version), after: last.key } }),
    };
    if (last === undefined) return undefined;
    return this.#chunk(
      rows.map(({ key, fields }, i) => ({
        place: `${this.#shard}#${position.row + i}`,
        id: idOf(key),
        version,
        fields,
      })),
    );
  }

  async #beginStream(): Promise<void> {
    if (this.#stream !== undefined) return;
    const { lsn, txn, changes } = this.#position as ReplicationPosition;
    const from: StreamPlace = {
      lsn: parseLsn(lsn),
      ...(txn !== undefined && { txn: parseLsn(txn), changes: changes ?? 0 }),
    };
    const walsender = await connect(this.#config, this.#context, { replication: true });
    try {
      const { slot, publication } = this.#config;
      this.#stream = await ReplicationStream.start(walsender, {
        slot,
        publication,
        table: this.#table as SourceTable,
        from,
      });
    } catch (error) {
      await disconnect(walsender);
      throw error;
    }
    this.#stream.progress = () => this.#progress();
  }

  async #readStream(max: number, stop: AbortSignal | undefined): Promise<SourceChunk> {
    const stream = this.#stream as ReplicationStream;
    if (stream.waiting === 0) {
      const end = this.#told ? undefined : await this.#logEnd();
      await arrival(stream, end, stop);
      if (stream.waiting === 0 && stream.failure === undefined) {
        this.#told ||= end !== undefined && stream.seen >= end;
        return { ...this.#chunk([]), caughtUp: this.#told };
      }
    }
    this.#told = false;
    this.#taking = true;
    const changes = this.#upToTruncate(stream.take(max));
    const rows = changes.filter(
      (change): change is Change & { what: Exclude<Change['what'], { kind: 'truncate' }> } =>
        change.what.kind !== 'truncate',
    );
    const items = await (this.#items as RowItems).of(rows, this.#client as Client);
    const last = changes.at(-1);
    if (last !== undefined) this.#advance(last.place, items.length);
    this.#deliveredAt = last?.at ?? this.#deliveredAt;
    const chunk = this.#chunk(items);
    this.#taking = false;
    return chunk;
  }

  #advance({ lsn, txn, changes }: StreamPlace, items: number): void {
    const { system, slot, snapshot, row } = this.#position as ReplicationPosition;
    this.#position = {
      row: row + items,
      system,
      slot,
      snapshot,
      lsn: formatLsn(lsn),
      ...(txn !== undefined && { txn: formatLsn(txn), changes: changes as number }),
    };
  }

  /** @throws Fault SOURCE_EMPTIED at a TRUNCATE that must not be passed over, once what stands before it is delivered */
  #upToTruncate(changes: Change[]): Change[] {
    const at = changes.findIndex(({ what }) => what.kind === 'truncate');
    if (at === -1) return changes;
    const place = `${this.#shard}@${formatLsn((changes[at] as Change).lsn)}`;
    if (this.#config.truncate === 'ignore') {
      this.#context.log.warn({ place }, 'the table was truncated; its rows stay in the target');
      return changes;
    }
    const stream = this.#stream as ReplicationStream;
    stream.failure ??= new Fault('SOURCE_EMPTIED', 'TRUNCATE', { place });
    if (at === 0) throw stream.failure;
    stream.drop();
    return changes.slice(0, at);
  }

  #chunk(items: RawItem[]): SourceChunk {
    const next = this.#position ?? { row: this.#delivered };
    if (items.length > 0) this.#delivered = next.row;
    return { items, next, end: false };
  }

  async acknowledge({ position }: Settled): Promise<void> {
    this.#settled = { row: position.row, lsn: parseLsn((position as ReplicationPosition).lsn) };
    this.#stream?.answer();
  }

  /** Confirmed is what is settled; once all is, what the server has looked through. Never less than before. */
  #progress(): { flush: bigint; idle: boolean } {
    const stream = this.#stream as ReplicationStream;
    const idle = !this.#taking && this.#settled.row === this.#delivered && stream.waiting === 0 && stream.between;
    const flush = marked(idle ? stream.seen : this.#settled.lsn);
    if (flush <= this.#confirmed) return { flush: isMarked(this.#confirmed) ? this.#confirmed : 0n, idle };
    this.#confirmed = flush;
    return { flush, idle };
  }

  async #logEnd(): Promise<bigint> {
    const { rows } = await (this.#client as Client).query<{ lsn: string }>(`SELECT ${LOG_END} AS lsn`);
    return parseLsn((rows[0] as { lsn: string }).lsn);
  }

  /** What the slot keeps, and how old the oldest change is that is not settled. */
  async #tellLag(): Promise<void> {
    try {
      const end = await this.#logEnd();
      const idle = this.#stream !== undefined && this.#progress().idle;
      const bytes = idle && end <= this.#stream!.seen ? 0 : Math.max(0, Number(end - this.#confirmed));
      this.#context.lag(this.#shard, {
        bytes,
        ...(this.#stream !== undefined && { seconds: idle ? 0 : Math.max(0, (Date.now() - this.#deliveredAt) / 1000) }),
      });
    } catch {
      this.#context.lag(this.#shard, undefined);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#context.lag(this.#shard, undefined);
    await this.#stream?.close();
    await disconnect(this.#client);
  }
}

/** Waits for a change, a failure, `stop`, or until the log has been looked through up to `end`. */
async function arrival(
  stream: ReplicationStream,
  end: bigint | undefined,
  stop: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    const there = stream.waiting > 0 || stream.failure !== undefined || stop?.aborted;
    if (there || (end !== undefined && stream.between && stream.seen >= end)) resolve();
  };
  stream.onNews = look;
  stop?.addEventListener('abort', look, { once: true });
  // Where nothing is written, the server says only when asked how far it has looked.
  if (end !== undefined && stream.seen < end) stream.answer(true);
  const timer = end === undefined ? undefined : setInterval(() => stream.answer(true), PING_MS);
  look();
  await promise;
  clearInterval(timer);
  stop?.removeEventListener('abort', look);
  stream.onNews = () => {};
}
