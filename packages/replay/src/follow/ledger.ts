/** Takes in the ledger: every part of every entry, not live until the commit that ends its chain says so. */
import type { LedgerEntry, LedgerPart } from '@quadrille/record';
import type { Tx } from '../db/database.ts';
import type { LivePart } from '../model.ts';

/** Idempotent. `entries` of one ledger partition, in order. */
export async function takeEntries(
  tx: Tx,
  entries: readonly { partition: number; offset: number; entry: LedgerEntry }[],
): Promise<void> {
  const rows = entries.flatMap(({ partition, offset, entry: { flow, station, instance, at, parts } }) =>
    parts.map((part, index) => ({
      ledger_partition: partition,
      ledger_offset: offset,
      part: index,
      flow,
      station,
      instance,
      at: new Date(at).toISOString(),
      kind: part.kind,
      topic: part.topic,
      partition: part.partition,
      from_offset: part.from,
      to_offset: part.to,
      commit_offset: part.commit,
      pass: part.pass,
      dropped: part.drop,
      rejected: part.reject,
      outputs: part.outputs,
      runs: part.runs,
      claims: part.claims,
      outcomes: part.outcomes,
      outcome_runs: part.outcomeRuns,
      prev_partition: part.prev?.partition ?? null,
      prev_offset: part.prev?.offset ?? null,
      prev_part: part.prev?.part ?? null,
    })),
  );
  if (rows.length > 0) await tx.query(INSERT, [JSON.stringify(rows)]);
}

const NAMES = `ledger_partition, ledger_offset, part, flow, station, instance, at, kind, topic, partition, from_offset,
  to_offset, commit_offset, pass, dropped, rejected, outputs, runs, claims, outcomes, outcome_runs, prev_partition,
  prev_offset, prev_part`;
const INSERT = `
INSERT INTO ledger_part (${NAMES})
SELECT ${NAMES} FROM jsonb_to_recordset($1::jsonb) AS r(
  ledger_partition integer, ledger_offset bigint, part integer, flow text, station text, instance text, at timestamptz,
  kind text, topic text, partition integer, from_offset bigint, to_offset bigint, commit_offset bigint, pass bigint,
  dropped bigint, rejected bigint, outputs bigint, runs jsonb, claims jsonb, outcomes jsonb, outcome_runs jsonb,
  prev_partition integer, prev_offset bigint, prev_part integer)
ON CONFLICT DO NOTHING`;

/** A row of `ledger_part`. */
export interface PartRow {
  ledger_partition: number;
  ledger_offset: number;
  part: number;
  flow: string;
  station: string;
  at: Date;
  kind: LedgerPart['kind'];
  topic: string;
  partition: number;
  from_offset: number;
  to_offset: number;
  commit_offset: number;
  pass: number;
  dropped: number;
  rejected: number;
  outputs: number;
  runs: LedgerPart['runs'];
  claims: LedgerPart['claims'];
  outcomes: LedgerPart['outcomes'];
  outcome_runs: LedgerPart['outcomeRuns'];
  prev_partition: number | null;
  prev_offset: number | null;
  prev_part: number | null;
  live: boolean;
}

export const livePartOf = (row: PartRow): LivePart => ({
  flow: row.flow,
  station: row.station,
  at: row.at.getTime(),
  ref: { partition: row.ledger_partition, offset: row.ledger_offset, part: row.part },
  part: {
    kind: row.kind,
    topic: row.topic,
    partition: row.partition,
    from: row.from_offset,
    to: row.to_offset,
    commit: row.commit_offset,
    pass: row.pass,
    drop: row.dropped,
    reject: row.rejected,
    outputs: row.outputs,
    runs: row.runs,
    claims: row.claims,
    outcomes: row.outcomes,
    outcomeRuns: row.outcome_runs,
    prev:
      row.prev_offset === null
        ? null
        : { partition: row.prev_partition!, offset: row.prev_offset, part: row.prev_part! },
  },
});
