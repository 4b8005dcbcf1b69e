/** What must hold within one live part, whatever the others say. */
import type { LedgerPart } from './entry.ts';
import type { FindingList } from './findings.ts';
import type { StationKind } from './reconciliation.ts';

export interface PartContext {
  station: string;
  /** undefined: a station that is no longer in the flow. */
  kind: StationKind | undefined;
  /** Whether offsets may be missing in the input topic. */
  sparse: boolean;
}

/** Adds a finding for each thing that does not hold. */
export function checkPart(part: LedgerPart, { station, kind, sparse }: PartContext, findings: FindingList): void {
  const { topic, partition, from, to } = part;
  const report = (what: string, records: number): void =>
    findings.add(station, topic, partition, from, to, what, records);
  if (to < from) report(`the part ends before it begins (${from} to ${to})`, from - to);
  if (kind !== undefined && kind !== 'extractor' && part.commit !== to) {
    report(`committed as ${part.commit}, although the part ends at ${to}`, Math.abs(part.commit - to));
  }
  const counted = part.pass + part.drop + part.reject;
  if (part.kind !== 'work') {
    if (counted + part.outputs + part.claims.length > 0) report(`${part.kind} and judged at once`, counted);
    if (part.kind === 'retired' && from !== to)
      report('a part that says that its station was removed covers nothing', to - from);
    return;
  }
  const span = to - from;
  if (counted > span) report(`${counted} verdicts for ${span} records`, counted - span);
  if (counted < span && !sparse)
    report(
      `${counted} verdicts for ${span} records, and nothing compacts the topic: ${span - counted} skipped`,
      span - counted,
    );
  checkRuns(part, report);
  let claimed = 0;
  for (const claim of part.claims) claimed += claim.count;
  if (claimed !== part.outputs)
    report(`${part.outputs} outputs of passes and ${claimed} claims`, Math.abs(part.outputs - claimed));
  if (part.outcomes !== null) {
    const { written, unchanged, superseded, conflicts } = part.outcomes;
    const told = written + unchanged + superseded + conflicts;
    if (told !== part.pass)
      report(`${part.pass} passes and ${told} outcomes in the target`, Math.abs(part.pass - told));
  } else if (kind === 'loader') {
    report(`${part.pass} passes and no outcomes in the target`, part.pass);
  }
}

function checkRuns(part: LedgerPart, report: (what: string, records: number) => void): void {
  let drops = 0;
  let rejects = 0;
  let next = part.from;
  for (const run of part.runs) {
    if (run.offset < next || run.last < run.offset || run.last >= part.to || run.count > run.last - run.offset + 1) {
      report(`a run of verdicts is out of place (${run.offset}-${run.last}, ${run.count} records)`, run.count);
    }
    next = run.last + 1;
    if (run.verdict === 'drop') drops += run.count;
    else rejects += run.count;
    if (run.verdict === 'reject' && run.deadLetter === null)
      report(`${run.count} rejects without a dead letter`, run.count);
  }
  if (drops !== part.drop) report(`${part.drop} drops, and runs of ${drops}`, Math.abs(drops - part.drop));
  if (rejects !== part.reject)
    report(`${part.reject} rejects, and runs of ${rejects}`, Math.abs(rejects - part.reject));
}
