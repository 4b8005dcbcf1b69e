/**
 * The ledger's fold: from entries, committed offsets and watermarks to a reconciliation. Pure. Two steps, because some
 * records must be read in between: those that no live part claims, and only those.
 *
 *     const fold = foldLedger(picture);
 *     for (const range of fold.unclaimed) for each record of range: fold.read(topic, partition, offset, origin);
 *     const { balanced, edges, stations, findings } = fold.reconcile();
 *
 * docs/explanation/ledger.md says why this is exact.
 */
import { POSITIONS, replayTopic, stationGroup } from '../names.ts';
import type { PlacedPart } from './chain.ts';
import { ClaimIndex } from './claims.ts';
import { Classifier, deadLetterTopics, inputTopic, type RecordOrigin } from './classify.ts';
import { addTo, nothing, type Origin, PartitionContents, sumOf } from './contents.ts';
import { edgeOf } from './edge.ts';
import type { LedgerPart } from './entry.ts';
import { FindingList } from './findings.ts';
import { liveChains } from './live-chains.ts';
import { checkPart } from './part-checks.ts';
import { PartitionMap } from './partition-map.ts';
import type {
  Edge,
  EndTopic,
  FoldInput,
  OffsetRange,
  Reconciliation,
  StationTotals,
  TopicContents,
  Watermark,
} from './reconciliation.ts';
import { StationTally } from './tally.ts';
import { type RecordVerdict, verdictAt } from './verdict-at.ts';

export interface LedgerFold {
  /** What must be read, by topic and partition, in rising order. */
  readonly unclaimed: readonly OffsetRange[];
  /**
   * Takes one record of `unclaimed`, in rising order of a partition, and says what it is. What does not come is taken
   * as gone from the log. A record that comes twice or out of order is not counted: undefined.
   *
   * Claimed records need not be read. Where they are (an audit), it is checked that they are what was claimed: it shows
   * when a broker has lost acknowledged records and filled their offsets with others.
   * @param origin null when the record does not carry our headers.
   */
  read(topic: string, partition: number, offset: number, origin: RecordOrigin | null): Origin | 'claimed' | undefined;
  /** The sums, once everything unclaimed has been read. */
  reconcile(): Reconciliation;
  /** The live verdict of a station on one record of its input, or of its replay topic. */
  verdictAt(station: string, topic: string, partition: number, offset: number): RecordVerdict;
  /** The live part that claims an output or dead letter, and its group; undefined when none does. */
  claimantOf(topic: string, partition: number, offset: number): { group: string; at: PlacedPart } | undefined;
}

/** Works in n log n of the parts: a million take seconds. */
export function foldLedger(input: FoldInput): LedgerFold {
  const { shape, sparse } = input;
  const findings = new FindingList();
  const watermarks = new PartitionMap<Watermark>();
  for (const each of input.watermarks) watermarks.getOrMake(each.topic, each.partition, () => each);
  const stations = new Map(shape.stations.map((station) => [stationGroup(shape.flow, station.name), station]));
  const ours = (group: string): boolean => group.startsWith(`${shape.flow}.`);
  const fromBeginning = (group: string, topic: string): boolean => {
    const station = stations.get(group);
    if (station === undefined) return false;
    if (replayTopic(shape.flow, station.name) === topic) return true;
    return station.start !== 'latest' && inputTopic(shape.flow, station) === topic;
  };
  const inputs = [...stations].flatMap(
    ([group, station]) =>
      [
        [group, inputTopic(shape.flow, station)],
        [group, replayTopic(shape.flow, station.name)],
      ] as const,
  );
  const chains = liveChains(input, watermarks, { inputs, ours, fromBeginning }, findings);

  const claims = new ClaimIndex();
  const tallies = new Map<string, StationTally>();
  for (const [group, inputs] of chains) {
    const station = stations.get(group);
    const tally = new StationTally();
    tallies.set(group, tally);
    for (const [topic, , chain] of inputs) {
      // Of a station that is no longer in the flow nobody knows whether it left out numbers.
      const skips = topic.startsWith(POSITIONS) && (station === undefined || station.skips === true);
      const context = { station: group, kind: station?.kind, sparse: skips || sparse.has(topic) };
      for (const at of chain.parts) {
        claims.add(group, at);
        tally.add(at, station !== undefined && topic === replayTopic(shape.flow, station.name));
        if (ours(group)) checkPart(at.part, context, findings);
      }
    }
  }
  claims.sort(findings);

  const produced = new Set([
    ...claims.topics(),
    ...shape.stations.flatMap((each) => [...each.to, ...deadLetterTopics(each)]),
  ]);
  const contents = new PartitionMap<PartitionContents>();
  for (const [topic, partition, watermark] of watermarks) {
    contents.getOrMake(topic, partition, () => new PartitionContents(watermark, claims, produced.has(topic), findings));
  }
  reportTopicsGone(claims, watermarks, shape, findings);
  const classifier = new Classifier(shape, chains);
  let result: Reconciliation | undefined;

  return {
    unclaimed: [...contents].flatMap(([, , each]) => each.unclaimed),

    read(topic, partition, offset, origin) {
      const at = contents.get(topic, partition);
      if (at === undefined) return undefined;
      if (!at.expects(offset)) {
        const claimant = claims.find(topic, partition, offset);
        if (claimant === undefined) return undefined;
        if (!madeFrom(claimant.at.part, origin)) {
          findings.add(
            null,
            topic,
            partition,
            offset,
            offset + 1,
            `claimed by ${claimant.group}, but another record stands there`,
          );
        }
        return 'claimed';
      }
      const found = classifier.classify(topic, origin);
      at.count(offset, found);
      const end = origin === null ? undefined : watermarks.get(origin.topic, origin.partition)?.high;
      if (found === 'provisional' && end !== undefined && origin !== null && origin.offset >= end) {
        findings.add(
          null,
          topic,
          partition,
          offset,
          offset + 1,
          `made from ${origin.topic}[${origin.partition}]@${origin.offset}, but that topic ends at ${end}: the broker has lost acknowledged records`,
        );
      }
      return found;
    },

    reconcile() {
      if (result !== undefined) return result;
      const finished = new PartitionMap<TopicContents>();
      const strays: OffsetRange[] = [];
      for (const [topic, partition, each] of contents) {
        finished.getOrMake(topic, partition, () => each.finish(sparse.has(topic), findings));
        for (const stray of each.strays) strays.push(stray);
      }
      const edges: Edge[] = [];
      const again: Edge[] = [];
      const totals: Record<string, StationTotals> = {};
      for (const [group, station] of stations) {
        const edge = (topic: string, replay: boolean): Edge =>
          edgeOf(topic, station, replay, chains.get(group), finished, watermarks, findings);
        // What an extractor reads is not in Kafka.
        const input = station.from === undefined ? undefined : edge(station.from, false);
        if (input !== undefined) edges.push(input);
        const replays = edge(replayTopic(shape.flow, station.name), true);
        if (replays.claimed > 0) again.push(replays);
        const tally = tallies.get(group) ?? new StationTally();
        totals[station.name] = tally.totals(station.kind, input?.inFlight ?? 0, replays.inFlight);
      }
      edges.push(...again);
      const readByUs = new Set(shape.stations.map((station) => inputTopic(shape.flow, station)));
      const ends = [...produced]
        .filter((topic) => !readByUs.has(topic) && isOf(shape, topic))
        .map((topic) => endOf(topic, finished));
      result = {
        balanced: findings.records === 0,
        unaccounted: findings.records,
        drained: edges.every((edge) => edge.inFlight === 0 && edge.provisional === 0),
        conflicts: Object.values(totals).reduce(
          (sum, { conflicts = 0, replays }) => sum + conflicts + (replays.conflicts ?? 0),
          0,
        ),
        stations: totals,
        edges,
        ends,
        findings: findings.listed,
        strays,
      };
      return result;
    },

    verdictAt: (station, topic, partition, offset) =>
      verdictAt(chains.get(stationGroup(shape.flow, station))?.get(topic, partition), offset),

    claimantOf: (topic, partition, offset) => claims.find(topic, partition, offset),
  };
}

const madeFrom = (part: LedgerPart, origin: RecordOrigin | null): boolean =>
  origin !== null &&
  origin.topic === part.topic &&
  origin.partition === part.partition &&
  origin.offset >= part.from &&
  origin.offset < part.to;

const isOf = (shape: FoldInput['shape'], topic: string): boolean =>
  shape.stations.some((station) => station.to.includes(topic) || deadLetterTopics(station).includes(topic));

function endOf(topic: string, finished: PartitionMap<TopicContents>): EndTopic {
  const end: EndTopic = { topic, ...nothing(), records: 0 };
  for (const [, each] of finished.of(topic)) addTo(end, each);
  end.records = sumOf(end);
  return end;
}

/** Claims on partitions that no longer exist; what other flows claim elsewhere is theirs to reconcile. */
function reportTopicsGone(
  claims: ClaimIndex,
  watermarks: PartitionMap<Watermark>,
  shape: FoldInput['shape'],
  findings: FindingList,
): void {
  for (const [topic, partition, first, last, count] of claims.extents()) {
    if (watermarks.get(topic, partition) !== undefined || !isOf(shape, topic)) continue;
    findings.add(null, topic, partition, first, last, 'claimed, but the partition does not exist', count);
  }
}
