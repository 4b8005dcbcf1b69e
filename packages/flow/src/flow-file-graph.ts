/** What is wrong with how the stations of a flow file are joined: topics that nobody writes or reads, circles. */
import type { FaultCode } from '@quadrille/record';
import { type Flow, outputTopicsOf, type StationSpec } from './flow.ts';
import type { FlowDocument, Path } from './flow-file-document.ts';
import { helpFor } from './flow-file-problem.ts';

/** Tells a problem. `station`: whose it is; `graph`: it lies in how stations are joined, and does not concern one that runs. */
export type Say = (
  station: string | undefined,
  path: Path,
  detail: string,
  help?: string,
  more?: { graph?: boolean; code?: FaultCode; of?: 'key' | 'value' },
) => void;

export function checkTopics({ name, topics, stations }: Flow, document: FlowDocument, say: Say): void {
  // Its stations would have the groups and users of the engine's own services.
  if (name === 'quadrille') say(undefined, ['flow'], 'no flow may be called `quadrille`', 'choose another name');
  for (const topic of topics.values()) {
    if (topic.writers.length > 0 || topic.external) continue;
    const written = [...topics.values()].filter((other) => other.writers.length > 0).map((other) => other.name);
    for (const reader of topic.readers) {
      say(
        reader,
        topicPath({ stations }, reader, topic.name),
        `nobody writes topic \`${topic.name}\``,
        helpFor(topic.name, written),
        { graph: true },
      );
    }
  }
  for (const name of Object.keys((document.json?.topics ?? {}) as object)) {
    if (!topics.has(name))
      say(undefined, ['topics', name], `no station reads or writes topic \`${name}\``, helpFor(name, topics.keys()), {
        graph: true,
        of: 'key',
      });
  }
}

/** Where a station names a topic. */
export function topicPath({ stations }: Pick<Flow, 'stations'>, name: string, topic: string): Path {
  const station = stations.get(name) as StationSpec;
  if (station.kind !== 'extractor' && station.from === topic) return ['stations', name, 'from'];
  const lookup =
    station.kind === 'enricher' ? station.lookups.find((candidate) => candidate.topic === topic) : undefined;
  if (lookup !== undefined) return ['stations', name, 'enricher', lookup.name, 'topic'];
  const outputs = outputTopicsOf(station);
  return ['stations', name, 'to', ...(outputs.length > 1 ? [outputs.indexOf(topic)] : [])];
}

/** A record that could come back to where it was would never come to rest. */
export function checkCircles({ stations, topics }: Flow, say: Say): void {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, trail: readonly string[]): void => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open') {
      const loop = [...trail.slice(trail.indexOf(name)), name];
      say(
        name,
        ['stations', name],
        `stations form a circle: ${loop.join(' → ')}`,
        'let one of them write another topic',
        { graph: true, of: 'key' },
      );
      return;
    }
    state.set(name, 'open');
    for (const topic of outputTopicsOf(stations.get(name) as StationSpec))
      for (const next of topics.get(topic)?.readers ?? []) visit(next, [...trail, name]);
    state.set(name, 'done');
  };
  for (const name of stations.keys()) visit(name, []);
}
