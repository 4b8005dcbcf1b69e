/**
 * Rules: what a transformer applies, in the order of the flow file. A TypeScript rule is a file that exports
 * `rule({...})` as default; a SQL rule is a .sql file (sql-rule.ts).
 */
import type { Routed, RuleResult } from '@quadrille/record';

/** What goes to one topic of several: the topic's name with the type of its records. */
type RoutedTo<Routes> = { [Topic in keyof Routes & string]: Routed<Routes[Topic], Topic> }[keyof Routes & string];

/** @template Routes types of the topics in `to`, by name: `{ 'payments.suspect': PaymentsSuspect }`. */
export interface RuleDefinition<In = Record<string, unknown>, Out = In, Routes = Record<never, never>> {
  /** What it is for, one line; stands in the docs. */
  doc: string;
  /** Topics that it sends records to by `to(topic, record)`, all of them the station's own. */
  to?: readonly (keyof Routes & string)[];
  /**
   * One record in, a `RuleResult` out: the record (it may be changed in place), several, `drop(code)` or `reject(code, …)`.
   * Synchronous and pure: no I/O, no clock, no randomness, so that a replay gives the same.
   */
  apply(record: In): RuleResult<Out | RoutedTo<Routes>>;
  /** Run by `quadrille test`: only the fields named in `expect` are compared. */
  examples: RuleExample<In, Out, Routes>[];
}

export interface RuleExample<In, Out, Routes = Record<never, never>> {
  name?: string;
  /** Fields left out are null, 0, '' or the schema's default. */
  given: Partial<In>;
  /**
   * `null` fields must be null; a list for several outputs; `to(topic, fields)` for what is sent to a topic, in SQL
   * `{ $topic: … }` among the fields; `{ drop: CODE }` or `{ reject: CODE, field? }`.
   */
  expect:
    | ExampleOutput<Out, Routes>
    | ExampleOutput<Out, Routes>[]
    | { drop: string }
    | { reject: string; field?: string };
}

type ExampleOutput<Out, Routes> = Partial<Out> | RoutedTo<{ [Topic in keyof Routes]: Partial<Routes[Topic]> }>;

/** Declares a rule; gives it its types and nothing else. */
export const rule = <In = Record<string, unknown>, Out = In, Routes = Record<never, never>>(
  definition: RuleDefinition<In, Out, Routes>,
): RuleDefinition<In, Out, Routes> => definition;

type Row = Record<string, unknown>;

/** A rule made ready, whatever it is written in: works on a whole batch. */
export interface ReadyRule {
  name: string;
  /** The topics it may send records to. */
  to: readonly string[];
  /**
   * @param records values alive in this round; the list is not kept.
   * @returns one result per record, in order. A record's failure is its own result (a Fault), never thrown.
   * @throws Fault of class `dependency` only.
   */
  apply(records: Row[]): RuleResult<Row | Routed<Row>>[] | Promise<RuleResult<Row | Routed<Row>>[]>;
  close(): Promise<void>;
}
