/** Texts of PostgreSQL as raw values of an extractor: what the field of the schema reads, without rounding. */
import type { Field } from '../../avro/field.ts';

type Convert = (text: string) => unknown;

/** From the text that PostgreSQL writes (TimeZone UTC, DateStyle ISO, bytea_output hex) to what the engine reads. */
export function converterOf({ kind, schema }: Field): Convert {
  switch (kind) {
    case 'boolean':
      return (text) => (text === 't' ? true : text === 'f' ? false : text);
    case 'bytes':
    case 'fixed':
      return (text) => (text.startsWith('\\x') ? text.slice(2) : text);
    case 'timestamp-millis':
    case 'timestamp-micros':
      return (text) => (text.endsWith('+00') ? `${text.slice(0, -3)}Z` : HAS_ZONE.test(text) ? text : `${text}Z`);
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
      return (text) => (text.endsWith('+00') ? text.slice(0, -3) : text);
    case 'array': {
      const { items } = schema as { items?: unknown };
      return (text) => structured(text, itemReader(items));
    }
    case 'map':
    case 'record':
    case 'union':
      return (text) => structured(text, (item) => item);
    default:
      return (text) => text;
  }
}

const HAS_ZONE = /\d(Z|[+-]\d\d:\d\d)$/;

/** Items of an array are not coerced by the engine: numbers and truth values become such here. */
function itemReader(items: unknown): Convert {
  const type = Array.isArray(items) ? items.find((branch) => branch !== 'null') : items;
  if (type === 'boolean') return (text) => text === 't';
  if (type === 'int' || type === 'long' || type === 'float' || type === 'double') return Number;
  return (text) => text;
}

/** json, jsonb, or an array of PostgreSQL; anything else stays a text, which the engine refuses. */
function structured(text: string, item: Convert): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.startsWith('{') ? parseArray(text, item) : text;
  }
}

/** `{a,"b c",NULL,{d}}`: PostgreSQL documentation, 8.15.6. */
export function parseArray(text: string, item: Convert): unknown[] {
  let at = 0;
  const list = (): unknown[] => {
    const items: unknown[] = [];
    at++;
    while (at < text.length && text[at] !== '}') {
      if (text[at] === ',') at++;
      else if (text[at] === '{') items.push(list());
      else if (text[at] === '"') items.push(item(inQuotes()));
      else {
        const word = plain();
        items.push(word === 'NULL' ? null : item(word));
      }
    }
    at++;
    return items;
  };
  const inQuotes = (): string => {
    let value = '';
    for (at++; at < text.length && text[at] !== '"'; at++) {
      if (text[at] === '\\') at++;
      value += text[at];
    }
    at++;
    return value;
  };
  const plain = (): string => {
    const from = at;
    while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
    return text.slice(from, at);
  };
  return list();
}
