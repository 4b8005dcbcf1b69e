/** Where a field of a schema stands in its file. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parseFlow } from '../flow-file-document.ts';
import { definitionsOf } from './sensitivity.ts';

type Json = Record<string, unknown>;
type JsonPath = (string | number)[];

/**
 * `file:line:column` of a field by its dotted path, as incompatibilities and changes name it; of a field that is not
 * there, of the nearest record above it; of a file that is gone, its name.
 * @param file the .avsc file, absolute.
 */
export function fieldPlace(file: string, path: string): string {
  const place = relative('', file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return place;
  }
  return parseFlow(text, place).place(jsonPathOf(JSON.parse(text), path), 'key');
}

function jsonPathOf(schema: unknown, path: string): JsonPath {
  const places = placesOfTypes(schema);
  const names = path === '' ? [] : path.split('.').map((name) => name.replace(/(\[\]|\{\})+$/, ''));
  let record = schema as Json;
  let at: JsonPath = [];
  for (const name of names) {
    const fields = record.fields as Json[] | undefined;
    const index = fields?.findIndex((field) => field.name === name) ?? -1;
    if (index === -1) break;
    at = [...(places.get(record) ?? []), 'fields', index];
    const next = recordWithin(fields?.[index]?.type, definitionsOf(schema));
    if (next === undefined) break;
    record = next;
  }
  return at;
}

/** Where each object of a type is defined. */
function placesOfTypes(schema: unknown): Map<unknown, JsonPath> {
  const places = new Map<unknown, JsonPath>();
  const walk = (value: unknown, path: JsonPath): void => {
    if (typeof value !== 'object' || value === null) return;
    places.set(value, path);
    for (const [key, part] of Object.entries(value)) walk(part, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  walk(schema, []);
  return places;
}

/** The record that a field's type holds, through unions, arrays, maps and names. */
function recordWithin(type: unknown, definitions: ReadonlyMap<string, unknown>): Json | undefined {
  if (typeof type === 'string') {
    const named = definitions.get(type.replace(/^.*\./, ''));
    return named === undefined ? undefined : recordWithin(named, definitions);
  }
  if (Array.isArray(type)) {
    for (const branch of type) {
      const found = recordWithin(branch, definitions);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const { type: inner, items, values } = (type ?? {}) as Json;
  if (inner === 'record') return type as Json;
  const part = items ?? values ?? (typeof inner === 'object' ? inner : undefined);
  return part === undefined ? undefined : recordWithin(part, definitions);
}
