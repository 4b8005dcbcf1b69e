/** The live verdict on one record, found in the runs of the live parts. */
import type { PlacedPart } from './chain.ts';
import type { LedgerPart, OtherOutcome, VerdictRun } from './entry.ts';

/** The live parts of one group on one input partition. */
export interface Chain {
  group: string;
  topic: string;
  partition: number;
  /** In input order, without those whose interval is empty. */
  judged: readonly PlacedPart[];
  /** The first offset that the chain answers for, and the one it goes on with. */
  start: number;
  end: number;
}

export type RecordVerdict =
  /** `outcome`: what a loader's target made of it; `written` where nothing else is told. */
  | { verdict: 'pass'; outcome: 'written' | OtherOutcome }
  | { verdict: 'drop'; code: string }
  /** `deadLetter`: where it stands; null when compaction has torn the run, so that it cannot be counted out. */
  | { verdict: 'reject'; code: string; deadLetter: { topic: string; partition: number; offset: number } | null }
  | { verdict: 'none'; why: 'waiting' | 'before start' | 'expired' };

/** The verdict on the record at `offset`. A record that had been compacted away counts like its neighbours in the interval. */
export function verdictAt(chain: Chain | undefined, offset: number): RecordVerdict {
  const part = partAt(chain, offset);
  if (part === undefined) {
    return { verdict: 'none', why: chain !== undefined && offset < chain.start ? 'before start' : 'waiting' };
  }
  if (part.kind === 'expired') return { verdict: 'none', why: 'expired' };
  const run = runAt(part, offset);
  if (run === undefined) return { verdict: 'pass', outcome: outcomeAt(part, offset) };
  if (run.verdict === 'drop') return { verdict: 'drop', code: run.code };
  const whole = run.deadLetter !== null && run.count === run.last - run.offset + 1;
  const deadLetter = whole ? { ...run.deadLetter!, offset: run.deadLetter!.offset + (offset - run.offset) } : null;
  return { verdict: 'reject', code: run.code, deadLetter };
}

/** The same in one word, for reading many records: `gone` stands for `before start` and `expired`. */
export function verdictWord(chain: Chain | undefined, offset: number): 'pass' | 'drop' | 'reject' | 'waiting' | 'gone' {
  const part = partAt(chain, offset);
  if (part === undefined) return chain !== undefined && offset < chain.start ? 'gone' : 'waiting';
  if (part.kind === 'expired') return 'gone';
  return runAt(part, offset)?.verdict ?? 'pass';
}

function partAt(chain: Chain | undefined, offset: number): LedgerPart | undefined {
  if (chain === undefined) return undefined;
  let low = 0;
  let high = chain.judged.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chain.judged[middle]!.part.from <= offset) low = middle + 1;
    else high = middle;
  }
  const part = chain.judged[low - 1]?.part;
  return part !== undefined && offset < part.to ? part : undefined;
}

function outcomeAt(part: LedgerPart, offset: number): 'written' | OtherOutcome {
  return part.outcomeRuns.find((run) => run.offset <= offset && offset <= run.last)?.outcome ?? 'written';
}

function runAt(part: LedgerPart, offset: number): VerdictRun | undefined {
  let low = 0;
  let high = part.runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (part.runs[middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  const run = part.runs[low - 1];
  return run !== undefined && offset <= run.last ? run : undefined;
}
