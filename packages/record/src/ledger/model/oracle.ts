/**
 * What is true, by god's eye: from the attempts and the records themselves, never from ledger entries, marks or claims.
 * Plain and slow on purpose, so that it can be believed.
 */
import { deadLetterTopic } from '../../names.ts';
import { inputTopic } from '../classify.ts';
import type { StationShape, TopicContents } from '../reconciliation.ts';
import { FLOW } from './flow.ts';
import type { Attempt, Judged, ModelRecord, World } from './world.ts';

/** What counts of one station on one input partition. */
export interface Truth {
  live: Set<Attempt>;
  verdicts: Map<number, { judged: Judged | 'expired'; attempt: Attempt }>;
  start: number;
  end: number;
  /** Records that nobody judged are, or will be, skipped: the flow must not be called balanced. */
  lost: boolean;
  /** Each live attempt goes on where the one before ended. */
  seamless: boolean;
}

export type What = 'claimed' | 'duplicate' | 'stray' | 'foreign' | 'provisional' | 'unreadable';

export class Oracle {
  readonly world: World;
  #truths = new Map<string, Truth>();

  constructor(world: World) {
    this.world = world;
    for (const station of world.shape.stations) {
      const topic = inputTopic(FLOW, station);
      for (const { partition } of world.logs.get(topic) ?? []) {
        this.#truths.set(`${station.name} ${partition}`, truthOf(world, station, topic, partition));
      }
    }
  }

  of(station: string, partition: number): Truth {
    return this.#truths.get(`${station} ${partition}`) as Truth;
  }

  get lost(): boolean {
    return [...this.#truths.values()].some((truth) => truth.lost);
  }

  /** What stands at this place of a topic. */
  what(record: ModelRecord): What {
    const { madeBy, topic, partition, offset } = record;
    if (madeBy?.counted.has(record) && this.of(madeBy.station, madeBy.partition).live.has(madeBy)) return 'claimed';
    if (record.gone || offset < this.world.log(topic, partition).low) return 'unreadable';
    if (madeBy === null || record.origin === null) return 'foreign';
    const truth = this.of(madeBy.station, madeBy.partition);
    const judged = truth.verdicts.get(record.origin.offset)?.judged;
    if (judged === undefined) return record.origin.offset < truth.start ? 'stray' : 'provisional';
    if (judged === 'expired') return 'stray';
    return judged.verdict === (topic.startsWith(deadLetterTopic('')) ? 'reject' : 'pass') ? 'duplicate' : 'stray';
  }

  contents(topic: string): TopicContents {
    const sum = { claimed: 0, duplicate: 0, stray: 0, foreign: 0, provisional: 0, unreadable: 0 };
    for (const log of this.world.logs.get(topic) ?? []) for (const record of log.records) sum[this.what(record)]++;
    return sum;
  }

  work(station: StationShape): {
    verdicts: number;
    inFlight: number;
    compacted: number;
    expired: number;
    beforeStart: number;
  } {
    const sum = { verdicts: 0, inFlight: 0, compacted: 0, expired: 0, beforeStart: 0 };
    for (const log of this.world.logs.get(inputTopic(FLOW, station)) ?? []) {
      const { verdicts, start, end } = this.of(station.name, log.partition);
      for (const { offset } of log.records) {
        const judged = verdicts.get(offset)?.judged;
        if (judged === 'expired') sum.expired++;
        else if (judged !== undefined) sum.verdicts++;
        else if (offset < start) sum.beforeStart++;
        else if (offset >= end) sum.inFlight++;
        else sum.compacted++;
      }
    }
    return sum;
  }
}

/**
 * Whether a defect has done harm that anybody could see: a position beyond what was judged, an interval that was not
 * judged record by record, or a record that counts and is not there.
 */
export function harmed(world: World): boolean {
  const oracle = new Oracle(world);
  return world.shape.stations.some((station) => {
    const topic = inputTopic(FLOW, station);
    return (world.logs.get(topic) ?? []).some(({ partition, records }) => {
      const truth = oracle.of(station.name, partition);
      const committed = world.group(station.name).commits.get(partition);
      if (station.from !== undefined && truth.end > records.length) return true;
      if (committed?.attempt && committed.offset !== committed.attempt.commit) return true;
      if (
        committed?.attempt === null &&
        station.start !== 'latest' &&
        committed.offset > 0 &&
        station.from !== undefined
      ) {
        if (committed.offset > world.log(station.from, partition).low) return true;
      }
      if (truth.live.size > 0 && !truth.seamless) return true;
      return [...truth.live].some((attempt) => world.damaged.has(attempt) || !isWhole(world, attempt));
    });
  });
}

/** Every output of its passes was acknowledged and is still there, and so is its ledger entry. */
function isWhole(world: World, attempt: Attempt): boolean {
  const outputs = [...attempt.verdicts.values()].reduce((sum, { outputs }) => sum + outputs.length, 0);
  if (attempt.counted.size !== outputs) return false;
  if (!world.ledger.some((written) => written?.attempts.includes(attempt))) return false;
  return [...attempt.counted].every(
    (record) => world.log(record.topic, record.partition).records[record.offset] === record,
  );
}

function truthOf(world: World, station: StationShape, topic: string, partition: number): Truth {
  const truth: Truth = { live: new Set(), verdicts: new Map(), start: 0, end: 0, lost: false, seamless: true };
  const low = station.from === undefined ? 0 : world.log(topic, partition).low;
  const committed = world.group(station.name).commits.get(partition);
  const written = world.written(station.name, topic, partition).map(({ attempt }) => attempt);
  truth.start = truth.end = committed?.offset ?? low;
  if (committed === undefined) {
    truth.lost = written.length > 0;
    return truth;
  }
  let tip = committed.attempt ?? null;
  if (committed.attempt === undefined) {
    const place = afterReset(written, committed.offset);
    truth.lost = place.lost;
    truth.start = truth.end = place.offset;
    tip = place.tip;
  }
  if (tip !== null) truth.end = tip.to;
  for (let at = tip; at !== null; at = at.before) {
    truth.live.add(at);
    if (at.before !== null && at.before.to !== at.from) truth.seamless = false;
    truth.start = at.from;
    for (const [offset, judged] of at.verdicts) truth.verdicts.set(offset, { judged, attempt: at });
    if (at.kind === 'expired') {
      for (let offset = at.from; offset < at.to; offset++)
        truth.verdicts.set(offset, { judged: 'expired', attempt: at });
    }
  }
  if (truth.end < low) truth.lost = true;
  return truth;
}

/** Another tool has set the position: which attempts count now? Those up to the one that ends nearest before it. */
function afterReset(
  written: readonly Attempt[],
  offset: number,
): { tip: Attempt | null; offset: number; lost: boolean } {
  if (written.length === 0) return { tip: null, offset, lost: false };
  const nearest = (among: readonly Attempt[]): Attempt | undefined =>
    among.findLast((attempt) => among.every((other) => other.commit <= attempt.commit));
  const furthest = nearest(written) as Attempt;
  if (furthest.commit < offset) return { tip: furthest, offset: furthest.to, lost: true };
  const tip = nearest(written.filter((attempt) => attempt.commit <= offset));
  if (tip !== undefined) return { tip, offset, lost: false };
  const begin = written
    .filter((attempt) => attempt.before === null && attempt.from <= offset)
    .map((attempt) => attempt.from);
  return { tip: null, offset: begin.length > 0 ? Math.max(...begin) : offset, lost: false };
}
