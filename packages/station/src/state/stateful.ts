/**
 * What a transformer keeps of the records before, in memory and in its state topic (docs/adr/0018). The state of a
 * partition begins anew with each assignment: it is read back as it stood at the committed position, and goes on under a
 * session of its own, whose first round writes all of it. The commit names the session.
 */
import { createHash, randomBytes } from 'node:crypto';
import { keptOf, PartitionState, type StatefulPlan, type WindowRow } from '@quadrille/flow';
import { asFault, Drop, Fault, type InputRecord, placeOf, Routed, type RuleResult } from '@quadrille/record';
import type { Alive } from '../decode.ts';
import type { StateEntry } from '../own-topics.ts';
import { type Outgoing, PASS, REJECT, type Round, type Slice } from '../round.ts';
import { type Restored, stateKey } from './restore.ts';

type Value = Record<string, unknown>;
type Output = Value | Routed<Value> | WindowRow;
type Result = RuleResult<Output>;

export interface StatefulOptions {
  /** The station's input; records of another topic are replays. */
  topic: string;
  plan: StatefulPlan;
  /** Partitions of the state topic. */
  partitions: number;
  encode(entry: StateEntry): Buffer;
  /** Whether a window could be sent as it is. @throws Fault ENCODE_FAILED */
  verify(value: Value): unknown;
  /** What counts of a partition below an offset. @throws Fault of class `dependency` */
  restore(partition: number, offset: number, session: string | undefined): Promise<Restored>;
}

interface Held {
  epoch: number;
  session: string;
  state: PartitionState;
  /** Of sessions before; taken away by the second round of this one. */
  stale: string[];
  rounds: number;
}

export class Stateful {
  readonly plan: StatefulPlan;
  readonly #options: StatefulOptions;
  readonly #held = new Map<number, Held>();
  /** Of what is kept, and how: state of another kind cannot be gone on with. */
  readonly #fingerprint: string;

  constructor(options: StatefulOptions) {
    this.#options = options;
    this.plan = options.plan;
    this.#fingerprint = createHash('sha256').update(keptOf(options.plan)).digest('hex').slice(0, 8);
  }

  /** Before anything is taken in: reads back what is not in memory. @throws Fault of class `dependency` */
  async prepare(round: Round): Promise<void> {
    const first = new Map<number, Slice>();
    for (const slice of round.slices)
      if (slice.topic === this.#options.topic && !first.has(slice.partition)) first.set(slice.partition, slice);
    for (const [partition, { from, sessionBefore: session }] of first) {
      const held = this.#held.get(partition);
      if (held?.epoch === round.epoch && held.state.next === from) continue;
      if (session !== undefined && !session.endsWith(this.#fingerprint))
        throw new Fault('STATE_CHANGED', '', { place: placeOf(this.#options.topic, partition, from) });
      const { entries, stale } = await this.#options.restore(partition, from, session);
      this.#held.set(partition, {
        epoch: round.epoch,
        session: `${randomBytes(6).toString('hex')}${this.#fingerprint}`,
        state: new PartitionState(this.plan, from, entries, this.#options.verify),
        stale,
        rounds: 0,
      });
    }
  }

  /**
   * Takes in what the rules have made of a round's records, in their order. Nothing waits in here: the state is changed
   * by the whole round, or not at all; a record that is rejected after all has left nothing in it.
   * @param decide gives a record its verdict and outputs, before the next is taken in.
   * @throws Fault STATE_FULL
   */
  take(round: Round, alive: Alive, results: readonly Result[], decide: (i: number, result: Result) => void): void {
    const begun: Held[] = [];
    let from = 0;
    try {
      for (const [at, slice] of round.slices.entries()) {
        let to = from;
        while (to < results.length && alive.slices[to] === at) to++;
        const span = { from, to };
        from = to;
        if (slice.topic !== this.#options.topic) {
          for (let i = span.from; i < span.to; i++) decide(i, refused(results[i]!));
          continue;
        }
        const held = this.#held.get(slice.partition)!;
        held.state.begin();
        held.rounds++;
        begun.push(held);
        for (let i = span.from; i < span.to; i++) {
          const index = alive.indexes[i]!;
          decide(i, takeOne(held.state, slice.records[index]!, results[i]!));
          held.state.stands(slice.verdicts[index] !== REJECT);
        }
        this.#write(slice, held);
        slice.onCut = (length) => {
          held.state.rollback();
          slice.state = [];
          // Nothing of the slice is sent.
          if (length === 0) held.rounds--;
          else this.#takeAgain(slice, held, alive, results, span);
        };
      }
    } catch (error) {
      for (const held of begun) {
        held.state.rollback();
        held.rounds--;
      }
      throw error;
    }
  }

  /** Only what has passed is in the state. */
  #takeAgain(
    slice: Slice,
    held: Held,
    alive: Alive,
    results: readonly Result[],
    { from, to }: { from: number; to: number },
  ): void {
    for (let i = from; i < to; i++) {
      const index = alive.indexes[i]!;
      if (slice.verdicts[index] === PASS) takeOne(held.state, slice.records[index]!, results[i]!);
    }
    this.#write(slice, held);
  }

  #write(slice: Slice, held: Held): void {
    slice.session = held.session;
    slice.state = this.#messages(slice, held);
  }

  #messages({ partition, to }: Slice, { state, session, stale, rounds }: Held): Outgoing[] {
    const timestamp = String(Date.now());
    const message = (key: string, value: Buffer | null): Outgoing => ({
      key: Buffer.from(key),
      value,
      headers: {},
      partition: partition % this.#options.partitions,
      timestamp,
    });
    const messages = rounds === 2 ? stale.map((key) => message(key, null)) : [];
    for (const { key, slot, body } of state.end(to))
      messages.push(
        message(
          stateKey(partition, session, slot, key),
          body === null ? null : this.#options.encode({ offset: to, body }),
        ),
      );
    return messages;
  }
}

/** What was sent to a topic is past the state, as it is past rules. */
function takeOne(state: PartitionState, record: InputRecord, result: Result): Result {
  if (result instanceof Drop || result instanceof Fault || result instanceof Routed) return result;
  const outputs = ([result] as Output[]).flat() as Output[];
  const values = outputs.filter((output) => !(output instanceof Routed)) as Value[];
  if (values.length === 0) return outputs;
  const taken = takeIn(state, record, values);
  if (taken instanceof Fault || values.length === outputs.length) return taken;
  const routed = outputs.filter((output) => output instanceof Routed);
  return taken instanceof Drop ? routed : [...routed, ...taken];
}

/** A record's fault is its own (invariant 3). */
function takeIn(
  state: PartitionState,
  record: InputRecord,
  values: readonly Value[],
): ReturnType<PartitionState['take']> {
  try {
    return state.take(values, record.id, record.timestamp);
  } catch (error) {
    const fault = asFault(error, 'FIELD_INVALID');
    if (fault.class === 'dependency') throw fault;
    state.stands(false);
    return fault;
  }
}

/** A replayed record has no place among those that the state was made of. */
function refused(result: Result): Result {
  if (result instanceof Drop || result instanceof Fault) return result;
  const outputs = ([result] as Output[]).flat() as Output[];
  return outputs.every((output) => output instanceof Routed) ? result : new Fault('STATEFUL_REPLAY', '');
}
