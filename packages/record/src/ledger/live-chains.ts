/** Which parts are live, of every group and input partition, and what is wrong with their chains. */
import { stationGroup } from '../names.ts';
import { type LiveChain, liveChain, type PlacedPart } from './chain.ts';
import { parseMark } from './entry.ts';
import type { FindingList } from './findings.ts';
import { getOrMake, PartitionMap } from './partition-map.ts';
import type { CommittedOffset, FoldInput, Watermark } from './reconciliation.ts';
import { type Resume, resume, retiredAt } from './resume.ts';
import type { Chain } from './verdict-at.ts';

/** A chain with all its parts, also those of empty intervals, which may claim outputs of timers. */
export interface GroupChain extends Chain {
  parts: readonly PlacedPart[];
}

/** Chains by group, then topic and partition. */
export type Chains = Map<string, PartitionMap<GroupChain>>;

interface Gathered {
  parts: PlacedPart[];
  committed: CommittedOffset | undefined;
}

export interface ChainExpectations {
  /** Group and input topic of each station: there is a chain for every partition, be it without parts. */
  inputs: readonly (readonly [string, string])[];
  /** Groups of this flow: parts of theirs without a committed offset are a finding. Of others without one, nothing counts. */
  ours(group: string): boolean;
  /** Whether the group must have begun where this input begins. */
  fromBeginning(group: string, topic: string): boolean;
}

export function liveChains(
  { entries, committed, ledgerEnds }: Pick<FoldInput, 'entries' | 'committed' | 'ledgerEnds'>,
  watermarks: PartitionMap<Watermark>,
  expected: ChainExpectations,
  findings: FindingList,
): Chains {
  const gathered = new Map<string, PartitionMap<Gathered>>();
  const at = (group: string, topic: string, partition: number): Gathered => {
    const inputs = getOrMake(gathered, group, () => new PartitionMap<Gathered>());
    return inputs.getOrMake(topic, partition, () => ({ parts: [], committed: undefined }));
  };
  for (const { partition, offset, entry } of entries) {
    const group = stationGroup(entry.flow, entry.station);
    entry.parts.forEach((part, i) => {
      at(group, part.topic, part.partition).parts.push({ ref: { partition, offset, part: i }, at: entry.at, part });
    });
  }
  for (const each of committed) at(stationOf(each.group), each.topic, each.partition).committed = each;

  for (const [group, topic] of expected.inputs)
    for (const [partition] of watermarks.of(topic)) at(group, topic, partition);

  const chains: Chains = new Map();
  for (const [group, inputs] of gathered) {
    const live = new PartitionMap<GroupChain>();
    chains.set(group, live);
    for (const [topic, partition, { parts, committed }] of inputs) {
      if (committed === undefined && !expected.ours(group) && retiredAt(parts) === undefined) continue;
      const watermark = watermarks.get(topic, partition);
      const known = ({ ref }: PlacedPart): boolean =>
        ref.offset < (ledgerEnds?.get(ref.partition) ?? Number.POSITIVE_INFINITY);
      const told = committed === undefined ? parts.filter(known) : parts;
      // What another flow has lost is that flow's to tell.
      const chain = chainOf(
        group,
        topic,
        partition,
        told,
        committed,
        watermark,
        expected.ours(group) ? findings : undefined,
      );
      live.getOrMake(topic, partition, () => chain);
      const low = watermark?.low ?? 0;
      if (chain.start > low && expected.fromBeginning(group, topic)) {
        const what = `skipped: the station reads from the beginning, but its first position is ${chain.start}`;
        findings.add(group, topic, partition, low, chain.start, what);
      }
    }
  }
  return chains;
}

/** A station's replay consumer commits under a group of its own; its parts are the station's. */
const stationOf = (group: string): string => group.replace(/\.replay$/, '');

function chainOf(
  group: string,
  topic: string,
  partition: number,
  parts: PlacedPart[],
  committed: CommittedOffset | undefined,
  watermark: Watermark | undefined,
  findings: FindingList | undefined,
): GroupChain {
  const low = watermark?.low;
  const mark = parseMark(committed?.metadata);
  const position = resume({ parts, committed: committed?.offset, mark, low });
  const report = (from: number, to: number, what: string): void =>
    findings?.add(group, topic, partition, from, to, what);

  if (position.kind === 'lost') report(position.from, position.to, LOST[position.reason]);
  if (position.kind === 'rewound' && mark !== undefined && committed !== undefined) {
    report(
      position.offset,
      committed.offset,
      `the committed position ${committed.offset} is not where the part ends that is named with it`,
    );
  }
  // Without a committed offset nothing counts: parts alone do not say which of them do.
  const tip =
    position.kind === 'begin' || (position.kind === 'lost' && position.reason === 'no position') ? null : position.prev;
  const chain = liveChain(parts, tip);
  reportBreaks(chain, report);
  const end = chain.parts.at(-1)?.part.to ?? endWithoutParts(position, low ?? 0);
  const start = chain.parts[0]?.part.from ?? end;
  if (watermark !== undefined && end > watermark.high) {
    report(
      watermark.high,
      end,
      `judged, but the topic ends at ${watermark.high}: the broker has lost acknowledged records`,
    );
  }
  return {
    group,
    topic,
    partition,
    start,
    end,
    parts: chain.parts,
    judged: chain.parts.filter(({ part }) => part.to > part.from),
  };
}

const LOST = {
  expired: 'deleted before anybody judged them (OFFSETS_LOST)',
  skipped: 'skipped: the committed position lies beyond everything that was judged (OFFSETS_LOST)',
  'no position': 'the ledger ends here, but the group has no committed position (OFFSETS_LOST)',
} as const;

/** Where a chain without parts goes on: everything before is before its start. */
function endWithoutParts(position: Resume, low: number): number {
  if (position.kind === 'begin') return low;
  if (position.kind === 'lost') return position.reason === 'no position' ? low : position.from;
  return position.offset;
}

function reportBreaks(chain: LiveChain, report: (from: number, to: number, what: string) => void): void {
  for (const broken of chain.breaks) {
    if (broken.kind === 'gap') report(broken.from, broken.to, 'judged by nobody, the chain of parts has a gap');
    else if (broken.kind === 'overlap') report(broken.from, broken.to, 'judged twice, parts of the chain overlap');
    else {
      const { partition, offset, part } = broken.ref;
      report(
        0,
        broken.to,
        `a part of the chain is not in the ledger (partition ${partition}, offset ${offset}, part ${part})`,
      );
    }
  }
}
