/** The transformer's judge: decode, apply the rules in order, encode. */
import type { Decoder, ReadyRule, WindowRow } from '@quadrille/flow';
import { Drop, Fault, Routed, type RuleResult } from '@quadrille/record';
import { decodeRound } from './decode.ts';
import { type Emitters, emitAll, emitWithRows, passTombstones } from './emitter.ts';
import type { Judge } from './judge.ts';
import type { Round } from './round.ts';
import type { Stateful } from './state/stateful.ts';

type Value = Record<string, unknown>;
/** One of what a record becomes; the rules that follow do not see what was sent to a topic. */
type Output = Value | Routed<Value>;
/** What comes out of what keeps state. */
type Kept = Output | WindowRow;
type Result = RuleResult<Output>;

export interface TransformOptions {
  decoder: Decoder;
  emitters: Emitters;
  rules: readonly ReadyRule[];
  /** What comes after the rules and knows the records before; undefined: nothing does, and nothing is paid for it. */
  stateful?: Stateful | undefined;
}

export class Transform implements Judge {
  private readonly options: TransformOptions;
  constructor(options: TransformOptions) {
    this.options = options;
  }

  async open(): Promise<void> {}

  async judge(round: Round): Promise<void> {
    const { decoder, emitters, rules, stateful } = this.options;
    const alive = await decodeRound(round, decoder);
    if (stateful?.plan.window === undefined) passTombstones(round, emitters);
    else dropTombstones(round);
    const results = await applyRules(rules, alive.values);
    const decide = (i: number, result: Result): void => {
      const slice = round.slices[alive.slices[i]!]!;
      const index = alive.indexes[i]!;
      if (result instanceof Drop) slice.drop(index, result.code);
      else if (result instanceof Fault) slice.reject(index, result);
      else if (stateful === undefined) emitAll(emitters, slice, index, outputsIn(result));
      else emitWithRows(emitters, slice, index, outputsIn<Kept>(result));
    };
    await stateful?.prepare(round);
    if (stateful === undefined) for (let i = 0; i < results.length; i++) decide(i, results[i]!);
    else stateful.take(round, alive, results, decide as (i: number, result: RuleResult<Kept>) => void);
  }

  async close(): Promise<void> {
    for (const rule of this.options.rules) await rule.close();
  }
}

/** What a window has counted cannot be taken out of it again. */
function dropTombstones(round: Round): void {
  for (const slice of round.slices)
    for (let i = 0; i < slice.records.length; i++)
      if (slice.records[i]!.bytes === null && slice.verdicts[i] === 0) slice.drop(i, 'WINDOW_DELETION');
}

/** The outputs of a result that is neither a drop nor a fault. */
export const outputsIn = <T = Output>(result: RuleResult<T>): readonly T[] =>
  Array.isArray(result) ? (result as readonly T[]) : [result as T];

/**
 * Applies rules one after another to all values. One result for each, in order: what a record was dropped or rejected
 * by first, or what became of it. Each rule sees what the one before it made, but for what that has sent to a topic.
 */
export async function applyRules(rules: readonly ReadyRule[], values: RuleResult<Value>[]): Promise<Result[]> {
  let results: Result[] = values;
  for (const rule of rules) {
    const given: Value[] = [];
    for (const result of results) {
      if (result instanceof Drop || result instanceof Fault || result instanceof Routed) continue;
      if (!Array.isArray(result)) given.push(result as Value);
      else for (const output of result) if (!(output instanceof Routed)) given.push(output);
    }
    if (given.length === 0) break;
    const made = await rule.apply(given);
    results = merge(results, made);
  }
  return results;
}

/** Puts a rule's results back where their inputs stood. Of several outputs of one record, one fault rejects the record. */
function merge(before: Result[], made: Result[]): Result[] {
  const after: Result[] = new Array(before.length);
  let next = 0;
  for (let i = 0; i < before.length; i++) {
    const was = before[i]!;
    if (was instanceof Drop || was instanceof Fault || was instanceof Routed) after[i] = was;
    else if (!Array.isArray(was)) after[i] = made[next++]!;
    else after[i] = mergeSeveral(was.map((output) => (output instanceof Routed ? output : made[next++]!)));
  }
  return after;
}

function mergeSeveral(made: Result[]): Result {
  const outputs: Output[] = [];
  let dropped: Drop | undefined;
  for (const each of made) {
    if (each instanceof Fault) return each;
    if (each instanceof Drop) dropped = each;
    else outputs.push(...outputsIn(each));
  }
  return outputs.length === 0 && dropped !== undefined ? dropped : outputs;
}
