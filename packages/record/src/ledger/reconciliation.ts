/** What goes into the ledger's fold, and what comes out. */
import type { PlacedEntry } from './chain.ts';

export type StationKind = 'extractor' | 'transformer' | 'enricher' | 'loader';

export interface StationShape {
  name: string;
  kind: StationKind;
  /** The input topic; undefined for an extractor, whose input is its positions topic. */
  from: string | undefined;
  /** The output topics; empty for a loader. */
  to: readonly string[];
  /** Where it begins when it is new; `earliest` unless said otherwise. What a station from `earliest` did not read was skipped. */
  start?: 'earliest' | 'latest';
  /** An extractor of a source that cannot be rewound: numbers of its raw items may be left out. */
  skips?: boolean;
}

export interface FlowShape {
  flow: string;
  stations: readonly StationShape[];
}

/** What a group has committed for a partition. Leave out partitions without a committed offset. */
export interface CommittedOffset {
  /** `<flow>.<station>`, see `stationGroup`. */
  group: string;
  topic: string;
  partition: number;
  offset: number;
  metadata: string | null;
}

/** `low`: the first offset in the log; `high`: the one that comes next. */
export interface Watermark {
  topic: string;
  partition: number;
  low: number;
  high: number;
}

/**
 * A picture of a flow. It need not be taken at one instant, the flow may go on working, but it must be taken in this
 * order: the ledger's ends; then the committed offsets; then the ledger, to its end by now; then the watermarks, the topics
 * at the end of the flow before those at its beginning. So every committed part is in the ledger, every claim below a
 * watermark, and every record's origin in its input.
 */
export interface FoldInput {
  shape: FlowShape;
  /** In the order of each ledger partition. Entries of other flows are welcome: they may claim in our topics. */
  entries: Iterable<PlacedEntry>;
  /**
   * The ledger's high watermark by partition, from before the committed offsets were read: parts from there on do not
   * show that a group without a position has lost it, it may just have begun. Without it all parts do.
   */
  ledgerEnds?: ReadonlyMap<number, number>;
  /** Of every group that has entries. */
  committed: readonly CommittedOffset[];
  /** Of all inputs, outputs and dead-letter topics; positions topics are not asked for. */
  watermarks: readonly Watermark[];
  /** Topics in which offsets may be missing: compacted ones, and those that others write in Kafka transactions. */
  sparse: ReadonlySet<string>;
}

/** `from` inclusive, `to` exclusive. */
export interface OffsetRange {
  topic: string;
  partition: number;
  from: number;
  to: number;
}

/** Something that does not add up. One finding, and the flow is not balanced. */
export interface Finding extends OffsetRange {
  station: string | null;
  /** How many records are in question, at least 1. */
  records: number;
  /** One sentence that names station, topic[partition] and offsets. */
  text: string;
}

/** What stands in a topic, by how it came there: every offset from 0 to the high watermark is exactly one of these. */
export interface TopicContents {
  /** Claimed by a live part: an output that counts. */
  claimed: number;
  /** Made from a record whose live verdict explains it, by an attempt that did not count. */
  duplicate: number;
  /** Made by an attempt that did not count from a record that in the end was judged otherwise. */
  stray: number;
  /** Not made by a station of ours. */
  foreign: number;
  /** Made from a record that has no live verdict yet. */
  provisional: number;
  /** Claimed by nobody, and no longer in the log, so that nobody can say what it was. */
  unreadable: number;
}

/** A topic and one station that reads it. The sum of the left column equals that of the right. */
export interface Edge extends TopicContents {
  topic: string;
  station: string;
  verdicts: number;
  /** From the station's position to the high watermark. */
  inFlight: number;
  /** In judged intervals, but no longer in the log when they were judged. */
  compacted: number;
  /** Gone before anybody judged them; an operator has accepted it. */
  expired: number;
  /** Before the station's first position. */
  beforeStart: number;
}

/** A topic that no station of the flow reads: dead letters, and results for others. `records`: the sum of its contents. */
export interface EndTopic extends TopicContents {
  topic: string;
  records: number;
}

/** Records that were sent to a station again, by verdict. Of a loader by outcome, as below. */
export interface ReplayTotals {
  received: number;
  passed?: number;
  dropped: number;
  rejected: number;
  written?: number;
  unchanged?: number;
  superseded?: number;
  conflicts?: number;
  /** Dry runs: judged, and nothing kept. */
  previewed: number;
  /** Waiting in the replay topic. */
  inFlight: number;
}

export interface StationTotals {
  kind: StationKind;
  /** Records of its input with a live verdict; what was replayed is counted below. */
  received: number;
  /** All but loaders. */
  passed?: number;
  dropped: number;
  rejected: number;
  /** Loaders: what became of the passes in the target. */
  written?: number;
  unchanged?: number;
  superseded?: number;
  conflicts?: number;
  /** Waiting in the input topic; 0 for an extractor, whose source is not Kafka's. */
  inFlight: number;
  replays: ReplayTotals;
  /** When the first and the last live entry were written, ms since the epoch; null before the first. */
  first: number | null;
  last: number | null;
}

export interface Reconciliation {
  /** Every edge and every station adds up: there are no findings. */
  balanced: boolean;
  /** Sum of the findings' records; 0 exactly when balanced. */
  unaccounted: number;
  /** Every station stands at the end of its input. */
  drained: boolean;
  /** Rows that a target could not decide; they do not unbalance, but the result is not clean. */
  conflicts: number;
  stations: Record<string, StationTotals>;
  /** Of every input, and of replay topics in which something stands: what operators have sent there counts as claimed. */
  edges: Edge[];
  ends: EndTopic[];
  /** The first thousand, in order of discovery. */
  findings: Finding[];
  /** Where strays stand: something downstream may have used them. */
  strays: OffsetRange[];
}
