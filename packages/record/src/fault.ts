/** The one error of Quadrille: a code of the fault table, a place, what was wrong, and what to do. */
import { FAULTS, type FaultClass, type FaultCode } from './fault-table.ts';

export interface FaultDetails {
  /** Where: `file:line:column`, `topic[partition]@offset`, a URL. */
  place?: string;
  /** The record's field at fault, dotted. */
  field?: string;
  /** Replaces the table's advice where something more exact can be said. */
  help?: string;
  cause?: unknown;
}

export class Fault extends Error {
  override readonly name = 'Fault';
  /** A code of the table, or a code of a user's own rule. */
  readonly code: string;
  readonly class: FaultClass;
  readonly place: string | undefined;
  readonly field: string | undefined;
  readonly help: string;

  constructor(code: FaultCode, detail: string, details: FaultDetails = {}) {
    super(detail === '' ? FAULTS[code].message : `${FAULTS[code].message}: ${detail}`, { cause: details.cause });
    this.code = code;
    this.class = FAULTS[code].class;
    this.place = details.place;
    this.field = details.field;
    this.help = details.help ?? FAULTS[code].help;
  }

  /** How a person sees it: `CODE place: what was wrong`, then `help:`. */
  format(): string {
    const place = this.place === undefined ? '' : ` ${this.place}`;
    return `${this.code}${place}: ${this.message}\n  help: ${this.help}`;
  }
}

/** Several problems found at once, in the order of their places. */
export class Faults extends Error {
  override readonly name = 'Faults';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map((fault) => fault.format()).join('\n'));
    this.faults = faults;
  }
  format(): string {
    return this.message;
  }
}

/** Anything thrown, as a fault: itself if it is one, else under the code given. */
export function asFault(thrown: unknown, code: FaultCode, details: FaultDetails = {}): Fault {
  if (thrown instanceof Fault) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new Fault(code, detail, { ...details, cause: thrown });
}
