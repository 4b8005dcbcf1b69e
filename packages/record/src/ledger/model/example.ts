/** Short forms for tests: parts, entries and pictures with only what matters in them. */
import { stationGroup } from '../../names.ts';
import type { PlacedEntry } from '../chain.ts';
import { formatMark, type LedgerPart, type LedgerRef } from '../entry.ts';
import type { CommittedOffset, FoldInput, StationShape } from '../reconciliation.ts';

export const FLOW = 'example';

export const STATIONS: StationShape[] = [
  { name: 'qualify', kind: 'transformer', from: 'raw', to: ['good'] },
  { name: 'load', kind: 'loader', from: 'good', to: [] },
];

/** A part of `qualify` in which everything passes, one to one, unless said otherwise. */
export function part(from: number, to: number, rest: Partial<LedgerPart> = {}): LedgerPart {
  const pass = rest.pass ?? to - from - (rest.drop ?? 0) - (rest.reject ?? 0);
  return {
    kind: 'work',
    topic: 'raw',
    partition: 0,
    from,
    to,
    commit: to,
    pass,
    drop: 0,
    reject: 0,
    outputs: rest.claims?.reduce((sum, { count }) => sum + count, 0) ?? 0,
    runs: [],
    claims: [],
    outcomes: null,
    outcomeRuns: [],
    prev: null,
    ...rest,
  };
}

export const good = (offset: number, count: number) => ({ topic: 'good', partition: 0, offset, count });

export const ref = (offset: number, index = 0): LedgerRef => ({ partition: 0, offset, part: index });

/** Entries of one part each, at ledger offsets 0, 1, 2, … */
export const entries = (station: string, ...parts: LedgerPart[]): PlacedEntry[] =>
  parts.map((each, offset) => ({
    partition: 0,
    offset,
    entry: { flow: FLOW, station, instance: `${station}-1`, at: 1_000 + offset, parts: [each] },
  }));

export const committed = (
  station: string,
  topic: string,
  offset: number,
  at: LedgerRef | null | undefined,
): CommittedOffset => ({
  group: stationGroup(FLOW, station),
  topic,
  partition: 0,
  offset,
  metadata: at === undefined ? '' : formatMark({ ref: at, attempts: 0 }),
});

export const picture = (of: Partial<FoldInput> & { ends?: Record<string, number> }): FoldInput => ({
  shape: { flow: FLOW, stations: STATIONS },
  entries: [],
  committed: [],
  watermarks: ['raw', 'good', 'dlq.raw', 'dlq.good'].map((topic) => ({
    topic,
    partition: 0,
    low: 0,
    high: of.ends?.[topic] ?? 0,
  })),
  sparse: new Set(),
  ...of,
});
