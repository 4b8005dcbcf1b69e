/** One input partition of an intake: its place in the ledger's chain, and the records that wait to be taken. */
import type { InputRecord, LedgerRef } from '@quadrille/record';
import type { ChainStart } from './chains.ts';
import { Slice } from './round.ts';

/** From this attempt on, records are judged one by one, apart. */
export const SUSPECT_ATTEMPT = 3;
/** How many offsets from there on; rounds in flight reach so far at most. */
const SUSPECT_SPAN = 20_000;
const SUSPECT_ROUND = 1_000;

export class Lane {
  readonly partition: number;
  /** Chain position is known: records may be taken. */
  ready = false;
  /** That work from here has begun is committed. */
  begun = false;
  /** Nothing is taken before this moment, performance.now(). */
  notBefore = 0;
  /** First offset not yet taken or queued. */
  next = 0;
  /** First offset not yet taken. */
  taken = 0;
  /** First offset not yet committed: where the next part must begin. */
  settled = 0;
  prev: LedgerRef | null = null;
  /** Of the state that counts up to what is committed. */
  session: string | undefined;
  attempts = 0;
  /** Encoded bytes that wait. */
  bytes = 0;
  /** The client was told to fetch no more of it for now. */
  paused = false;
  /** High watermark, as last heard. */
  high = 0;
  /** Records below this offset are judged one by one, apart: one of them has ended the process, more than once. */
  private suspectUntil = 0;
  /** Where the client was sent back to after a batch from further on. */
  private soughtAgain = -1;
  private queue: InputRecord[] = [];

  constructor(partition: number) {
    this.partition = partition;
  }

  open({ offset, prev, attempts, session }: ChainStart): void {
    this.prev = prev;
    this.session = session;
    this.attempts = attempts;
    this.suspectUntil = attempts + 1 >= SUSPECT_ATTEMPT ? offset + SUSPECT_SPAN : 0;
    this.next = offset;
    this.taken = offset;
    this.settled = offset;
    this.soughtAgain = -1;
    this.queue = [];
    this.bytes = 0;
    this.ready = true;
  }

  /** Notes that a slice is committed. */
  settle(slice: Slice, ref: LedgerRef): void {
    this.prev = ref;
    this.session = slice.session;
    this.settled = slice.to;
    this.attempts = 0;
  }

  /**
   * Whether a batch was fetched from behind what comes next, as one is that was under way when the client was told to seek:
   * that it lacks what comes before says nothing about the log. True once for each place, since the client asks further on
   * by itself behind what it never hands over: markers of transactions.
   */
  isAstray(asked: number): boolean {
    if (!(asked > this.next) || this.soughtAgain === this.next) return false;
    this.soughtAgain = this.next;
    return true;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** When the oldest record that waits was produced, ms since the epoch; undefined when none waits. */
  get oldest(): number | undefined {
    return this.queue[0]?.timestamp;
  }

  push(record: InputRecord): void {
    this.queue.push(record);
    this.bytes += sizeOf(record);
    this.next = record.offset + 1;
  }

  /** Takes what comes first, at most `records` and some `bytes`. @returns undefined when nothing waits. */
  take(topic: string, records: number, bytes: number): Slice | undefined {
    const suspect = this.taken < this.suspectUntil;
    const most = suspect ? Math.min(records, SUSPECT_ROUND) : records;
    let count = 0;
    let taken = 0;
    while (count < this.queue.length && count < most && taken < bytes) taken += sizeOf(this.queue[count++]!);
    if (count === 0) return undefined;
    const part = this.queue.length === count ? this.queue : this.queue.slice(0, count);
    this.queue = this.queue.length === count ? [] : this.queue.slice(count);
    const slice = new Slice(topic, this.partition, this.taken, part, suspect);
    slice.sessionBefore = this.session;
    this.taken = slice.to;
    this.bytes -= taken;
    return slice;
  }

  /** Puts unjudged records back, before those that wait; the slice they were cut from now ends before them. */
  giveBack(slice: Slice, records: InputRecord[], notBefore: number): void {
    this.queue = records.concat(this.queue);
    this.taken = slice.to;
    this.notBefore = notBefore;
    for (const record of records) this.bytes += sizeOf(record);
  }
}

const sizeOf = (record: InputRecord): number => (record.bytes?.length ?? 0) + (record.key?.length ?? 0) + 80;
