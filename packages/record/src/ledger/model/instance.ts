/**
 * One process of a station: the real settle order, cut into its atomic steps. A generator stands still between two
 * steps, so that the scheduler can let it crash, sleep or go on as a zombie at each `yield`.
 */
import { inputTopic } from '../classify.ts';
import type { LedgerPart, LedgerRef } from '../entry.ts';
import { formatMark, parseMark } from '../entry.ts';
import type { StationShape } from '../reconciliation.ts';
import { resume } from '../resume.ts';
import { FLOW } from './flow.ts';
import { acknowledge, damaged, newAttempt, partOf, type Send, sendsOf, take } from './round.ts';
import type { Attempt, Commit, ModelRecord, World } from './world.ts';

/** Where an owned partition stands, in the instance's memory. */
interface Place {
  /** The next part's `from`, and the committed offset: they differ for extractors. */
  next: number;
  offset: number;
  prev: LedgerRef | null;
  attempts: number;
  /** God's: what `prev` stands for. */
  attempt: Attempt | null;
}

export class Instance {
  readonly station: StationShape;
  readonly name: string;
  /** Rounds go on here, step by step; done when the process has ended. */
  readonly steps: Generator<void, void>;
  /** A SIGSTOP, or a long pause of the machine: it neither acts nor hears of anything. */
  asleep = false;
  /** Nothing to do: every partition read to its end. */
  idle = false;
  #world: World;
  #input: string;
  #version: number;
  #generation = -1;
  #places = new Map<number, Place>();
  /** A partition stands still with OFFSETS_LOST. */
  #stopped = false;

  constructor(world: World, station: StationShape, name: string, version: number) {
    this.#world = world;
    this.station = station;
    this.name = name;
    this.#version = version;
    this.#input = inputTopic(FLOW, station);
    this.steps = this.#live();
  }

  /** Whether it still works for a generation that has passed. */
  get isZombie(): boolean {
    return this.#generation !== this.#world.group(this.station.name).generation;
  }

  *#live(): Generator<void, void> {
    for (;;) {
      yield* this.#join();
      while (!this.#stale() && !this.#cutOff() && !(this.#stopped && this.#world.chance(0.1))) {
        yield;
        if (!(yield* this.#round())) break;
      }
    }
  }

  /** Whether retention has overtaken a position: no record is taken from such a partition, it is resumed anew. */
  #cutOff(): boolean {
    const { from } = this.station;
    return (
      from !== undefined &&
      [...this.#places].some(([partition, { next }]) => this.#world.log(from, partition).low > next)
    );
  }

  /** The ownership check between steps. A rebalance is heard of late: until then a zombie goes on in good faith. */
  #stale(): boolean {
    return this.isZombie && this.#world.rng.chance(0.3);
  }

  /** Takes the assignment and finds out where each partition goes on (`resume`). */
  *#join(): Generator<void, void> {
    const group = this.#world.group(this.station.name);
    this.#generation = group.generation;
    this.#places.clear();
    this.#stopped = false;
    for (const [partition, owner] of group.assignment) {
      if (owner !== this) continue;
      yield;
      yield* this.#resume(partition, group.commits.get(partition));
    }
  }

  *#resume(partition: number, committed: Commit | undefined): Generator<void, void> {
    const world = this.#world;
    const { name, from: topic } = this.station;
    const mark = parseMark(committed?.metadata);
    // As a real station does: with a mark of its own it need not read the ledger.
    const written = mark === undefined ? world.written(name, this.#input, partition) : [];
    const log = topic === undefined ? undefined : world.log(topic, partition);
    const found = resume({ parts: written, committed: committed?.offset, mark, low: log?.low });
    const attemptOf = (ref: LedgerRef | null): Attempt | null =>
      ref === null ? null : ((world.ledger[ref.offset]?.attempts[ref.part] as Attempt | undefined) ?? null);

    if (found.kind === 'continue') {
      const attempt = committed?.attempt ?? null;
      // An extractor's committed offset is not its item number: it reads the part, or the position record, for that.
      const next = topic === undefined ? (attempt?.to ?? 0) : found.from;
      this.#places.set(partition, { next, offset: found.offset, prev: found.prev, attempts: found.attempts, attempt });
      return;
    }
    let place: Place;
    if (found.kind === 'begin') {
      const start = log === undefined ? 0 : this.station.start === 'latest' ? log.records.length : log.low;
      place = { next: start, offset: start, prev: null, attempts: 0, attempt: null };
    } else if (found.kind === 'rewound') {
      world.note('position of another tool taken up');
      place = { next: found.from, offset: found.offset, prev: found.prev, attempts: 0, attempt: attemptOf(found.prev) };
    } else {
      // OFFSETS_LOST: the partition stands still until an operator accepts.
      this.#stopped = true;
      if (!world.chance(0.3)) return;
      world.note(`loss accepted (${found.reason})`);
      const at = {
        station: name,
        topic: this.#input,
        partition,
        from: found.from,
        to: found.to,
        before: attemptOf(found.prev),
      };
      const attempt = newAttempt({
        ...at,
        kind: 'expired',
        commit: topic === undefined ? (attemptOf(found.prev)?.commit ?? 0) : found.to,
      });
      const refs = yield* this.#ledger([partOf(attempt, found.prev)], [attempt]);
      if (refs === undefined) return;
      place = { next: found.to, offset: attempt.commit, prev: refs[0] as LedgerRef, attempts: 0, attempt };
    }
    yield;
    // Pinned before anything is produced, so that what is decided here holds.
    if (yield* this.#commit(partition, place)) this.#places.set(partition, place);
  }

  /** @returns false when the assignment or the process is not to be relied on any more. */
  *#round(): Generator<void, boolean> {
    const world = this.#world;
    const takes = this.#take();
    this.idle = takes.length === 0;
    if (this.idle) return true;
    if (world.rng.chance(0.1)) {
      for (const { attempt, place } of takes) {
        place.attempts++;
        yield;
        if (!(yield* this.#commit(attempt.partition, place))) return false;
      }
    }
    if (world.mutation === 'commit before settle') {
      for (const { attempt, place } of takes) {
        const early: Place = { ...place, offset: attempt.commit };
        if (this.station.from !== undefined && !(yield* this.#commit(attempt.partition, early))) return false;
      }
    }
    // 1. Outputs and dead letters, acknowledged by every partition's own answer.
    yield;
    if (this.#stale()) return false;
    const attempts = takes.map(({ attempt }) => attempt);
    const answers = yield* this.#produce(sendsOf(world, this.station, attempts));
    if (answers === undefined) return false;
    for (const attempt of attempts) acknowledge(attempt, answers);
    // 2. The ledger entry.
    yield;
    if (this.#stale()) return false;
    const refs = yield* this.#ledger(
      takes.map(({ attempt, place }) => damaged(world, partOf(attempt, place.prev), attempt)),
      attempts,
    );
    if (refs === undefined) return false;
    // 3. The commit, which names the parts.
    for (const [i, attempt] of attempts.entries()) {
      yield;
      const place: Place = {
        next: attempt.to,
        offset: attempt.commit,
        prev: refs[i] as LedgerRef,
        attempts: 0,
        attempt,
      };
      if (!(yield* this.#commit(attempt.partition, place))) return false;
      if (world.mutation === 'offset skipped' && this.#oneMore(attempt)) place.next++;
      this.#places.set(attempt.partition, place);
    }
    return true;
  }

  /** What is ready from every owned partition, judged. */
  #take(): { attempt: Attempt; place: Place }[] {
    const takes: { attempt: Attempt; place: Place }[] = [];
    for (const [partition, place] of this.#places) {
      const attempt = take(this.#world, this.station, partition, place.next, this.#version, place.attempt);
      if (attempt !== undefined) takes.push({ attempt, place });
    }
    return takes;
  }

  /** For the defect: whether there is a record to skip. */
  #oneMore({ partition, to }: Attempt): boolean {
    const { from } = this.station;
    return from !== undefined && this.#world.log(from, partition).records.length > to && this.#world.rng.chance(0.1);
  }

  /** All or again: one answer missing, and all answers are thrown away. */
  *#produce(sends: readonly Send[]): Generator<void, ModelRecord[] | undefined> {
    const world = this.#world;
    for (let attempt = 0; attempt < 4; attempt++) {
      const appended: ModelRecord[] = [];
      let answered = true;
      for (const send of world.rng.shuffle(sends)) {
        yield;
        const answer = world.produce(send.topic, send.partition, send.records);
        if (answer !== undefined) appended.push(...answer);
        else if (world.mutation === 'unanswered send taken for done') {
          const next = world.log(send.topic, send.partition).records.length;
          appended.push(
            ...send.records.map((each, i) => ({
              ...each,
              topic: send.topic,
              partition: send.partition,
              offset: next + i,
              gone: false,
            })),
          );
        } else answered = false;
      }
      if (answered) return appended;
      if (this.#stale()) return undefined;
    }
    return undefined;
  }

  *#ledger(parts: LedgerPart[], attempts: Attempt[]): Generator<void, LedgerRef[] | undefined> {
    const world = this.#world;
    const entry = { flow: FLOW, station: this.station.name, instance: this.name, at: world.clock, parts };
    for (let tries = 0; tries < 4; tries++) {
      yield;
      const ref = world.writeLedger(entry, attempts);
      if (ref !== undefined) {
        if (this.isZombie) world.note(`zombie writes to the ledger (${this.station.kind})`);
        return parts.map((_, part) => ({ ...ref, part }));
      }
    }
    return undefined;
  }

  *#commit(partition: number, place: Place): Generator<void, boolean> {
    const world = this.#world;
    const { offset, prev: ref, attempts, attempt } = place;
    for (let tries = 0; tries < 4; tries++) {
      const answer = world.commit(this.station.name, this.#generation, partition, {
        offset,
        metadata: formatMark({ ref, attempts }),
        attempt,
      });
      if (answer !== 'no answer') return answer === 'done';
      yield;
    }
    return false;
  }
}
