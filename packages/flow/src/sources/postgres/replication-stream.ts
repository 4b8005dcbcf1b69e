/**
 * What a slot sends, of one table: changes in the order of commits, in a queue that holds the server back when it is
 * full, and the answers that the server wants (PostgreSQL documentation, 53.4: Streaming Replication Protocol).
 */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import { disconnect, literal, quoted, sourceFault } from './connect.ts';
import { formatLsn } from './lsn.ts';
import { type Decoded, decode, EPOCH_MICROS, type Relation, type RowChange } from './pgoutput.ts';

/** Where to go on: behind all that was committed up to `lsn`, and `changes` of the transaction that commits at `txn`. */
export interface StreamPlace {
  lsn: bigint;
  txn?: bigint;
  changes?: number;
}

export interface Change {
  what: RowChange | { kind: 'truncate' };
  /** As its table was when it was made. */
  relation: Relation;
  /** Of the change itself, in the log: grows with each change of one row, since the next has to wait for its commit. */
  lsn: bigint;
  /** When it was committed, ms. */
  at: number;
  /** Behind it. */
  place: StreamPlace;
}

export interface StreamOptions {
  slot: string;
  publication: string;
  table: { schema: string; name: string; shown: string; key: readonly { name: string }[] };
  from: StreamPlace;
}

/** More than this waits in the server. */
const MOST_BYTES = 8_388_608;
const STATUS_MS = 5_000;

interface Wire {
  stream: { pause(): void; resume(): void };
  on(event: 'copyData', each: (message: { chunk: Buffer }) => void): void;
  once(event: 'replicationStart', then: () => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
}

export class ReplicationStream {
  /** How far the server's log has been looked through: nothing of this table is missing before. */
  seen: bigint;
  /** Called when something has come. */
  onNews: () => void = () => {};
  /** What may be forgotten; `write`: what has come. Asked at least every five seconds. */
  progress: () => { flush: bigint; idle: boolean } = () => ({ flush: 0n, idle: false });
  failure: Fault | undefined;
  readonly #client: Client;
  readonly #wire: Wire;
  readonly #options: StreamOptions;
  readonly #relations = new Map<number, Relation>();
  #queue: Change[] = [];
  #bytes = 0;
  #paused = false;
  #closed = false;
  #transaction: { final: bigint; at: number; changes: number } | undefined;
  /** Behind the last commit. */
  #committed: bigint;
  readonly #timer: NodeJS.Timeout;

  /** @param client a walsender's connection; the stream ends it. */
  private constructor(client: Client, options: StreamOptions) {
    this.#client = client;
    this.#wire = (client as unknown as { connection: Wire }).connection;
    this.#options = options;
    this.seen = options.from.lsn;
    this.#committed = options.from.lsn;
    this.#timer = setInterval(() => this.answer(true), STATUS_MS);
    this.#timer.unref();
  }

  /** @throws Fault SOURCE_UNAVAILABLE, also while another process reads the slot */
  static async start(client: Client, options: StreamOptions): Promise<ReplicationStream> {
    const stream = new ReplicationStream(client, options);
    const { slot, publication, from, table } = options;
    stream.#wire.on('copyData', ({ chunk }) => stream.#receive(chunk));
    const started = new Promise<void>((resolve) => stream.#wire.once('replicationStart', resolve));
    const ended = client
      .query(
        `START_REPLICATION SLOT ${quoted(slot)} LOGICAL ${formatLsn(from.lsn)} (proto_version '1', publication_names ${literal(quoted(publication))})`,
      )
      .then(() =>
        stream.#fail(new Fault('SOURCE_UNAVAILABLE', 'the server has ended the stream', { place: table.shown })),
      )
      .catch((error: unknown) => {
        const fault = sourceFault(error, table.shown);
        stream.#fail(fault);
        throw fault;
      });
    await Promise.race([started, ended]);
    ended.catch(() => {});
    return stream;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Every transaction that has come has come whole. */
  get between(): boolean {
    return this.#transaction === undefined;
  }

  /** @throws Fault once everything that came before it has been taken */
  take(max: number): Change[] {
    if (this.#queue.length === 0 && this.failure !== undefined) throw this.failure;
    const taken = this.#queue.splice(0, max);
    if (this.#queue.length === 0) {
      this.#bytes = 0;
      if (this.#paused) this.#wire.stream.resume();
      this.#paused = false;
    }
    return taken;
  }

  /** What has come and was not taken is not wanted. */
  drop(): void {
    this.#queue = [];
  }

  #receive(chunk: Buffer): void {
    if (this.failure !== undefined || this.#closed) return;
    try {
      if (chunk[0] === 0x77) {
        this.#hold(chunk.length);
        this.#apply(decode(chunk.subarray(25)), chunk.readBigUInt64BE(1));
      } else if (chunk[0] === 0x6b) {
        const end = chunk.readBigUInt64BE(1);
        if (this.between && end > this.seen) this.seen = end;
        if (chunk[17] === 1) this.answer(false, true);
      }
    } catch (error) {
      this.#fail(sourceFault(error, this.#options.table.shown));
    }
    this.onNews();
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= MOST_BYTES || this.#paused || this.#queue.length === 0) return;
    this.#paused = true;
    this.#wire.stream.pause();
  }

  #apply(message: Decoded, lsn: bigint): void {
    switch (message.kind) {
      case 'begin':
        this.#transaction = { final: message.final, at: message.at, changes: 0 };
        return;
      case 'commit': {
        this.#transaction = undefined;
        this.#committed = message.end;
        if (message.end > this.seen) this.seen = message.end;
        const last = this.#queue.at(-1);
        if (last !== undefined) last.place = { lsn: message.end };
        return;
      }
      case 'relation':
        this.#relations.set(message.id, message);
        return;
      case 'truncate':
        for (const id of message.relations) this.#push({ kind: 'truncate' }, id, lsn);
        return;
      case 'other':
        return;
      default:
        this.#row(message, lsn);
    }
  }

  /** A row whose key was changed is another row: the former one is deleted. */
  #row(change: RowChange, lsn: bigint): void {
    const { kind, relation, row, old, whole = false } = change;
    const columns = this.#relations.get(relation)?.columns ?? [];
    const rekeyed =
      kind === 'update' &&
      old !== undefined &&
      row !== undefined &&
      this.#options.table.key.some(({ name }) => old[columns.indexOf(name)] !== row[columns.indexOf(name)]);
    if (rekeyed) this.#push({ kind: 'delete', relation, old, whole }, relation, lsn);
    this.#push(change, relation, lsn);
  }

  #push(what: Change['what'], id: number, lsn: bigint): void {
    const { table, from } = this.#options;
    const relation = this.#relations.get(id);
    const transaction = this.#transaction;
    if (relation === undefined || transaction === undefined)
      throw new Fault('SOURCE_UNAVAILABLE', 'pgoutput has sent a row before its table or transaction');
    if (relation.schema !== table.schema || relation.name !== table.name) return;
    transaction.changes++;
    const { final, at, changes } = transaction;
    if (final < from.lsn || (final === from.txn && changes <= (from.changes ?? 0))) return;
    this.#queue.push({ what, relation, lsn, at, place: { lsn: this.#committed, txn: final, changes } });
  }

  /**
   * Says how far the server may forget.
   * @param ping the server shall say how far it has looked. @param asked the server has asked, maybe since it wants to
   *   stop: it does not before it knows that all it has sent has come.
   */
  answer(ping = false, asked = false): void {
    if (this.#closed || this.failure !== undefined) return;
    const { flush, idle } = this.progress();
    const status = Buffer.alloc(34);
    status[0] = 0x72;
    const confirmed = asked && idle ? 0n : flush;
    status.writeBigUInt64BE(idle ? this.seen : flush, 1);
    status.writeBigUInt64BE(confirmed, 9);
    status.writeBigUInt64BE(confirmed, 17);
    status.writeBigInt64BE(BigInt(Date.now()) * 1000n - EPOCH_MICROS, 25);
    status[33] = ping ? 1 : 0;
    this.#wire.sendCopyFromChunk(status);
  }

  #fail(fault: Fault): void {
    this.failure ??= fault;
    clearInterval(this.#timer);
    this.onNews();
  }

  async close(): Promise<void> {
    this.answer();
    this.#closed = true;
    clearInterval(this.#timer);
    await disconnect(this.#client);
  }
}
