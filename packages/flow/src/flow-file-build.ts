/** From the JSON of a flow file that its schema accepts to a `Flow`: defaults filled in, paths made absolute. */
import { resolve } from 'node:path';
import type { LookupSpec, OutputTopics, StationSpec, TopicSpec } from './flow.ts';
import { inputsOf, outputTopicsOf } from './flow.ts';
import type { FlowDocument } from './flow-file-document.ts';
import { askedProperties, extractorProperties, STATION_KINDS, targetProperties } from './flow-file-schema.ts';
import type { CacheConfig } from './lookup.ts';
import { sourceTypes } from './sources/index.ts';
import { statefulOf } from './stateful/spec.ts';

type Json = Record<string, unknown>;

/** One station. @param json its entry, valid by the schema. */
export function buildStation(name: string, json: Json, folder: string, document: FlowDocument): StationSpec {
  const path = ['stations', name];
  const round = (json.round ?? {}) as { records?: number; bytes?: number };
  const base = {
    name,
    line: document.line(path),
    place: document.place(path, 'key'),
    start: (json.start ?? 'earliest') as 'earliest' | 'latest',
    stopTheLine:
      json.stopTheLine === 'off'
        ? undefined
        : ((json.stopTheLine ?? { rejects: 50, of: 200 }) as { rejects: number; of: number }),
    round: { records: round.records ?? 3_000, bytes: round.bytes ?? 8 * 1024 * 1024 },
    instances: (json.instances ?? 1) as number,
    timeoutMs: (json.timeoutMs ?? 10_000) as number,
  };
  const from = json.from as string;
  const to = [json.to].flat() as unknown as OutputTopics;
  const files = (value: unknown): string[] =>
    (value === undefined ? [] : [value].flat()).map((file) => resolve(folder, file as string));
  switch (STATION_KINDS.find((kind) => json[kind] !== undefined)) {
    case 'extractor': {
      const entry = json.extractor as Json;
      const version = entry.version === 'position' ? undefined : (entry.version as string | undefined);
      return {
        ...base,
        kind: 'extractor',
        source: typed(entry, Object.keys(extractorProperties)),
        id: Array.isArray(entry.id)
          ? entry.id.map((field) => `{${field}}`).join('/')
          : (entry.id as string | undefined),
        nulls: [entry.nulls ?? (sourceTypes[entry.type as string]?.traits?.knowsNull ? [] : '')].flat() as string[],
        key: entry.key as string | undefined,
        version,
        priority: (entry.priority ?? 0) as number,
        to: json.to as string,
      };
    }
    case 'transformer': {
      const list = [json.transformer].flat() as (string | Json)[];
      const rules = files(list.filter((entry) => typeof entry === 'string'));
      const stateful = statefulOf(list.filter((entry) => typeof entry !== 'string'));
      return { ...base, kind: 'transformer', rules, stateful, from, to };
    }
    case 'enricher': {
      const { sql, ...lookups } = json.enricher as Json;
      return {
        ...base,
        kind: 'enricher',
        lookups: Object.entries(lookups).map(([lookup, config]) =>
          buildLookup(lookup, config as Json, document.place([...path, 'enricher', lookup], 'key')),
        ),
        sql: sql === undefined ? undefined : resolve(folder, sql as string),
        rules: files(json.rules),
        from,
        to,
      };
    }
    default:
      return { ...base, kind: 'loader', target: typed(json.loader as Json, Object.keys(targetProperties)), from };
  }
}

function buildLookup(name: string, json: Json, place: string): LookupSpec {
  const own = {
    name,
    place,
    on: json.on as Record<string, string>,
    take: json.take as Record<string, string>,
    missing: json.missing === undefined ? ('reject' as const) : ((json.missing ?? 'null') as LookupSpec['missing']),
  };
  if (json.type === undefined) return { ...own, topic: json.topic as string };
  const cache = (json.cache ?? {}) as Partial<CacheConfig>;
  return {
    ...own,
    ...typed(json, Object.keys(askedProperties)),
    cache: { seconds: 300, missingSeconds: 10, rows: 100_000, staleWhileError: 0, ...cache },
  };
}

/** The type, and what of an entry belongs to the type and not to the engine. */
function typed(entry: Json, engine: readonly string[]): { type: string; config: Json } {
  return {
    type: entry.type as string,
    config: Object.fromEntries(Object.entries(entry).filter(([key]) => !engine.includes(key))),
  };
}

/** The topics that stations read and write, with their settings. */
export function buildTopics(
  stations: Iterable<StationSpec>,
  settings: Record<string, Json | undefined>,
): Map<string, TopicSpec> {
  const writers = new Map<string, string[]>();
  const readers = new Map<string, string[]>();
  const note = (where: Map<string, string[]>, topic: string, station: string): void => {
    const list = where.get(topic) ?? [];
    if (!list.includes(station)) list.push(station);
    where.set(topic, list);
  };
  for (const station of stations) {
    for (const topic of inputsOf(station)) note(readers, topic, station.name);
    for (const topic of outputTopicsOf(station)) note(writers, topic, station.name);
  }
  const topics = new Map<string, TopicSpec>();
  for (const name of new Set([...writers.keys(), ...readers.keys()])) {
    const own = (settings[name] ?? {}) as Partial<TopicSpec>;
    topics.set(name, {
      name,
      partitions: own.partitions ?? 4,
      compacted: own.compacted ?? false,
      maxBytes: own.maxBytes,
      external: own.external ?? false,
      writers: writers.get(name) ?? [],
      readers: readers.get(name) ?? [],
    });
  }
  return topics;
}
