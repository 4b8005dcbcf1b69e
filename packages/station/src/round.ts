/**
 * A round: what a station judges at once, made of one slice per input partition. The judge gives each record exactly
 * one verdict; settle.ts writes them down.
 */
import { type Fault, HEADER, type InputRecord, type LedgerPart, originOffset } from '@quadrille/record';
import type { IHeaders } from './kafka/types.ts';

/** A record on its way out, in the shape the producer takes, so that none is built twice. */
export interface Outgoing {
  key: Buffer | null;
  value: Buffer | null;
  headers: IHeaders;
  /** Always set by us: the client's own partitioner picks anew on a retry. */
  partition: number;
  /** ms since the epoch, as Kafka's protocol text. Always set: one without spoils its batch's maximum. */
  timestamp: string;
}

export const UNDECIDED = 0;
export const PASS = 1;
export const DROP = 2;
export const REJECT = 3;

/** Consecutive records of one input partition, their verdicts and outputs. */
export class Slice {
  readonly topic: string;
  readonly partition: number;
  /** First offset this slice answers for: where the chain of this partition stands. */
  readonly from: number;
  /** Offset after the last one it answers for. */
  to: number;
  records: InputRecord[];
  /** Work from this position killed the process before: judge record by record, apart. */
  readonly suspect: boolean;
  verdicts: Uint8Array;
  /** Code of a drop, fault of a reject, by record index. */
  readonly reasons = new Map<number, string | Fault>();
  /** Outputs by topic, in input order. */
  readonly outputs = new Map<string, Outgoing[]>();
  /** Of a loader: what became of each record in the target, as an index into OUTCOMES. */
  outcomes: Uint8Array | null = null;
  /** Rejects that stand before judging, by record index: RECORD_CRASHED. */
  private readonly condemned = new Map<number, Fault>();
  /** How far the source has been read with this slice; extractors only. */
  position: Outgoing | null = null;
  /** What the station keeps of these records, for those that come; see state/stateful.ts. */
  state: readonly Outgoing[] = [];
  /** The session of the state that counts before this slice, and of the one that it leads to. */
  sessionBefore: string | undefined;
  session: string | undefined;
  /** Called when `cut` has left `length` records. */
  onCut: ((length: number) => void) | undefined;

  constructor(topic: string, partition: number, from: number, records: InputRecord[], suspect: boolean) {
    this.topic = topic;
    this.partition = partition;
    this.from = from;
    this.to = records.length === 0 ? from : records[records.length - 1]!.offset + 1;
    this.records = records;
    this.suspect = suspect;
    this.verdicts = new Uint8Array(records.length);
  }

  /** Passes record `index`. Its outputs have been, or will be, given by `emit`. */
  pass(index: number): void {
    this.verdicts[index] = PASS;
  }

  drop(index: number, code: string): void {
    this.verdicts[index] = DROP;
    this.reasons.set(index, code);
  }

  reject(index: number, fault: Fault): void {
    this.verdicts[index] = REJECT;
    this.reasons.set(index, fault);
  }

  /** Adds an output. Call in input order; grouped by slice, so that its claims are whole ranges. */
  emit(topic: string, output: Outgoing): void {
    let list = this.outputs.get(topic);
    if (list === undefined) {
      list = [];
      this.outputs.set(topic, list);
    }
    list.push(output);
  }

  /** Rejects a record for good: judges pass over it, `reset` keeps it. */
  condemn(index: number, fault: Fault): void {
    this.condemned.set(index, fault);
    this.reject(index, fault);
  }

  /** As it was before judging. */
  reset(): void {
    this.verdicts.fill(UNDECIDED);
    this.reasons.clear();
    this.outputs.clear();
    this.outcomes = null;
    this.state = [];
    this.session = undefined;
    this.onCut = undefined;
    for (const [index, fault] of this.condemned) this.reject(index, fault);
  }

  count(verdict: number): number {
    let n = 0;
    for (const each of this.verdicts) if (each === verdict) n++;
    return n;
  }

  /** Keeps the first `length` records with their verdicts and outputs, and returns the rest, to be judged another time. */
  cut(length: number): InputRecord[] {
    const rest = this.records.slice(length);
    if (rest.length === 0) return rest;
    this.records = this.records.slice(0, length);
    this.verdicts = this.verdicts.slice(0, length);
    this.outcomes = this.outcomes?.slice(0, length) ?? null;
    for (const index of this.reasons.keys()) if (index >= length) this.reasons.delete(index);
    const end = rest[0]!.offset;
    this.to = length === 0 ? this.from : this.records[length - 1]!.offset + 1;
    for (const [topic, list] of this.outputs) {
      this.outputs.set(
        topic,
        list.filter((output) => originOffset(output.headers[HEADER] as Buffer) < end),
      );
    }
    this.onCut?.(length);
    return rest;
  }
}

/** One pass of the loop. `epoch` is the ownership it was taken under; once that has changed, nothing of it may be sent or committed. */
export interface Round {
  epoch: number;
  slices: Slice[];
  records: number;
  /** When it was taken, performance.now(). */
  startedAt: number;
  /** When its verdicts stood, and when its settle began: performance.now(). */
  judgedAt?: number;
  settlingAt?: number;
  /** How far it is settled: outputs acknowledged, and what is said of them; then where that stands in the ledger. */
  parts?: LedgerPart[];
  written?: { partition: number; offset: number };
}
