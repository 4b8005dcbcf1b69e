/**
 * One replay from its first record to its last verdict. What it does next follows from the database alone, so it goes on
 * wherever it was interrupted: what a former leader has sent is read back first, then nothing is sent twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, PREVIEW_TOPIC } from '@quadrille/record';
import type { Outbox } from '@quadrille/station';
import type { ReplayState } from '../api/index.ts';
import type { Decisions, Ground } from '../model.ts';
import { type Failures, failuresOf, LOOK_BACK, lastFailures, Rate, stepsAt } from './pace.ts';
import { endsOf, readBack, takePreviews } from './read-back.ts';
import type { ReplayRow } from './rows.ts';
import { type Loaded, load, type Outgoing } from './send.ts';
import { markSent, type SentItem, withdraw, withdrawOne } from './sent.ts';
import { decideState, isOver, lockReplay, type StateChange } from './state.ts';
import { settleSent } from './verdicts.ts';

/** Records without a verdict at most: a stop is felt soon. */
const OUTSTANDING = 10_000;
/** Bytes of a batch. */
const BATCH_BYTES = 4 * 1024 * 1024;
const LOOK_MS = 100;
/** How often verdicts are looked for that came before it was known what was sent. */
const SWEEP_MS = 1_000;
/** A replay whose items do not come in this time was never written down in full. */
const INCOMPLETE_MS = 5 * 60_000;

/** Numbers tell the order. `next`: the first that waits; `sent`: how many have no verdict yet. */
interface Open {
  next: number | null;
  sent: number;
}

export class Job {
  readonly #ground: Ground;
  readonly #decisions: Decisions;
  readonly #id: string;
  /** Loaded, not sent yet. */
  #page: Loaded[] = [];
  /** What comes after the page, being loaded while the page is sent. */
  #coming: { from: number; page: ReturnType<typeof load> } | undefined;
  #rate: Rate | undefined;
  #sweptAt = 0;

  constructor(ground: Ground, decisions: Decisions, id: string) {
    this.#ground = ground;
    this.#decisions = decisions;
    this.#id = id;
  }

  /** Resolves once nothing is left to do, or after the signal. @throws Fault of class `dependency`: make a new job of it. */
  async run(signal: AbortSignal): Promise<void> {
    let row = await this.#load();
    if (row === undefined || row.settled) return;
    if (row.begin_at !== null) await readBack(this.#ground, row.destination, [row]);
    await this.#limit(row);
    try {
      while (!signal.aborted) {
        row = await this.#load();
        if (row === undefined || row.settled) return;
        const waitMs = await this.#step(row, signal);
        if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {});
      }
    } finally {
      await this.#coming?.page.catch(() => {});
    }
  }

  /** @returns ms until it is worth looking again. */
  async #step(row: ReplayRow, signal: AbortSignal): Promise<number> {
    if (row.state === 'waiting') return this.#begin(row);
    if (row.state === 'cancelling' || isOver(row)) {
      this.#page = [];
      this.#coming = undefined;
      await this.#ground.database.transaction((tx) => withdraw(tx, this.#id));
    }
    const open = await this.#open(row);
    if (row.kind === 'preview' && open.sent === 0) await takePreviews(this.#ground, row);
    if (open.next === null) return open.sent === 0 ? this.#finish(row) : this.#sweep(row);
    const { now, before } = stepsAt(open.next, row.ramp);
    if (before !== undefined && open.next === now.from) {
      if (open.sent > 0) return this.#sweep(row);
      const failures = await failuresOf(this.#ground.database, this.#id, before);
      if (isTooMany(failures, row)) return this.#stop(row, failures, 'of the step before');
    }
    const last = await lastFailures(this.#ground.database, this.#id);
    if (last.judged >= LOOK_BACK && isTooMany(last, row)) return this.#stop(row, last, 'at last');
    if (open.sent >= OUTSTANDING) return this.#sweep(row);
    return this.#send(row, OUTSTANDING - open.sent, open.next, now.to, signal);
  }

  async #load(): Promise<ReplayRow | undefined> {
    return (await this.#ground.database.query<ReplayRow>('select * from replay where id = $1', [this.#id]))[0];
  }

  async #open({ kind }: ReplayRow): Promise<Open> {
    const [open] = await this.#ground.database.query<Open>(
      `select (select min(seq) from replay_item where replay = $1 and state = 'waiting') as next,
         (select count(*) from replay_item where replay = $1 and state = 'sent' and code is null and $2) as sent`,
      [this.#id, kind !== 'copy'],
    );
    return open!;
  }

  /** Where reading back begins is decided before anything is sent. */
  async #begin(row: ReplayRow): Promise<number> {
    const [items] = await this.#ground.database.query<{ n: number }>(
      'select count(*) as n from replay_item where replay = $1',
      [this.#id],
    );
    if (items!.n < row.records) {
      if (Date.now() - row.created_at.getTime() < INCOMPLETE_MS) return SWEEP_MS;
      const fault = { code: 'DATABASE_UNAVAILABLE', message: 'it was never written down in full; ask for it again' };
      await this.#change(row, 'cancelling', { fault });
      return 0;
    }
    const topics = [row.destination, ...(row.kind === 'preview' ? [PREVIEW_TOPIC] : [])];
    await this.#change(row, 'running', { begin: await endsOf(this.#ground, topics) });
    return 0;
  }

  /** Sends one batch of the step that ends before number `end`: what cannot be sent makes no room for the next step's. */
  async #send(row: ReplayRow, most: number, next: number, end: number, signal: AbortSignal): Promise<number> {
    this.#rate ??= new Rate(row.rate);
    const room = Math.min(this.#rate.room(), most);
    if (room < 1) return Math.min(this.#rate.wait(), LOOK_MS);
    if (this.#page.length === 0) {
      const page = await this.#nextPage(row, next);
      // Their dead letters have not been taken in yet.
      if (page === undefined) return SWEEP_MS;
      this.#page = page;
    }
    const batch: { seq: number; record: Outgoing }[] = [];
    let bytes = 0;
    for (let loaded = this.#page[0]; loaded !== undefined && batch.length < room; loaded = this.#page[0]) {
      const { seq } = loaded.item;
      if (seq >= end) break;
      if ('fault' in loaded) {
        const { fault } = loaded;
        await this.#ground.database.transaction((tx) => withdrawOne(tx, this.#id, seq, fault));
      } else {
        bytes += loaded.record.value?.length ?? 0;
        if (batch.length > 0 && bytes > BATCH_BYTES) break;
        batch.push({ seq, record: loaded.record });
      }
      this.#page.shift();
    }
    if (batch.length === 0 || signal.aborted) return 0;
    if (this.#page.length === 0) this.#prepare(row, batch.at(-1)!.seq + 1);
    const byPartition = Map.groupBy(batch, ({ record }) => record.partition);
    const outbox: Outbox = new Map([
      [row.destination, new Map([...byPartition].map(([n, items]) => [n, items.map(({ record }) => record)]))],
    ]);
    // What is thrown here may have been written: the job is made anew, and reads back.
    const placement = await this.#traced(row, batch, () => this.#ground.outlet.send(outbox));
    const sent: SentItem[] = [];
    for (const [partition, placed] of placement.get(row.destination)!)
      for (const { index, count, offset } of placed)
        for (let i = 0; i < count; i++)
          sent.push({ seq: byPartition.get(partition)![index + i]!.seq, partition, offset: offset + i });
    await this.#ground.database.transaction((tx) => markSent(tx, this.#id, sent));
    this.#rate.spend(batch.length);
    return 0;
  }

  /** A record whose way was traced before gets a span that is linked to it. */
  async #traced<T>(row: ReplayRow, batch: readonly { record: Outgoing }[], send: () => Promise<T>): Promise<T> {
    const { traces, outlet } = this.#ground;
    const about = {
      topic: row.destination,
      replay: this.#id,
      attributes: { 'quadrille.flow': row.flow, 'quadrille.station': row.station },
      fits: (record: Outgoing) => outlet.fits(row.destination, record),
    };
    const sent = traces?.sending(
      about,
      batch.map(({ record }) => record),
    );
    try {
      const result = await send();
      sent?.();
      return result;
    } catch (error) {
      sent?.(error);
      throw error;
    }
  }

  /** Loads ahead. What is thrown is thrown to whoever takes it. */
  #prepare(row: ReplayRow, from: number): void {
    const page = load(this.#ground, row, from);
    page.catch(() => {});
    this.#coming = { from, page };
  }

  #nextPage(row: ReplayRow, from: number): ReturnType<typeof load> {
    const coming = this.#coming;
    this.#coming = undefined;
    return coming?.from === from ? coming.page : load(this.#ground, row, from);
  }

  /** Verdicts come by themselves as parts become live, but for those that came before the record was marked as sent. */
  async #sweep({ flow, station }: ReplayRow): Promise<number> {
    if (Date.now() - this.#sweptAt < SWEEP_MS) return LOOK_MS;
    await settleSent(this.#ground.database, flow, station, this.#id);
    this.#sweptAt = Date.now();
    return LOOK_MS;
  }

  /** The rest is not sent; what is sent gets its verdict first. */
  async #stop(row: ReplayRow, { rejected, judged }: Failures, which: string): Promise<number> {
    const { code, message } = new Fault('FAILED_AGAIN', `${rejected} of ${judged} ${which}`);
    await this.#change(row, 'cancelling', { fault: { code, message } });
    return 0;
  }

  async #finish(row: ReplayRow): Promise<number> {
    const { database, log } = this.#ground;
    const over: ReplayState = row.fault_code !== null ? 'stopped' : row.state === 'cancelling' ? 'cancelled' : 'done';
    await database.transaction(async (tx) => {
      const locked = await lockReplay(tx, this.#id);
      // Cancelled a moment ago, when there was nothing left to cancel.
      if (locked === undefined || (!isOver(row) && locked.state !== row.state)) return;
      if (!isOver(locked)) await decideState(tx, this.#decisions, locked, over, this.#self());
      await tx.query('update replay set settled = true where id = $1', [this.#id]);
    });
    log.info({ replay: this.#id, state: over }, 'replay is over');
    return 0;
  }

  async #change(row: ReplayRow, state: ReplayState, change: Pick<StateChange, 'fault' | 'begin'>): Promise<void> {
    await this.#ground.database.transaction(async (tx) => {
      const locked = await lockReplay(tx, this.#id);
      if (locked?.state === row.state)
        await decideState(tx, this.#decisions, locked, state, { ...this.#self(), ...change });
    });
    this.#ground.log.info({ replay: this.#id, state, ...(change.fault && { code: change.fault.code }) }, 'replay');
  }

  #self(): Pick<StateChange, 'by' | 'reason'> {
    return { by: `replay service ${this.#ground.instance}`, reason: '' };
  }

  async #limit({ destination }: ReplayRow): Promise<void> {
    const bytes = await this.#ground.admin.setting(destination, 'max.message.bytes');
    if (bytes !== undefined) this.#ground.outlet.limit(destination, Number(bytes));
  }
}

const isTooMany = ({ rejected, judged }: Failures, { stop_at }: ReplayRow): boolean =>
  judged > 0 && rejected / judged > stop_at;
