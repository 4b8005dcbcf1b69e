/**
 * Rules: what a transformer applies, in the order of the flow file. A TypeScript rule is a file that exports
 * `rule({...})` as default; a SQL rule is a .sql file (sql-rule.ts).
 */
import type { RuleResult } from '@quadrille/record';

export interface RuleDefinition<In = Record<string, unknown>, Out = In> {
  /** What it is for, one line; stands in the docs. */
  doc: string;
  /**
   * One record in, a `RuleResult` out: the record (it may be changed in place), several, `drop(code)` or `reject(code, …)`.
   * Synchronous and pure: no I/O, no clock, no randomness, so that a replay gives the same.
   */
  apply(record: In): RuleResult<Out>;
  /** Run by `quadrille test`: only the fields named in `expect` are compared. */
  examples: RuleExample<In, Out>[];
}

export interface RuleExample<In, Out> {
  name?: string;
  /** Fields left out are null, 0, '' or the schema's default. */
  given: Partial<In>;
  /** `null` fields must be null; a list for several outputs; `{ drop: CODE }` or `{ reject: CODE, field? }`. */
  expect: Partial<Out> | Partial<Out>[] | { drop: string } | { reject: string; field?: string };
}

/** Declares a rule; gives it its types and nothing else. */
export const rule = <In = Record<string, unknown>, Out = In>(
  definition: RuleDefinition<In, Out>,
): RuleDefinition<In, Out> => definition;

/** A rule made ready, whatever it is written in: works on a whole batch. */
export interface ReadyRule {
  name: string;
  /**
   * @param records values alive in this round; the list is not kept.
   * @returns one result per record, in order. A record's failure is its own result (a Fault), never thrown.
   * @throws Fault of class `dependency` only.
   */
  apply(
    records: Record<string, unknown>[],
  ): RuleResult<Record<string, unknown>>[] | Promise<RuleResult<Record<string, unknown>>[]>;
  close(): Promise<void>;
}
