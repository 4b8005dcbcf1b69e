/** A flow as its file declares it, read and checked: what a station is told about itself. */
import type { AskedLookupConfig, LookupConfig } from './lookup.ts';
import type { StatefulSpec } from './stateful/spec.ts';

export type StationKind = 'extractor' | 'transformer' | 'enricher' | 'loader';

/** A flow file without faults. */
export interface Flow {
  /** Its name; the first part of topics, groups and station names of others. */
  name: string;
  /** Folder of the flow file, absolute; relative paths in the file start there. */
  folder: string;
  /** The flow file, absolute. */
  file: string;
  /** Folder of the schemas, absolute: the nearest folder `schemas` at or above the flow's own. */
  schemas: string;
  /** File of what stands around the flow, absolute (outside.ts); undefined: nothing does. */
  outside: string | undefined;
  /** In the order of the file. */
  stations: ReadonlyMap<string, StationSpec>;
  /** Every data topic that a station of this flow reads or writes. */
  topics: ReadonlyMap<string, TopicSpec>;
}

export interface TopicSpec {
  name: string;
  /** Default 4. */
  partitions: number;
  /** Keep only the newest record of a key: reference topics. Default false. */
  compacted: boolean;
  /** The topic's max.message.bytes, where it differs from the broker's. */
  maxBytes: number | undefined;
  /** Written by another system or flow; nobody here needs to produce it. */
  external: boolean;
  /** The stations of this flow that write it and read it (lookups count as reading). */
  writers: readonly string[];
  readers: readonly string[];
}

/** What every station has. */
interface StationBase {
  name: string;
  /** Line of its entry in the flow file, from 1. */
  line: number;
  /** `flows/x/flow.yaml:12:3`, how its place stands in messages. */
  place: string;
  /** Where it begins on a topic it has never read. Default earliest. */
  start: 'earliest' | 'latest';
  /** Stops after this many rejects among the last `of` records; undefined: never. Default 50 of 200. */
  stopTheLine: { rejects: number; of: number } | undefined;
  /** A round takes at most this much. Default 6,000 records and 8 MiB. */
  round: { records: number; bytes: number };
  /** How many processes `quadrille up` starts. Default 1. */
  instances: number;
  /** Time for one batch of a rule or a query, in ms. Default 10,000. */
  timeoutMs: number;
}

export interface ExtractorSpec extends StationBase {
  kind: 'extractor';
  /** A source type and its own configuration, checked against the type's schema. */
  source: { type: string; config: Record<string, unknown> };
  /** Template of a record's id, see id-template.ts; a list of fields in the file becomes `{a}/{b}`. undefined: the source brings it. */
  id: string | undefined;
  /** Texts of the source that mean null; default: the empty text. */
  nulls: readonly string[];
  /** Template of the Kafka key; undefined: what the source brings, else the id. */
  key: string | undefined;
  /** A field that tells the newer of two records with one id (whole number, date or time); undefined: what the source brings, else the position, i.e. the row number. */
  version: string | undefined;
  /** 0 to 1023; with sources that share ids, the higher wins. */
  priority: number;
  to: string;
}

/** The topics that a station writes, each once; what no rule sends to another goes to the first. */
export type OutputTopics = readonly [string, ...string[]];

export interface TransformerSpec extends StationBase {
  kind: 'transformer';
  /** Rule files in order, absolute. */
  rules: readonly string[];
  /** What it keeps of the records before, after the rules. */
  stateful: StatefulSpec | undefined;
  from: string;
  to: OutputTopics;
}

/** Made from a topic, or asked of somebody: then it has no topic. */
export type LookupSpec = (LookupConfig | AskedLookupConfig) & {
  name: string;
  /** Place in the flow file. */
  place: string;
};

export interface EnricherSpec extends StationBase {
  kind: 'enricher';
  lookups: readonly LookupSpec[];
  /** A SQL query over `input` and the lookups as tables, absolute; it runs after the joins above. */
  sql: string | undefined;
  /** Rules applied after the joins, in order, absolute. */
  rules: readonly string[];
  from: string;
  to: OutputTopics;
}

export interface LoaderSpec extends StationBase {
  kind: 'loader';
  /** A target type and its own configuration, checked against the type's schema. */
  target: { type: string; config: Record<string, unknown> };
  from: string;
}

export type StationSpec = ExtractorSpec | TransformerSpec | EnricherSpec | LoaderSpec;

/** The topics of an enricher's lookups, in the order of the flow file. */
export const referenceTopicsOf = ({ lookups }: EnricherSpec): string[] =>
  lookups.flatMap(({ topic }) => (topic === undefined ? [] : [topic]));

/** Whether a query of the enricher may read its lookups: then all their fields are kept. */
export const readsBySql = ({ sql, rules }: EnricherSpec): boolean =>
  sql !== undefined || rules.some((file) => file.endsWith('.sql'));

/** The topics a station reads, its input first. */
export function inputsOf(station: StationSpec): string[] {
  if (station.kind === 'extractor') return [];
  if (station.kind === 'enricher') return [station.from, ...referenceTopicsOf(station)];
  return [station.from];
}

/** The topics a station writes, the one that records go to unless a rule says otherwise first; a loader writes none. */
export function outputTopicsOf(station: StationSpec): readonly string[] {
  if (station.kind === 'loader') return [];
  return station.kind === 'extractor' ? [station.to] : station.to;
}
