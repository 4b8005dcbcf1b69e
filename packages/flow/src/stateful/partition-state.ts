/**
 * The state of one input partition: a pure function of the records up to `next`, whatever rounds they came in. Event time
 * alone drives it. What a round has changed can be taken back, until the next one begins.
 */
import { Drop, drop, Fault } from '@quadrille/record';
import type { Gathered } from './aggregates.ts';
import { type Body, bodyOf, type StateChange, textOf } from './entry.ts';
import type { DedupePlan, StatefulPlan, WindowPlan } from './plan.ts';
import { rowOf, startOf, type WindowRow } from './window-row.ts';

type Value = Record<string, unknown>;

interface Entry {
  body: Body;
  /** Under which of its two keys it was written last; -1: never. See `StateChange`. */
  slot: -1 | 0 | 1;
}

const DUPLICATE = drop('DUPLICATE');
const LATE = drop('WINDOW_LATE');
/** The greatest event time. */
const MARK = 'm';
const KEY_LIMIT = 1_000;

export class PartitionState {
  /** Offset after the last record taken in. */
  next: number;
  readonly #plan: StatefulPlan;
  readonly #verify: (value: Value) => unknown;
  #entries = new Map<string, Entry>();
  /** Keys of open windows by their start. */
  #open = new Map<number, Set<string>>();
  #closes = Infinity;
  #counts = { d: 0, w: 0 };
  /** Nothing of it stands under this session yet: the next round writes all. */
  #fresh = true;
  /** Taken out in the round before, and in this one; with the place where they stood. */
  #gone = new Map<string, Entry['slot']>();
  #going = new Map<string, Entry['slot']>();
  #undo = new Map<string, Entry | undefined>();
  #before: { next: number; fresh: boolean };

  /**
   * @param entries as written up to `next`.
   * @param verify throws when a window could not be sent as it is: that is the fault of the record that made it so, not
   *   of the one that closes it.
   */
  constructor(
    plan: StatefulPlan,
    next: number,
    entries: Iterable<readonly [key: string, body: string]> = [],
    verify: (value: Value) => unknown = () => {},
  ) {
    this.#plan = plan;
    this.#verify = verify;
    this.next = next;
    this.#before = { next, fresh: true };
    for (const [key, body] of entries) this.#entries.set(key, { body: bodyOf(body), slot: -1 });
    const mark = this.#max;
    // What has closed was sent by the record that moved the mark.
    for (const [key, { body }] of this.#entries)
      if (key[0] === 'w' && this.#isClosed(startOf(key), mark)) this.#entries.delete(key);
      else if (key[0] === 'd' && this.#isForgotten(body as number, mark)) this.#entries.delete(key);
    this.#index();
  }

  get #max(): number {
    return (this.#entries.get(MARK)?.body as number | undefined) ?? -Infinity;
  }

  #isClosed(start: number, mark: number): boolean {
    const { everyMs, latenessMs } = this.#plan.window?.spec ?? { everyMs: 0, latenessMs: 0 };
    return start + everyMs <= mark - latenessMs;
  }

  #isForgotten(last: number, mark: number): boolean {
    return last + (this.#plan.dedupe?.spec.withinMs ?? 0) <= mark;
  }

  #index(): void {
    this.#open = new Map();
    this.#closes = Infinity;
    this.#counts = { d: 0, w: 0 };
    for (const key of this.#entries.keys()) this.#note(key);
  }

  #note(key: string): void {
    if (key[0] === MARK) return;
    this.#counts[key[0] as 'd' | 'w']++;
    if (key[0] === 'd') return;
    const start = startOf(key);
    const keys = this.#open.get(start);
    if (keys === undefined) this.#open.set(start, new Set([key]));
    else keys.add(key);
    this.#closes = Math.min(this.#closes, start + (this.#plan.window as WindowPlan).spec.everyMs);
  }

  /** A round begins; the one before can no longer be taken back. */
  begin(): void {
    this.#before = { next: this.next, fresh: this.#fresh };
    this.#undo.clear();
    this.#gone = this.#going;
    this.#going = new Map();
  }

  /** As it was when the round began. */
  rollback(): void {
    restore(this.#entries, this.#undo);
    this.#undo.clear();
    // What is due stays due: the round may not be sent.
    this.#going = new Map(this.#gone);
    this.next = this.#before.next;
    this.#fresh = this.#before.fresh;
    this.#index();
  }

  /**
   * Takes in what became of a record: mostly one value.
   * @returns the values that pass, or the windows that they have closed; a drop of all of them, or a fault, and then
   *   nothing has changed.
   * @throws Fault STATE_FULL
   */
  take(values: readonly Value[], id: string, timestamp: number): (Value | WindowRow)[] | Drop | Fault {
    const outputs: (Value | WindowRow)[] = [];
    let dropped: Drop | undefined;
    let taken = 0;
    this.#save.clear();
    for (const [at, value] of values.entries()) {
      const result = this.#one(value, values.length === 1 ? id : `${id}/${at}`, timestamp);
      if (result instanceof Fault) {
        if (taken > 0) this.stands(false);
        return result;
      }
      if (result instanceof Drop) dropped = result;
      else {
        taken++;
        if (Array.isArray(result)) outputs.push(...(result as WindowRow[]));
        else outputs.push(result as Value);
      }
    }
    return taken === 0 && dropped !== undefined ? dropped : outputs;
  }

  /** Entries as they were before the record that was taken in last. */
  readonly #save = new Map<string, Entry | undefined>();

  /** Whether the record that was taken in last stands; else it leaves nothing behind. */
  stands(so: boolean): void {
    if (so || this.#save.size === 0) {
      this.#save.clear();
      return;
    }
    restore(this.#entries, this.#save);
    for (const key of this.#save.keys()) if (this.#entries.has(key)) this.#going.delete(key);
    this.#save.clear();
    this.#index();
  }

  #keep(key: string, entry: Entry | undefined): void {
    if (!this.#undo.has(key)) this.#undo.set(key, entry);
    if (!this.#save.has(key)) this.#save.set(key, entry);
  }

  #one(value: Value, id: string, timestamp: number): Value | WindowRow[] | Drop | Fault {
    const { dedupe, window } = this.#plan;
    try {
      const seen = dedupe === undefined ? undefined : this.#seen(dedupe, value, id, timestamp);
      if (seen instanceof Drop) return seen;
      const added = window === undefined ? undefined : this.#added(window, value, id, timestamp);
      if (added instanceof Drop || added instanceof Fault) return added;
      if (seen !== undefined) this.#set(seen.key, seen.time);
      if (added !== undefined) this.#set(added.key, added.body);
      const time = Math.max(seen?.time ?? -Infinity, added?.time ?? -Infinity);
      if (time > this.#max) this.#set(MARK, time);
      return window === undefined ? value : this.#close(window);
    } catch (error) {
      if (error instanceof Fault && error.class !== 'dependency') return error;
      throw error;
    }
  }

  #seen(
    { spec, keyOf, timeOf }: DedupePlan,
    value: Value,
    id: string,
    timestamp: number,
  ): Drop | { key: string; time: number } {
    const key = `d${bounded(keyOf(value, id))}`;
    const time = timeOf(value, timestamp);
    const entry = this.#entries.get(key);
    const last = entry?.body as number | undefined;
    if (last !== undefined && !this.#isForgotten(last, this.#max) && Math.abs(time - last) < spec.withinMs)
      return DUPLICATE;
    if (entry === undefined && this.#counts.d >= spec.keys) {
      this.#forget();
      if (this.#counts.d >= spec.keys) throw full(spec.keys);
    }
    return { key, time: Math.max(time, last ?? time) };
  }

  #added(
    plan: WindowPlan,
    value: Value,
    id: string,
    timestamp: number,
  ): Drop | Fault | { key: string; time: number; body: Gathered[] } {
    const { spec, keyOf, timeOf, aggregates } = plan;
    const time = timeOf(value, timestamp);
    const start = Math.floor(time / spec.everyMs) * spec.everyMs;
    if (this.#isClosed(start, this.#max))
      return spec.late === 'drop' ? LATE : new Fault('WINDOW_LATE', `of ${new Date(start).toISOString()}`);
    const key = `w${start} ${bounded(keyOf(value, id))}`;
    const before = this.#entries.get(key)?.body as readonly Gathered[] | undefined;
    if (before === undefined && this.#counts.w >= spec.keys) throw full(spec.keys);
    const body = aggregates.map(({ of, aggregate }, i) =>
      aggregate.add(
        before === undefined ? aggregate.first : (before[i] as Gathered),
        of === undefined ? null : value[of],
      ),
    );
    this.#verify(rowOf(plan, key, body).value);
    return { key, time, body };
  }

  #set(key: string, body: Body): void {
    const entry = this.#entries.get(key);
    this.#keep(key, entry);
    const slot = entry?.slot ?? this.#going.get(key) ?? this.#gone.get(key) ?? -1;
    this.#entries.set(key, { body, slot });
    if (entry === undefined) this.#note(key);
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key) as Entry;
    this.#keep(key, entry);
    this.#going.set(key, entry.slot);
    this.#entries.delete(key);
    this.#counts[key[0] as 'd' | 'w']--;
  }

  /** The rows of windows that the mark has passed: by start, then by key, so that they are the same each time. */
  #close(plan: WindowPlan): WindowRow[] {
    const { spec } = plan;
    const rows: WindowRow[] = [];
    if (this.#closes > this.#max - spec.latenessMs) return rows;
    const closed = [...this.#open.keys()].filter((start) => this.#isClosed(start, this.#max)).sort((a, b) => a - b);
    for (const start of closed) {
      for (const key of [...(this.#open.get(start) as Set<string>)].sort()) {
        rows.push(rowOf(plan, key, (this.#entries.get(key) as Entry).body as readonly Gathered[]));
        this.#remove(key);
      }
      this.#open.delete(start);
    }
    this.#closes = Math.min(Infinity, ...[...this.#open.keys()].map((start) => start + spec.everyMs));
    return rows;
  }

  /** Takes out keys that a duplicate can no longer have. */
  #forget(): void {
    for (const [key, { body }] of this.#entries)
      if (key[0] === 'd' && this.#isForgotten(body as number, this.#max)) this.#remove(key);
  }

  /** The round ends before offset `next`. @returns what is to be written with it. */
  end(next: number): StateChange[] {
    this.next = next;
    if (this.#counts.d > 0) this.#forgetSometimes();
    const changes: StateChange[] = [];
    // They were taken out by a round that is settled before this one is.
    for (const key of this.#gone.keys())
      if (!this.#entries.has(key)) for (const slot of [0, 1] as const) changes.push({ key, slot, body: null });
    const changed = this.#fresh ? this.#entries.keys() : this.#undo.keys();
    for (const key of changed) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      if (!this.#undo.has(key)) this.#undo.set(key, entry);
      const slot = entry.slot === 0 ? 1 : 0;
      this.#entries.set(key, { body: entry.body, slot });
      changes.push({ key, slot, body: textOf(entry.body) });
    }
    this.#fresh = false;
    return changes;
  }

  #forgotAt = -Infinity;
  #forgetSometimes(): void {
    const every = (this.#plan.dedupe as DedupePlan).spec.withinMs / 4;
    if (this.#max < this.#forgotAt + every) return;
    this.#forgotAt = this.#max;
    this.#forget();
  }
}

function restore(entries: Map<string, Entry>, before: ReadonlyMap<string, Entry | undefined>): void {
  for (const [key, entry] of before) {
    if (entry === undefined) entries.delete(key);
    else entries.set(key, entry);
  }
}

function bounded(key: string): string {
  if (key.length > KEY_LIMIT)
    throw new Fault('ID_INVALID', `the key has ${key.length} characters, ${KEY_LIMIT} are taken`);
  return key;
}

const full = (keys: number): Fault => new Fault('STATE_FULL', `${keys} keys in one partition`);
