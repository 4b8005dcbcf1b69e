/**
 * Writes a round down, in the one order that loses nothing: outputs and dead letters acknowledged, then the ledger
 * entry, then the commit (invariant 1). A crash between any two leaves records that no live part claims; the ledger
 * counts them as duplicates, and the target takes them once.
 */
import {
  type Claim,
  deadLetterHeaders,
  deadLetterTopic,
  type Fault,
  type LedgerEntry,
  type LedgerPart,
  type LedgerRef,
  type OutcomeRun,
  type Outcomes,
  type Rejecter,
  type VerdictRun,
} from '@quadrille/record';
import type { Intake } from './intake.ts';
import type { Outbox, Placed, Placement } from './kafka/producer.ts';
import { DROP, type Outgoing, PASS, REJECT, type Round, type Slice } from './round.ts';

export const OUTCOMES = ['written', 'unchanged', 'superseded', 'conflict'] as const;

export interface SettleOptions {
  flow: string;
  station: string;
  instance: string;
  rejecter: Rejecter;
  intake: Intake;
  /** Topic that rejects of this station go to the dead letters of: its input, or an extractor's output. */
  deadLettersOf: string;
  deadLetterPartitions: number;
  positionsTopic: string | undefined;
  stateTopic: string | undefined;
  send(outbox: Outbox): Promise<Placement>;
  /** Writes the entry; @returns where it stands. */
  writeLedger(entry: LedgerEntry): Promise<{ partition: number; offset: number }>;
  /** Off only to measure what it costs. */
  ledger: boolean;
  now(): number;
}

/** A range of a slice's own messages in the list of one output partition. */
interface Range {
  topic: string;
  partition: number;
  from: number;
  to: number;
}

/**
 * Settles, from the step on that was not acknowledged the last time.
 * @returns false when ownership has changed: nothing was committed, the round is void.
 * @throws Fault of class `dependency` when a step was not acknowledged: settle again.
 */
export async function settle(round: Round, options: SettleOptions): Promise<boolean> {
  const { intake } = options;
  const current = (): boolean => round.epoch === intake.epoch;
  if (!current()) return false;
  round.parts ??= await sent(round, options);

  if (!current()) return false;
  const { flow, station, instance, ledger } = options;
  const entry = { flow, station, instance, at: options.now(), parts: round.parts };
  round.written ??= ledger ? await options.writeLedger(entry) : { partition: 0, offset: 0 };

  const { parts, written } = round;
  const settled = round.slices.map((slice, index) => ({
    slice,
    offset: parts[index]!.commit,
    ref: { ...written, part: index } satisfies LedgerRef,
  }));
  return intake.commit(round.epoch, settled);
}

/** Sends outputs, dead letters and positions. @returns the parts that say what became of each slice. */
async function sent(round: Round, options: SettleOptions): Promise<LedgerPart[]> {
  const outbox: Outbox = new Map();
  const ranges = round.slices.map((slice) => pack(slice, outbox, options));
  const placement = outbox.size === 0 ? new Map() : await options.send(outbox);
  return round.slices.map((slice, index) => partOf(slice, ranges[index]!, placement, options));
}

function lane(outbox: Outbox, topic: string, partition: number): Outgoing[] {
  let partitions = outbox.get(topic);
  if (partitions === undefined) {
    partitions = new Map();
    outbox.set(topic, partitions);
  }
  let messages = partitions.get(partition);
  if (messages === undefined) {
    messages = [];
    partitions.set(partition, messages);
  }
  return messages;
}

/** Puts a slice's outputs, dead letters and position into the outbox; slice by slice, so that each one's are whole ranges. */
function pack(slice: Slice, outbox: Outbox, options: SettleOptions): Range[] {
  const ranges = new Map<Outgoing[], Range>();
  const push = (topic: string, message: Outgoing): void => {
    const messages = lane(outbox, topic, message.partition);
    const range = ranges.get(messages);
    if (range === undefined) {
      ranges.set(messages, { topic, partition: message.partition, from: messages.length, to: messages.length + 1 });
    } else range.to++;
    messages.push(message);
  };
  for (const [topic, outputs] of slice.outputs) for (const output of outputs) push(topic, output);
  const dead = deadLetterTopic(options.deadLettersOf);
  for (let index = 0; index < slice.records.length; index++) {
    if (slice.verdicts[index] === REJECT) push(dead, deadLetter(slice, index, options));
  }
  if (slice.position !== null) push(options.positionsTopic!, slice.position);
  for (const message of slice.state) push(options.stateTopic!, message);
  return [...ranges.values()];
}

function deadLetter(slice: Slice, index: number, options: SettleOptions): Outgoing {
  const record = slice.records[index]!;
  const fault = slice.reasons.get(index) as Fault;
  return {
    key: record.key,
    value: record.bytes,
    headers: deadLetterHeaders(record, fault, options.rejecter, options.now()),
    partition: slice.partition % options.deadLetterPartitions,
    timestamp: String(record.timestamp),
  };
}

/** Turns a range of list indexes into offset ranges; several where the send had to be split. */
function* offsetsOf(
  placed: Placed[],
  from: number,
  to: number,
): Generator<{ index: number; offset: number; count: number }> {
  for (const { index, count, offset } of placed) {
    const start = Math.max(from, index);
    const end = Math.min(to, index + count);
    if (start < end) yield { index: start, offset: offset + start - index, count: end - start };
  }
}

function partOf(slice: Slice, ranges: Range[], placement: Placement, options: SettleOptions): LedgerPart {
  const dead = deadLetterTopic(options.deadLettersOf);
  const claims: Claim[] = [];
  const deadLetters: { partition: number; offset: number }[] = [];
  let commit = slice.to;
  let outputs = 0;
  for (const { topic, partition, from, to } of ranges) {
    // Nobody but the station itself reads its state.
    if (topic === options.stateTopic) continue;
    for (const { offset, count } of offsetsOf(placement.get(topic)!.get(partition)!, from, to)) {
      if (topic === dead) for (let i = 0; i < count; i++) deadLetters.push({ partition, offset: offset + i });
      else if (topic === options.positionsTopic) commit = offset + count;
      else claims.push({ topic, partition, offset, count });
    }
    if (topic !== dead && topic !== options.positionsTopic) outputs += to - from;
  }
  return {
    kind: 'work',
    topic: slice.topic,
    partition: slice.partition,
    from: slice.from,
    to: slice.to,
    commit,
    pass: slice.count(PASS),
    drop: slice.count(DROP),
    reject: slice.count(REJECT),
    outputs,
    runs: runsOf(slice, dead, deadLetters),
    claims,
    outcomes: outcomesOf(slice),
    outcomeRuns: outcomeRunsOf(slice),
    prev: options.intake.previous(slice.partition),
  };
}

/** Drops and rejects, run-length; a run ends where verdict or code changes, or the dead letters leave a gap. */
function runsOf(slice: Slice, deadTopic: string, deadLetters: { partition: number; offset: number }[]): VerdictRun[] {
  const runs: VerdictRun[] = [];
  let open: VerdictRun | undefined;
  let buried = 0;
  for (let index = 0; index < slice.records.length; index++) {
    const verdict = slice.verdicts[index];
    if (verdict === PASS) {
      open = undefined;
      continue;
    }
    const { offset } = slice.records[index]!;
    const reason = slice.reasons.get(index)!;
    const code = typeof reason === 'string' ? reason : reason.code;
    const kind = verdict === DROP ? 'drop' : 'reject';
    const letter = verdict === REJECT ? { topic: deadTopic, ...deadLetters[buried++]! } : null;
    const follows =
      letter === null || (open?.deadLetter != null && open.deadLetter.offset + open.count === letter.offset);
    if (open !== undefined && open.verdict === kind && open.code === code && follows) {
      open.last = offset;
      open.count++;
    } else {
      open = { verdict: kind, code, offset, last: offset, count: 1, deadLetter: letter };
      runs.push(open);
    }
  }
  return runs;
}

/** Passes that were not written, run-length; a run ends where the outcome changes. */
function outcomeRunsOf(slice: Slice): OutcomeRun[] {
  const runs: OutcomeRun[] = [];
  let open: OutcomeRun | undefined;
  for (let index = 0; slice.outcomes !== null && index < slice.records.length; index++) {
    if (slice.verdicts[index] !== PASS) continue;
    const outcome = OUTCOMES[slice.outcomes[index]!]!;
    const { offset } = slice.records[index]!;
    if (outcome === 'written') open = undefined;
    else if (open?.outcome === outcome) open.last = offset;
    else {
      open = { outcome, offset, last: offset };
      runs.push(open);
    }
  }
  return runs;
}

function outcomesOf(slice: Slice): Outcomes | null {
  if (slice.outcomes === null) return null;
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < slice.records.length; index++) {
    if (slice.verdicts[index] === PASS) counts[slice.outcomes[index]!]!++;
  }
  return { written: counts[0]!, unchanged: counts[1]!, superseded: counts[2]!, conflicts: counts[3]! };
}
