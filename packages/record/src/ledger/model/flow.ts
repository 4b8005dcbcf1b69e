/** The model's flow: two extractors feed one topic, two stations another, two loaders read the last. */
import { deadLetterTopic, positionsTopic } from '../../names.ts';
import type { FlowShape, StationShape } from '../reconciliation.ts';
import { hash } from './rng.ts';
import type { Judged } from './world.ts';

export const FLOW = 'model';

/** @param copyFrom where the second loader begins. */
export const shapeOf = (copyFrom: 'earliest' | 'latest'): FlowShape => ({
  flow: FLOW,
  stations: [
    { name: 'read-a', kind: 'extractor', from: undefined, to: ['raw'] },
    { name: 'read-b', kind: 'extractor', from: undefined, to: ['raw'] },
    { name: 'split', kind: 'transformer', from: 'raw', to: ['good', 'odd'] },
    { name: 'again', kind: 'enricher', from: 'odd', to: ['good'] },
    { name: 'load', kind: 'loader', from: 'good', to: [] },
    { name: 'copy', kind: 'loader', from: 'good', to: [], start: copyFrom },
  ],
});

export const TOPICS: Readonly<Record<string, number>> = {
  [positionsTopic(FLOW, 'read-a')]: 2,
  [positionsTopic(FLOW, 'read-b')]: 1,
  raw: 2,
  odd: 1,
  good: 2,
  'dlq.raw': 1,
  'dlq.odd': 1,
  'dlq.good': 1,
};

/**
 * What a station says of a record: the same every time, as long as its rules are of the same version. A new version
 * judges some records otherwise, which is how strays come about.
 */
export function judge(station: StationShape, partition: number, offset: number, version: number): Judged {
  const mood = hash(
    station.name,
    partition,
    offset,
    hash(station.name, partition, offset, version) < 0.2 ? version : 0,
  );
  const place = (topic: string, i: number) => ({
    topic,
    partition: Math.floor(hash(topic, offset, i) * (TOPICS[topic] as number)),
  });
  if (mood < 0.1) return { verdict: 'drop', code: mood < 0.05 ? 'CANCELLED' : 'EMPTY', outputs: [] };
  if (mood < 0.25) {
    const letters = deadLetterTopic(station.from ?? (station.to[0] as string));
    return {
      verdict: 'reject',
      code: mood < 0.2 ? 'RULE_THREW' : 'LOOKUP_MISSING',
      outputs: [{ topic: letters, partition: 0 }],
    };
  }
  const count = station.kind === 'loader' ? 0 : mood < 0.3 ? 0 : mood < 0.85 ? 1 : 2 + (Math.floor(mood * 100) % 2);
  const outputs = Array.from({ length: count }, (_, i) =>
    place(station.to[(offset + i) % station.to.length] as string, i),
  );
  return { verdict: 'pass', code: '', outputs };
}
