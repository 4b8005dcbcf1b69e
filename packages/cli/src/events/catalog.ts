/** The events of a flow as others are told of them: each topic with its schema, who answers for it, who writes and reads it. */
import { createHash } from 'node:crypto';
import {
  type Field,
  type Flow,
  inputsOf,
  outputTopicsOf,
  referenceTopicsOf,
  SENSITIVITIES,
  type SensitivityLevel,
  type StationSpec,
  type TopicSchema,
  type TopicSpec,
} from '@quadrille/flow';
import { deadLetterTopic, stationGroup } from '@quadrille/record';

export interface CatalogEvent {
  topic: TopicSpec;
  schema: TopicSchema;
  /** The schema as it stands in its file. */
  json: Record<string, unknown>;
  /** Name of the record, with its namespace. */
  name: string;
  /** The highest of its fields; undefined where none is said. */
  sensitivity: SensitivityLevel | undefined;
  /** Where records go that a station cannot use; undefined where none is made. */
  deadLetters: string | undefined;
}

/** How a station uses a topic. `lookup`: reads it whole, and joins it. */
export interface Use {
  station: StationSpec;
  topic: string;
  action: 'send' | 'receive' | 'lookup';
}

export interface Catalog {
  flow: Flow;
  /** In the order in which the flow names them. */
  events: readonly CatalogEvent[];
  /** In the order of stations; of each what it reads, then what it writes. */
  uses: readonly Use[];
  /** Topics of dead letters, with the stations that write them. */
  deadLetters: ReadonlyMap<string, readonly StationSpec[]>;
  /** Changes whenever an event does. */
  version: string;
}

export function catalogOf(flow: Flow, schemas: ReadonlyMap<string, TopicSchema>): Catalog {
  const stations = [...flow.stations.values()];
  const deadLetters = new Map<string, StationSpec[]>();
  for (const station of stations) {
    const topic = deadLetterTopic(judgedTopic(station));
    deadLetters.set(topic, [...(deadLetters.get(topic) ?? []), station]);
  }
  const digest = createHash('sha256');
  const events = [...flow.topics.values()].map((topic): CatalogEvent => {
    const schema = schemas.get(topic.name) as TopicSchema;
    digest.update(`${topic.name}\n${schema.text}\n`);
    const json = JSON.parse(schema.text) as Record<string, unknown>;
    const dlq = deadLetterTopic(topic.name);
    return {
      topic,
      schema,
      json,
      name: [json.namespace, json.name].filter((part) => part !== undefined).join('.'),
      sensitivity: highest(schema.fields),
      deadLetters: deadLetters.has(dlq) ? dlq : undefined,
    };
  });
  return { flow, events, uses: stations.flatMap(usesOf), deadLetters, version: digest.digest('hex').slice(0, 12) };
}

function usesOf(station: StationSpec): Use[] {
  const [input] = inputsOf(station);
  const lookups = station.kind === 'enricher' ? new Set(referenceTopicsOf(station)) : [];
  return [
    ...(input === undefined ? [] : [{ station, topic: input, action: 'receive' as const }]),
    ...[...lookups].map((topic) => ({ station, topic, action: 'lookup' as const })),
    ...outputTopicsOf(station).map((topic) => ({ station, topic, action: 'send' as const })),
  ];
}

/** What a station judges: what it reads, or what it makes of a source. */
const judgedTopic = (station: StationSpec): string => (station.kind === 'extractor' ? station.to : station.from);

/** The group that a station reads with; of lookups the beginning of a name, since each process reads all of them. */
export const groupOf = (flow: Flow, { station, action }: Use): string =>
  action === 'lookup' ? `${stationGroup(flow.name, station.name)}.lookups.` : stationGroup(flow.name, station.name);

function highest(fields: readonly Field[]): SensitivityLevel | undefined {
  const levels = fields.flatMap(({ sensitivity }) => sensitivity ?? []);
  return SENSITIVITIES.findLast((level) => levels.includes(level));
}
