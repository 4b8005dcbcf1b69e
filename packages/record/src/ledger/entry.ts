/** What a station writes down of a round: one entry, made of one part per input partition. */

/**
 * So many numbers of raw items are left out when an extractor begins on a source that cannot be rewound: more than a round
 * can have given out that was sent and never written down. An unclaimed record that names one of them is a duplicate.
 */
export const SKIPPED_NUMBERS = 100_000;

export interface LedgerEntry {
  flow: string;
  station: string;
  /** The process that wrote it; two instances of a station differ. */
  instance: string;
  /** ms since the epoch. */
  at: number;
  parts: LedgerPart[];
}

export interface LedgerPart {
  /**
   * `work`: judged. `expired`: an operator accepted that these offsets are gone; no verdicts, no claims.
   * `retired`: the station was removed here. It covers nothing (`from` = `to`), and stands for the position of a group that
   * is no longer there, so that what the station had done goes on counting.
   */
  kind: 'work' | 'expired' | 'retired';
  /** The input: a data topic; of an extractor its positions topic, whose offsets are raw items counted from 0. */
  topic: string;
  partition: number;
  /** The input interval, `from` inclusive, `to` exclusive. Offsets in it that no verdict counts were not in the log (compacted). */
  from: number;
  to: number;
  /** The group offset that is committed with this part: `to`, but for extractors, whose positions have offsets of their own. */
  commit: number;
  pass: number;
  drop: number;
  reject: number;
  /** Output records of the passes (0..n each). */
  outputs: number;
  /** The drops and rejects, in input order; every other offset of the interval that was in the log passed. */
  runs: VerdictRun[];
  /** The output offsets that are this part's, dead letters left out (they stand in `runs`). */
  claims: Claim[];
  /** Of a loader: what became of the passes in the target; their sum is `pass`. */
  outcomes: Outcomes | null;
  /** Of a loader: the passes whose outcome was not `written`, run-length, in input order. */
  outcomeRuns: OutcomeRun[];
  /** The part before this one on this input partition; null at the start of the chain. */
  prev: LedgerRef | null;
}

/** A part in which nothing was judged. */
export const workless = (
  part: Pick<LedgerPart, 'topic' | 'partition' | 'from' | 'to' | 'commit' | 'prev'> & { kind: 'expired' | 'retired' },
): LedgerPart => ({
  ...part,
  pass: 0,
  drop: 0,
  reject: 0,
  outputs: 0,
  runs: [],
  claims: [],
  outcomes: null,
  outcomeRuns: [],
});

/** Consecutive records of one input partition with one verdict and code; `count` records were in the log from `offset` on. */
export interface VerdictRun {
  verdict: 'drop' | 'reject';
  code: string;
  /** First and last offset, both inclusive. */
  offset: number;
  last: number;
  count: number;
  /** Where the first dead letter of the run stands; the others follow it without a gap. null for drops. */
  deadLetter: { topic: string; partition: number; offset: number } | null;
}

export type OtherOutcome = 'unchanged' | 'superseded' | 'conflict';

/** Records of one input partition between two offsets, both inclusive, that passed with one outcome; drops and rejects between them are not of it. */
export interface OutcomeRun {
  outcome: OtherOutcome;
  offset: number;
  last: number;
}

/** `count` consecutive offsets of an output topic. */
export interface Claim {
  topic: string;
  partition: number;
  offset: number;
  count: number;
}

export interface Outcomes {
  written: number;
  unchanged: number;
  superseded: number;
  conflicts: number;
}

/** Where a part stands: ledger partition, offset, and index in the entry. */
export interface LedgerRef {
  partition: number;
  offset: number;
  part: number;
}

/** What is committed with an offset, in the commit's metadata: the part that ends there, and how often work from here was begun. */
export interface CommitMark {
  ref: LedgerRef | null;
  /** Attempts begun at this position without a settled round; 0 right after one. */
  attempts: number;
  /** Of a station that keeps state: the session whose entries count up to this position. */
  session?: string | undefined;
}

/**
 * `q1:<partition>.<offset>.<part>:<attempts>`, or `q1:-:<attempts>` at the start of a chain; `:<session>` behind it where
 * there is one.
 */
export function formatMark(mark: CommitMark): string {
  const ref = mark.ref === null ? '-' : `${mark.ref.partition}.${mark.ref.offset}.${mark.ref.part}`;
  return `q1:${ref}:${mark.attempts}${mark.session === undefined ? '' : `:${mark.session}`}`;
}

/** @returns undefined when the metadata is not ours: the position was set by another tool. */
export function parseMark(metadata: string | null | undefined): CommitMark | undefined {
  const match = /^q1:(?:-|(\d+)\.(\d+)\.(\d+)):(\d+)(?::([0-9a-f]+))?$/.exec(metadata ?? '');
  if (!match) return undefined;
  const ref =
    match[1] === undefined ? null : { partition: Number(match[1]), offset: Number(match[2]), part: Number(match[3]) };
  return { ref, attempts: Number(match[4]), ...(match[5] !== undefined && { session: match[5] }) };
}
