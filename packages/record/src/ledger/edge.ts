/** One topic and one station that reads it: both columns, partition by partition. */
import { addTo, nothing, sumOf } from './contents.ts';
import type { FindingList } from './findings.ts';
import type { GroupChain } from './live-chains.ts';
import type { PartitionMap } from './partition-map.ts';
import type { Edge, StationShape, TopicContents, Watermark } from './reconciliation.ts';

/** The right column of an edge. */
type Work = Pick<Edge, 'verdicts' | 'inFlight' | 'compacted' | 'expired' | 'beforeStart'>;

/**
 * The edge between a topic and a station that reads it.
 * @param replay it is the station's replay topic: what stands there was sent by an operator, and counts as claimed.
 */
export function edgeOf(
  topic: string,
  station: StationShape,
  replay: boolean,
  chains: PartitionMap<GroupChain> | undefined,
  contents: PartitionMap<TopicContents>,
  watermarks: PartitionMap<Watermark>,
  findings: FindingList,
): Edge {
  const edge: Edge = {
    topic,
    station: station.name,
    ...nothing(),
    verdicts: 0,
    inFlight: 0,
    compacted: 0,
    expired: 0,
    beforeStart: 0,
  };
  for (const [partition, watermark] of watermarks.of(topic)) {
    const found = contents.get(topic, partition) ?? nothing();
    const left = replay ? { ...found, claimed: found.claimed + found.foreign, foreign: 0 } : found;
    const right = workOf(chains?.get(topic, partition), watermark);
    addTo(edge, left);
    edge.verdicts += right.verdicts;
    edge.inFlight += right.inFlight;
    edge.compacted += right.compacted;
    edge.expired += right.expired;
    edge.beforeStart += right.beforeStart;
    const there = sumOf(left);
    const done = right.verdicts + right.inFlight + right.compacted + right.expired + right.beforeStart;
    // Whatever tore the columns apart has been found before, as a rule; this is the net under it.
    if (there !== done && !findings.touches(topic, partition)) {
      findings.add(
        station.name,
        topic,
        partition,
        0,
        watermark.high,
        `the edge does not add up, ${there} records and ${done} explained`,
        Math.abs(there - done),
      );
    }
  }
  for (const [partition, chain] of chains?.of(topic) ?? []) {
    if (watermarks.get(topic, partition) !== undefined || chain.judged.length === 0) continue;
    findings.add(station.name, topic, partition, chain.start, chain.end, 'judged, but the partition does not exist');
  }
  return edge;
}

function workOf(chain: GroupChain | undefined, { low, high }: Watermark): Work {
  const start = chain?.start ?? low;
  const work: Work = {
    verdicts: 0,
    inFlight: high - (chain?.end ?? low),
    compacted: 0,
    expired: 0,
    beforeStart: start,
  };
  for (const { part } of chain?.judged ?? []) {
    const span = part.to - part.from;
    if (part.kind === 'expired') {
      work.expired += span;
      continue;
    }
    const counted = part.pass + part.drop + part.reject;
    work.verdicts += counted;
    work.compacted += span - counted;
  }
  return work;
}
