/** What a station reaches outside of Kafka: variables that its sources, lookups and targets name, ports, connections. */
import { type ConfigSchema, lookupTypes, type StationSpec, sourceTypes, targetTypes } from '@quadrille/flow';

interface Outside {
  type: string;
  config: Readonly<Record<string, unknown>>;
  schema: ConfigSchema | undefined;
}

function outsideOf(station: StationSpec): Outside[] {
  if (station.kind === 'extractor') return [{ ...station.source, schema: sourceTypes[station.source.type]?.config }];
  if (station.kind === 'loader') return [{ ...station.target, schema: targetTypes[station.target.type]?.config }];
  if (station.kind !== 'enricher') return [];
  return station.lookups.flatMap((lookup) =>
    lookup.topic === undefined
      ? [{ type: lookup.type, config: lookup.config, schema: lookupTypes[lookup.type]?.config }]
      : [],
  );
}

/** How the schemas of sources, lookups and targets say that a value is the name of a variable of the environment. */
const VARIABLE = '^[A-Za-z_][A-Za-z0-9_]*$';

/**
 * Names of variables that a station needs, defaults included, each once. Their values are secrets: addresses hold
 * passwords.
 */
export const variablesOf = (station: StationSpec): string[] => [
  ...new Set(outsideOf(station).flatMap(({ config, schema }) => named(config, schema as Schema | undefined))),
];

interface Schema {
  pattern?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
}

function named(value: unknown, schema: Schema | undefined): string[] {
  if (schema === undefined) return [];
  if (schema.pattern === VARIABLE) {
    const name = value ?? schema.default;
    return typeof name === 'string' ? [name] : [];
  }
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  const known = schema.properties ?? {};
  const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return [
    // A default counts where what it is in is there: the configuration itself always is.
    ...(fields === undefined ? [] : Object.entries(known).flatMap(([name, each]) => named(fields[name], each))),
    ...Object.entries(fields ?? {}).flatMap(([name, each]) => (name in known ? [] : named(each, rest))),
  ];
}

/** Where others call a station; undefined: nobody does. */
export const listensOf = (station: StationSpec): { port: number; variable: string } | undefined =>
  station.kind === 'extractor' ? sourceTypes[station.source.type]?.listens?.(station.source.config) : undefined;

/** Ports by type. Any other is reached by HTTPS, but for files. */
const POSTGRESQL = [5432];
const PORTS: Readonly<Record<string, readonly number[]>> = {
  postgres: POSTGRESQL,
  'postgres-cursor': POSTGRESQL,
  'postgres-outbox': POSTGRESQL,
  'postgres-replication': POSTGRESQL,
};
const HTTPS = [443];

/** Files: they have a path, and no address. */
const isOfFiles = ({ config, schema }: Outside): boolean =>
  schema?.properties.path !== undefined && named(config, schema as Schema).length === 0;

/** TCP ports at any address, each once, in order. */
export function outsidePorts(station: StationSpec): number[] {
  if (listensOf(station) !== undefined) return [];
  const ports = outsideOf(station).flatMap((each) => PORTS[each.type] ?? (isOfFiles(each) ? [] : HTTPS));
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** Patterns of the files that an extractor reads. */
export const filePatternsOf = (station: StationSpec): string[] =>
  station.kind !== 'extractor'
    ? []
    : outsideOf(station)
        .filter(isOfFiles)
        .flatMap(({ config }) => [config.path].flat())
        .filter((path) => typeof path === 'string');

/** Connections that one instance opens in its database or to its server, by its own or its type's default; 0: none. */
export const connectionsOf = (station: StationSpec): number =>
  outsideOf(station).reduce((sum, { config, schema }) => {
    const connections = config.connections ?? schema?.properties.connections?.default;
    return sum + (typeof connections === 'number' ? connections : 0);
  }, 0);
