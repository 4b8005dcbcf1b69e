/** The enricher's judge: decode, join the lookups, apply SQL and rules, encode. */
import { performance } from 'node:perf_hooks';
import type { AskedLookup, Decoder, Leg, ReadyRule } from '@quadrille/flow';
import { Drop, Fault, Hold, type RuleResult } from '@quadrille/record';
import { type Alive, decodeRound } from './decode.ts';
import { type Emitters, emitAll, passTombstones } from './emitter.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import type { Round } from './round.ts';
import { applyRules, outputsIn } from './transform.ts';

type Value = Record<string, unknown>;

/** Keeps lookups in step with what they are made of. */
export interface LookupsFed {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** @throws Fault LOOKUP_UNAVAILABLE while a lookup is not whole. */
  require(): void;
  /** Brings every lookup up to date. @throws Fault LOOKUP_UNAVAILABLE */
  refresh(): Promise<void>;
}

export interface EnrichOptions {
  decoder: Decoder;
  emitters: Emitters;
  feed: LookupsFed;
  /** In the order of the flow file. */
  legs: readonly Leg[];
  /** The SQL over the lookups, then the rules. */
  rules: readonly ReadyRule[];
}

/** How long a partition waits for a row that its lookup lacks and that it must have. */
const HOLD_MS = 1_000;

export class Enrich implements Judge {
  private readonly options: EnrichOptions;
  constructor(options: EnrichOptions) {
    this.options = options;
  }

  /** The lookups that are asked. */
  get asked(): AskedLookup[] {
    return this.options.legs.flatMap(({ asked }) => asked ?? []);
  }

  async open(): Promise<void> {
    const { feed, legs } = this.options;
    for (const { asked } of legs) await asked?.open();
    await feed.start();
  }

  async refresh(): Promise<void> {
    for (const { asked } of this.options.legs) asked?.forget();
    await this.options.feed.refresh();
  }

  async judge(round: Round, intake: Intake, dryRun = false): Promise<void> {
    const { decoder, emitters, feed, rules } = this.options;
    feed.require();
    const alive = await decodeRound(round, decoder);
    const joined = await this.joinAll(round, alive, intake, dryRun);
    passTombstones(round, emitters);
    const results = await applyRules(rules, joined);
    for (let i = 0; i < results.length; i++) {
      const slice = round.slices[alive.slices[i]!]!;
      const index = alive.indexes[i]!;
      if (index >= slice.records.length) continue;
      const result = results[i]!;
      if (result instanceof Drop) slice.drop(index, result.code);
      else if (result instanceof Fault) slice.reject(index, result);
      else emitAll(emitters, slice, index, outputsIn(result));
    }
  }

  /**
   * Joins every record, lookup by lookup; a record that must wait goes back to the intake with all that follow it in its
   * partition. @throws Fault of class `dependency` when a lookup cannot be asked: the round waits.
   */
  private async joinAll(round: Round, alive: Alive, intake: Intake, dryRun: boolean): Promise<RuleResult<Value>[]> {
    const results: (RuleResult<Value> | Hold)[] = [...alive.values];
    for (const { asked, join } of this.options.legs) {
      await asked?.prepare(results.filter(isJoining));
      for (let i = 0; i < results.length; i++) {
        const value = results[i]!;
        if (isJoining(value)) results[i] = join(value);
      }
    }
    for (let i = 0; i < results.length; i++) {
      const slice = round.slices[alive.slices[i]!]!;
      const index = alive.indexes[i]!;
      const result = results[i]!;
      // Behind a record that waits: it will come again.
      if (index >= slice.records.length) results[i] = WAITS;
      else if (result instanceof Hold && dryRun) results[i] = result.fault;
      else if (result instanceof Hold) {
        intake.giveBack(round.epoch, slice, slice.cut(index), performance.now() + HOLD_MS);
        results[i] = WAITS;
      }
    }
    return results as RuleResult<Value>[];
  }

  async close(): Promise<void> {
    await this.options.feed.stop();
    for (const { asked } of this.options.legs) await asked?.close();
    for (const rule of this.options.rules) await rule.close();
  }
}

/** Neither set aside nor waiting: what a join gives back is the record's value. */
const isJoining = (result: RuleResult<Value> | Hold): result is Value =>
  !(result instanceof Fault || result instanceof Hold || result instanceof Drop);

/** Stands where a record was given back; never settled. */
const WAITS = new Drop('WAITS');
