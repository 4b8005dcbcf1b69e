/**
 * Calls that wait for an answer, in the order in which they came. Their items are given out to whichever shard has room; what
 * is given back goes out again first. How many there may be is bounded, by items and bytes.
 */
import type { Fault } from '@quadrille/record';
import type { RawItem } from '../../source.ts';

/** How a call ended: every item has a verdict, or it must come again. */
export type CallEnd = 'settled' | 'late' | 'gone' | 'stopping';

export class Call {
  readonly items: readonly RawItem[];
  readonly bytes: number;
  /** By item: why it became a dead letter. */
  readonly rejected = new Map<number, Fault>();
  /** Resolves once, whatever happens. */
  readonly ended: Promise<CallEnd>;
  readonly #end: (end: CallEnd) => void;
  /** Items that have been given out. */
  given = 0;
  #open: number;
  #over = false;

  constructor(items: readonly RawItem[], bytes: number) {
    this.items = items;
    this.bytes = bytes;
    this.#open = items.length;
    const { promise, resolve } = Promise.withResolvers<CallEnd>();
    this.ended = promise;
    this.#end = resolve;
  }

  get over(): boolean {
    return this.#over;
  }

  /** @returns whether it was still waiting. */
  end(how: CallEnd): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#end(how);
    return true;
  }

  /** @returns whether it is the last one of the call. */
  verdict(index: number, fault: Fault | undefined): boolean {
    if (fault !== undefined) this.rejected.set(index, fault);
    return --this.#open === 0;
  }
}

/** One item of a call, given out. */
export interface Given {
  call: Call;
  index: number;
}

export interface Bounds {
  items: number;
  bytes: number;
}

export class Calls {
  readonly #bounds: Bounds;
  readonly #onChange: (items: number) => void;
  /** Those that have items to give out. */
  readonly #waiting = new Set<Call>();
  /** All that have no answer yet. */
  readonly #all = new Set<Call>();
  #returned: Given[] = [];
  #items = 0;
  #bytes = 0;
  readonly #wake = new Set<() => void>();

  /** @param onChange is told how many items wait for a verdict. */
  constructor(bounds: Bounds, onChange: (items: number) => void) {
    this.#bounds = bounds;
    this.#onChange = onChange;
  }

  /** Whether a call of this size would be too much now. */
  isFull(items: number, bytes: number): boolean {
    return this.#items + items > this.#bounds.items || this.#bytes + bytes > this.#bounds.bytes;
  }

  /** Bytes that are being received. */
  reserve(bytes: number): void {
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  add(call: Call): void {
    this.#all.add(call);
    this.#waiting.add(call);
    this.#count(call, 1);
    for (const wake of this.#wake) wake();
  }

  /** Nothing waits to be given out. */
  get empty(): boolean {
    return this.#waiting.size === 0 && this.#returned.length === 0;
  }

  /** The next items, at most `max`. */
  take(max: number): Given[] {
    const taken: Given[] = [];
    while (this.#returned.length > 0 && taken.length < max) {
      const given = this.#returned.shift()!;
      if (!given.call.over) taken.push(given);
    }
    for (const call of this.#waiting) {
      while (call.given < call.items.length && taken.length < max) taken.push({ call, index: call.given++ });
      if (call.given < call.items.length) break;
      this.#waiting.delete(call);
    }
    return taken;
  }

  /** Resolves when there is something to take, or the signal says stop. */
  async some(stop: AbortSignal | undefined): Promise<void> {
    if (!this.empty || stop?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake.add(wake);
    stop?.addEventListener('abort', wake);
    await promise;
    this.#wake.delete(wake);
    stop?.removeEventListener('abort', wake);
  }

  giveBack(given: readonly Given[]): void {
    this.#returned = [...given.filter(({ call }) => !call.over), ...this.#returned];
    if (!this.empty) for (const wake of this.#wake) wake();
  }

  /** What became of an item. */
  settle({ call, index }: Given, fault: Fault | undefined): void {
    if (call.verdict(index, fault)) this.end(call, 'settled');
  }

  /** Ends a call; what of it was not given out never will be. */
  end(call: Call, how: CallEnd): void {
    if (!call.end(how)) return;
    this.#all.delete(call);
    this.#waiting.delete(call);
    this.#count(call, -1);
  }

  endAll(how: CallEnd): void {
    for (const call of this.#all) this.end(call, how);
  }

  #count({ items, bytes }: Call, sign: 1 | -1): void {
    this.#items += sign * items.length;
    this.#bytes += sign * bytes;
    this.#onChange(this.#items);
  }
}
