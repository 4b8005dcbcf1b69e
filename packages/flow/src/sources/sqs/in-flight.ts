/**
 * Messages that were received and are not settled: their visibility is extended until they are deleted or given back. Of
 * a FIFO queue's group a message is deleted only once those before it are: else the older one would come again alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '@quadrille/record';
import type { SourceLog } from '../../source.ts';
import type { Queue } from '../../sqs/queue.ts';

interface Held {
  handle: string;
  /** Of a FIFO queue. */
  group: string | undefined;
}

/** Most that one request may hold. */
const BATCH = 10;
const ATTEMPTS = 4;
const PAUSE_MS = 100;

export class InFlight {
  readonly #queue: Queue;
  readonly #seconds: number;
  readonly #log: SourceLog;
  /** By number of the item, in order. */
  readonly #held = new Map<number, Held>();
  readonly #timer: NodeJS.Timeout;

  /** @param seconds how long a message stays invisible without being extended. */
  constructor(queue: Queue, seconds: number, log: SourceLog) {
    this.#queue = queue;
    this.#seconds = seconds;
    this.#log = log;
    this.#timer = setInterval(() => void this.#extend(), (seconds * 1000) / 3);
    this.#timer.unref();
  }

  add(row: number, held: Held): void {
    this.#held.set(row, held);
  }

  /** Deletes all below a number. @throws Fault SOURCE_UNAVAILABLE: those that could not be will come again. */
  async delete(below: number): Promise<void> {
    const due = [...this.#held].filter(([row]) => row < below);
    for (const [row] of due) this.#held.delete(row);
    const kept: Held[] = [];
    const stuck = new Set<string | undefined>();
    for (const wave of wavesOf(due.map(([, held]) => held))) {
      const free = wave.filter(({ group }) => group === undefined || !stuck.has(group));
      const failed = await this.#inBatches(free, (batch) => this.#deleteBatch(batch));
      for (const { group } of failed) stuck.add(group);
      kept.push(...failed, ...wave.filter((held) => !free.includes(held)));
    }
    if (kept.length === 0) return;
    await this.#show(kept);
    throw new Fault('SOURCE_UNAVAILABLE', `${kept.length} of ${due.length} messages could not be deleted`, {
      place: this.#queue.url,
    });
  }

  /** What is not deleted can be received again, by anybody, at once. */
  async giveBack(): Promise<void> {
    clearInterval(this.#timer);
    const left = [...this.#held.values()];
    this.#held.clear();
    await this.#show(left);
  }

  /** @returns those that could not be deleted, after some attempts. */
  async #deleteBatch(batch: readonly Held[]): Promise<Held[]> {
    let left = batch;
    const gone: Held[] = [];
    for (let attempt = 1; left.length > 0 && attempt <= ATTEMPTS; attempt++) {
      if (attempt > 1) await sleep(PAUSE_MS * 2 ** attempt);
      try {
        const Entries = left.map(({ handle }, i) => ({ Id: String(i), ReceiptHandle: handle }));
        const { Failed = [] } = await this.#queue.call((client, { DeleteMessageBatchCommand }) =>
          client.send(new DeleteMessageBatchCommand({ QueueUrl: this.#queue.url, Entries })),
        );
        // Who sends the same again would hear the same: somebody else has received it by now.
        gone.push(...Failed.flatMap(({ Id, SenderFault }) => (SenderFault ? [left[Number(Id)] as Held] : [])));
        left = Failed.flatMap(({ Id, SenderFault }) => (SenderFault ? [] : [left[Number(Id)] as Held]));
      } catch {
        // The whole request: once more.
      }
    }
    return [...gone, ...left];
  }

  async #extend(): Promise<void> {
    const all = [...this.#held.values()];
    const failed = await this.#inBatches(all, (batch) => this.#changeVisibility(batch, this.#seconds));
    // Those that were deleted meanwhile are no loss.
    const lost = failed.filter((held) => [...this.#held.values()].includes(held)).length;
    if (lost > 0) this.#log.warn({ messages: lost }, 'messages in work are no longer held: they will come again');
  }

  async #show(held: readonly Held[]): Promise<void> {
    await this.#inBatches(held, (batch) => this.#changeVisibility(batch, 0));
  }

  /** @returns those it was refused for; on a failure of the request all of them. */
  async #changeVisibility(batch: readonly Held[], VisibilityTimeout: number): Promise<Held[]> {
    const Entries = batch.map(({ handle }, i) => ({ Id: String(i), ReceiptHandle: handle, VisibilityTimeout }));
    try {
      const { Failed = [] } = await this.#queue.call((client, { ChangeMessageVisibilityBatchCommand }) =>
        client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.#queue.url, Entries })),
      );
      return Failed.map(({ Id }) => batch[Number(Id)] as Held);
    } catch {
      return [...batch];
    }
  }

  /** As many requests side by side as the client has connections. */
  async #inBatches(all: readonly Held[], work: (batch: readonly Held[]) => Promise<Held[]>): Promise<Held[]> {
    const batches: (readonly Held[])[] = [];
    for (let at = 0; at < all.length; at += BATCH) batches.push(all.slice(at, at + BATCH));
    return (await Promise.all(batches.map(work))).flat();
  }
}

/** In the first wave the first message of each group, in the second the second, and so on; without groups one wave. */
export function wavesOf(all: readonly Held[]): Held[][] {
  const waves: Held[][] = [];
  const seen = new Map<string, number>();
  for (const held of all) {
    const at = held.group === undefined ? 0 : (seen.get(held.group) ?? 0);
    if (held.group !== undefined) seen.set(held.group, at + 1);
    const wave = waves[at];
    if (wave === undefined) waves[at] = [held];
    else wave.push(held);
  }
  return waves;
}
