/**
 * Reads a growing column so that no row is passed over, whenever its transaction commits.
 *
 * Values are given out before they are committed: a row with a small value may appear after a larger one was read. So the
 * rows are read in sweeps. A sweep takes the rows of those transactions that had ended when it began and had not when the
 * one before it did: all numbered below the oldest that still runs (`pg_snapshot_xmin`), subtransactions too. Each row is
 * taken by exactly one sweep. That a sweep need not look at the whole table is worked out beside it: a transaction writes
 * values that were current at some time within it. Once all have ended that ran after some value was read, and a sweep has
 * taken what they wrote, nothing below that value can follow.
 */
import type { Client } from 'pg';

/** Where a window stands, within a position; whole numbers as text. */
export interface WindowPlace {
  /** Rows of transactions below are taken. */
  seen?: string;
  /** What is still to come has at least this value. */
  low?: string;
  /** The greatest value taken. */
  top?: string;
}

export interface Sweep {
  /** Takes the rows of transactions from here on; undefined: of all. */
  from: bigint | undefined;
  /** To before this one. */
  to: bigint;
  /** With at least this value; undefined: any. */
  low: bigint | undefined;
  /** Every transaction that has ended so far is below. Unknown of a sweep that goes on after a restart. */
  until?: bigint;
}

export interface WindowOptions {
  /** SQL that lists transactions that may still write values given out before, as `vxid` and `pid`. */
  running: string;
  /** How much smaller than current a value may be when its transaction begins. */
  late: bigint;
  /** Values are times, in microseconds: none is counted on that lies in the future. */
  clock: boolean;
  /** Transactions that have held the window for a minute. */
  onHeld(pids: string[]): void;
}

interface Candidate {
  value: bigint;
  /** Transactions that ran when the value had been read, and may write smaller ones. */
  running: ReadonlySet<string>;
  since: number;
  told?: boolean;
  /** All of them have ended, and are below this one. */
  until?: bigint;
}

const HELD_MS = 60_000;
const SNAPSHOT = `SELECT pg_snapshot_xmin(s)::text AS to, pg_snapshot_xmax(s)::text AS until,
  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now FROM pg_current_snapshot() s`;

export class Window {
  readonly #client: Pick<Client, 'query'>;
  readonly #options: WindowOptions;
  #seen: bigint | undefined;
  #low: bigint | undefined;
  #top: bigint | undefined;
  #candidate: Candidate | undefined;
  /** The server's clock before the transactions that run were last listed, in microseconds. */
  #now: bigint | undefined;

  constructor(client: Pick<Client, 'query'>, options: WindowOptions, { seen, low, top }: WindowPlace = {}) {
    this.#client = client;
    this.#options = options;
    this.#seen = bigint(seen);
    this.#low = bigint(low);
    this.#top = bigint(top);
  }

  get place(): WindowPlace {
    return { ...text('seen', this.#seen), ...text('low', this.#low), ...text('top', this.#top) };
  }

  /** A value was taken. */
  took(value: bigint): void {
    if (this.#top === undefined || value > this.#top) this.#top = value;
  }

  /** What is before the first sweep is taken: only what follows counts. */
  async skip(): Promise<void> {
    this.#seen = (await this.#snapshot()).to;
  }

  /**
   * Before a first sweep over all rows: the rows of transactions that had begun are all in it once these have ended, so that
   * the next sweep can begin at what was the greatest value.
   * @param top that value, read before. @param stop given up waiting.
   */
  async settle(top: bigint | undefined, stop: () => Promise<boolean>): Promise<void> {
    if (top === undefined) return;
    this.took(top);
    this.#now = (await this.#snapshot()).now;
    const value = this.#counted(top);
    const first = await this.#running();
    for (let left = first; ; left = await this.#running()) {
      if (![...first.keys()].some((each) => left.has(each))) break;
      if (await stop()) {
        this.#candidate = { value, running: new Set(first.keys()), since: Date.now() };
        return;
      }
    }
    this.#low = value - this.#options.late;
  }

  /** The rows to be taken next. */
  async begin(): Promise<Sweep> {
    const running = await this.#running();
    const { to, until, now } = await this.#snapshot();
    this.#pursue(running, until);
    this.#now = now;
    return { from: this.#seen, to, low: this.#low, until };
  }

  /** Goes on with a sweep that was broken off. */
  resume(to: bigint): Sweep {
    return { from: this.#seen, to, low: this.#low };
  }

  /** All rows of a sweep are taken. */
  end({ to }: Sweep): void {
    this.#seen = to;
    const { until, value } = this.#candidate ?? {};
    if (until === undefined || value === undefined || to < until) return;
    this.#low = value - this.#options.late;
    this.#candidate = undefined;
  }

  /** @param running listed before `until`, the transaction that is given out next, was read. */
  #pursue(running: ReadonlyMap<string, string>, until: bigint): void {
    if (this.#candidate === undefined && this.#top !== undefined && (this.#now !== undefined || !this.#options.clock)) {
      const value = this.#counted(this.#top);
      if (this.#low === undefined || value - this.#options.late > this.#low)
        this.#candidate = { value, running: new Set(running.keys()), since: Date.now() };
    }
    const candidate = this.#candidate;
    if (candidate === undefined || candidate.until !== undefined) return;
    const left = [...candidate.running].filter((each) => running.has(each));
    if (left.length === 0) candidate.until = until;
    else if (!candidate.told && Date.now() - candidate.since > HELD_MS) {
      candidate.told = true;
      this.#options.onHeld(left.map((each) => running.get(each) as string));
    }
  }

  #counted(value: bigint): bigint {
    return this.#options.clock && this.#now !== undefined && value > this.#now ? this.#now : value;
  }

  async #snapshot(): Promise<{ to: bigint; until: bigint; now: bigint }> {
    const { rows } = await this.#client.query<Record<'to' | 'until' | 'now', string>>(SNAPSHOT);
    const { to, until, now } = rows[0] as Record<'to' | 'until' | 'now', string>;
    return { to: BigInt(to), until: BigInt(until), now: BigInt(now) };
  }

  async #running(): Promise<Map<string, string>> {
    const { rows } = await this.#client.query<{ vxid: string; pid: string | null }>(this.#options.running);
    return new Map(rows.map(({ vxid, pid }) => [vxid, pid ?? `prepared ${vxid}`]));
  }
}

/**
 * Every transaction of this database but our own, prepared ones too. Each holds a lock on its own number, which everybody
 * may see.
 */
export const ALL_RUNNING = `SELECT l.virtualtransaction AS vxid, min(l.pid) AS pid FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype IN ('virtualxid', 'transactionid') AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
AND (a.datid IS NULL OR a.datid = (SELECT oid FROM pg_database WHERE datname = current_database())) GROUP BY 1`;

/** Those that write to a table. @param oid the table's. */
export const writersOf = (oid: string): string =>
  `SELECT virtualtransaction AS vxid, min(pid) AS pid FROM pg_locks WHERE locktype = 'relation' AND relation = ${BigInt(oid)}
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND mode = 'RowExclusiveLock' AND granted AND pid IS DISTINCT FROM pg_backend_pid() GROUP BY 1`;

const bigint = (value: string | undefined): bigint | undefined => (value === undefined ? undefined : BigInt(value));
const text = (name: string, value: bigint | undefined): Record<string, string> =>
  value === undefined ? {} : { [name]: String(value) };
