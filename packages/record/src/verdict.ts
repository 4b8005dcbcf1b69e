/** What a rule may say of a record, and what a station's judge makes of it. */
import { Fault, type FaultDetails } from './fault.ts';
import { CODE_PATTERN } from './names.ts';

/** A record left out by rule; its code stands in the ledger. Made by `drop`. */
export class Drop {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

const drops = new Map<string, Drop>();

/**
 * Leaves the record out, on purpose, under this code.
 * @throws Fault RULE_RESULT when the code is not UPPER_SNAKE_CASE.
 */
export function drop(code: string): Drop {
  let known = drops.get(code);
  if (known === undefined) {
    if (!CODE_PATTERN.test(code))
      throw new Fault('RULE_RESULT', `drop code ${JSON.stringify(code)} is not UPPER_SNAKE_CASE`);
    known = new Drop(code);
    drops.set(code, known);
  }
  return known;
}

/** A user's own fault: class `rule`, any code in UPPER_SNAKE_CASE. */
export class RuleFault extends Fault {
  override readonly code: string;
  constructor(code: string, detail: string, details: FaultDetails = {}) {
    super('RULE_REJECTED', detail, details);
    this.code = code;
  }
}

/**
 * Rejects the record: it becomes a dead letter with this code, message and field. Return it or throw it.
 * The message must not hold payload that may not be logged.
 */
export function reject(code: string, message: string, details: FaultDetails = {}): Fault {
  if (!CODE_PATTERN.test(code))
    throw new Fault('RULE_RESULT', `reject code ${JSON.stringify(code)} is not UPPER_SNAKE_CASE`);
  return new RuleFault(code, message, details);
}

/** An output that goes to one topic of several, and past the rules that follow. Made by `to`. */
export class Routed<T = unknown, Topic extends string = string> {
  readonly topic: Topic;
  readonly record: T;
  constructor(topic: Topic, record: T) {
    this.topic = topic;
    this.record = record;
  }
}

/**
 * Sends a record to this topic, one of those that the station writes, as it is: rules that follow do not see it.
 * @param topic as the flow file and the rule's `to` name it.
 */
export const to = <const Topic extends string, T>(topic: Topic, record: T): Routed<T, Topic> =>
  new Routed(topic, record);

/** What may come back from a rule for one record: itself or another, several, a drop, a fault. */
export type RuleResult<T> = T | readonly T[] | Drop | Fault;

/** Not decided yet: what the record needs is not there. Its partition waits and tries again; never a dead letter. */
export class Hold {
  /** Why; of class `dependency`. */
  readonly fault: Fault;
  constructor(fault: Fault) {
    this.fault = fault;
  }
}
