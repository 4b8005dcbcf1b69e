/** The transformer's judge: decode, apply the rules in order, encode. */
import type { Decoder, ReadyRule } from '@quadrille/flow';
import { Drop, Fault, type RuleResult } from '@quadrille/record';
import { decodeRound } from './decode.ts';
import { type Emitter, emitAll } from './emitter.ts';
import type { Judge } from './judge.ts';
import type { Round } from './round.ts';

type Value = Record<string, unknown>;

export interface TransformOptions {
  decoder: Decoder;
  emitter: Emitter;
  rules: readonly ReadyRule[];
}

export class Transform implements Judge {
  private readonly options: TransformOptions;
  constructor(options: TransformOptions) {
    this.options = options;
  }

  async open(): Promise<void> {}

  async judge(round: Round): Promise<void> {
    const { decoder, emitter, rules } = this.options;
    const alive = await decodeRound(round, decoder);
    passTombstones(round, emitter);
    const results = await applyRules(rules, alive.values);
    for (let i = 0; i < results.length; i++) {
      const slice = round.slices[alive.slices[i]!]!;
      const index = alive.indexes[i]!;
      const result = results[i]!;
      if (result instanceof Drop) slice.drop(index, result.code);
      else if (result instanceof Fault) slice.reject(index, result);
      else emitAll(emitter, slice, index, Array.isArray(result) ? result : [result as Value]);
    }
  }

  async close(): Promise<void> {
    for (const rule of this.options.rules) await rule.close();
  }
}

/** A deletion is not the rules' business: it goes on to where the row is. */
export function passTombstones(round: Round, emitter: Emitter): void {
  for (const slice of round.slices) {
    for (let i = 0; i < slice.records.length; i++) {
      const record = slice.records[i]!;
      if (record.bytes !== null || slice.verdicts[i] !== 0) continue;
      try {
        slice.emit(emitter.topic, emitter.make(record, null, 0, 1));
        slice.pass(i);
      } catch (error) {
        slice.reject(i, error as Fault);
      }
    }
  }
}

/**
 * Applies rules one after another to all values. One result for each, in order: what a record was dropped or rejected
 * by first, or the list of what became of it. Each rule sees what the one before it made.
 */
export async function applyRules(
  rules: readonly ReadyRule[],
  values: RuleResult<Value>[],
): Promise<RuleResult<Value>[]> {
  let results = values;
  for (const rule of rules) {
    const given: Value[] = [];
    for (const result of results) {
      if (result instanceof Drop || result instanceof Fault) continue;
      if (Array.isArray(result)) given.push(...result);
      else given.push(result as Value);
    }
    if (given.length === 0) break;
    const made = await rule.apply(given);
    results = merge(results, made);
  }
  return results;
}

/** Puts a rule's results back where their inputs stood. Of several outputs of one record, one fault rejects the record. */
function merge(before: RuleResult<Value>[], made: RuleResult<Value>[]): RuleResult<Value>[] {
  const after: RuleResult<Value>[] = new Array(before.length);
  let next = 0;
  for (let i = 0; i < before.length; i++) {
    const was = before[i]!;
    if (was instanceof Drop || was instanceof Fault) after[i] = was;
    else if (!Array.isArray(was)) after[i] = made[next++]!;
    else {
      after[i] = mergeSeveral(made.slice(next, next + was.length));
      next += was.length;
    }
  }
  return after;
}

function mergeSeveral(made: RuleResult<Value>[]): RuleResult<Value> {
  const outputs: Value[] = [];
  let dropped: Drop | undefined;
  for (const each of made) {
    if (each instanceof Fault) return each;
    if (each instanceof Drop) dropped = each;
    else if (Array.isArray(each)) outputs.push(...each);
    else outputs.push(each as Value);
  }
  return outputs.length === 0 && dropped !== undefined ? dropped : outputs;
}
