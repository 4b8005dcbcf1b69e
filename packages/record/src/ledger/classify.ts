/** What an unclaimed record is, by the live verdict on the record that it was made from. */
import { deadLetterTopic, positionsTopic, replayTopic, stationGroup } from '../names.ts';
import type { Origin } from './contents.ts';
import type { Chains } from './live-chains.ts';
import { getOrMake, type PartitionMap } from './partition-map.ts';
import type { FlowShape, StationShape } from './reconciliation.ts';
import { type Chain, verdictWord } from './verdict-at.ts';

/**
 * Where a record says it comes from. Of data: `from` of its packed header. Of a dead letter: the headers
 * `__dlq.errors.topic|partition|offset|group`, since its packed header is still that of the record it keeps.
 */
export interface RecordOrigin {
  topic: string;
  partition: number;
  offset: number;
  /** Of a dead letter, the group that rejected. A data record does not say who made it. */
  group?: string;
}

/** The topic that a station's parts name as input. */
export const inputTopic = (flow: string, station: StationShape): string =>
  station.from ?? positionsTopic(flow, station.name);

/** Where a station's dead letters go: of its input; of an extractor, which has none in Kafka, of its outputs. */
export const deadLetterTopics = (station: StationShape): string[] =>
  (station.from === undefined ? station.to : [station.from]).map(deadLetterTopic);

type Candidate = PartitionMap<Chain> | undefined;

export class Classifier {
  #shape: FlowShape;
  #chains: Chains;
  #deadLetters: Set<string>;
  /** By output topic, then input topic (and group): the stations that can have made a record of one from the other. */
  #candidates = new Map<string, Map<string, Candidate[]>>();

  constructor(shape: FlowShape, chains: Chains) {
    this.#shape = shape;
    this.#chains = chains;
    this.#deadLetters = new Set(shape.stations.flatMap(deadLetterTopics));
  }

  /**
   * The verdict that explains an output is `pass`, that of a dead letter `reject`. Where two stations make records of
   * one topic from records of one topic, the header does not say which it was: one that explains it is enough.
   */
  classify(topic: string, origin: RecordOrigin | null): Origin {
    if (origin === null) return 'foreign';
    const candidates = this.#candidatesOf(topic, origin);
    if (candidates.length === 0) return 'foreign';
    const explains = this.#deadLetters.has(topic) ? 'reject' : 'pass';
    let waiting = false;
    for (const chains of candidates) {
      const verdict = verdictWord(chains?.get(origin.topic, origin.partition), origin.offset);
      if (verdict === explains) return 'duplicate';
      if (verdict === 'waiting') waiting = true;
    }
    return waiting ? 'provisional' : 'stray';
  }

  #candidatesOf(topic: string, { topic: input, group }: RecordOrigin): Candidate[] {
    const byInput = getOrMake(this.#candidates, topic, () => new Map<string, Candidate[]>());
    const deadLetter = this.#deadLetters.has(topic);
    const key = deadLetter && group !== undefined ? `${input} ${group}` : input;
    return getOrMake(byInput, key, () => this.#find(topic, input, deadLetter ? group : undefined));
  }

  #find(topic: string, input: string, by: string | undefined): Candidate[] {
    const { flow, stations } = this.#shape;
    const found: Candidate[] = [];
    const known = new Set<string>();
    for (const station of stations) {
      const group = stationGroup(flow, station.name);
      known.add(group);
      if (by !== undefined && by !== group) continue;
      const makes = station.to.includes(topic) || deadLetterTopics(station).includes(topic);
      if (makes && (inputTopic(flow, station) === input || replayTopic(flow, station.name) === input))
        found.push(this.#chains.get(group));
    }
    // Stations of other flows, and those that were taken out of this one, have left chains.
    for (const [group, chains] of this.#chains) {
      if (!known.has(group) && (by === undefined || by === group) && !chains.of(input).next().done) found.push(chains);
    }
    return found;
  }
}
