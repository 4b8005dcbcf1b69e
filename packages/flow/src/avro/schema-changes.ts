/** What differs between two versions of a schema, field by field, also within: what a person reads before it is registered. */
import { definitionsOf, type SchemaField } from './sensitivity.ts';

/** `order`: of the fields; `form`: something that is none of the others, e.g. an attribute that Quadrille does not know. */
export type ChangeKind =
  | 'added'
  | 'removed'
  | 'renamed'
  | 'type'
  | 'default'
  | 'doc'
  | 'sensitivity'
  | 'name'
  | 'owner'
  | 'order'
  | 'form';

export interface SchemaChange {
  /** Dotted path of the field, `[]` for items of an array, `{}` for values of a map; '' is the schema itself. */
  path: string;
  change: ChangeKind;
  /** As people read it; undefined: nothing was there. */
  before: string | undefined;
  /** undefined: nothing is there any more. */
  after: string | undefined;
}

interface Part {
  type: string;
  default: string | undefined;
  doc: string | undefined;
  sensitivity: string | undefined;
  aliases: readonly string[];
}

interface SchemaObject {
  name?: string;
  namespace?: string;
  owner?: unknown;
  doc?: unknown;
  sensitivity?: unknown;
  type?: unknown;
  logicalType?: string;
  longs?: string;
  precision?: number;
  scale?: number;
  size?: number;
  symbols?: string[];
  default?: unknown;
  items?: unknown;
  values?: unknown;
  fields?: (SchemaField & { aliases?: string[] })[];
}

/**
 * All changes: of the schema itself, then of fields in the order of the newer version, then what was taken away. [] when
 * both say the same.
 * @param before parsed JSON. @param after parsed JSON.
 */
export function schemaChanges(before: unknown, after: unknown): SchemaChange[] {
  const changes: SchemaChange[] = [];
  const [was, is] = [before as SchemaObject, after as SchemaObject];
  const say = (path: string, change: ChangeKind, from: string | undefined, to: string | undefined): void => {
    if (from !== to) changes.push({ path, change, before: from, after: to });
  };
  say('', 'name', fullName(was), fullName(is));
  say('', 'owner', textOf(was.owner), textOf(is.owner));
  say('', 'doc', textOf(was.doc), textOf(is.doc));
  say('', 'sensitivity', textOf(was.sensitivity), textOf(is.sensitivity));
  const [old, next] = [partsOf(before), partsOf(after)];
  const gone = new Set([...old.keys()].filter((path) => !next.has(path)));
  for (const [path, part] of next) {
    const name = old.has(path) ? path : part.aliases.find((alias) => gone.has(alias));
    if (name === undefined) {
      say(path, 'added', undefined, described(part));
      continue;
    }
    gone.delete(name);
    const earlier = old.get(name) as Part;
    say(path, 'renamed', name, path);
    say(path, 'type', earlier.type, part.type);
    for (const what of ['default', 'doc', 'sensitivity'] as const) say(path, what, earlier[what], part[what]);
  }
  for (const path of gone) say(path, 'removed', described(old.get(path) as Part), undefined);
  if (changes.length > 0 || JSON.stringify(before) === JSON.stringify(after)) return changes;
  const [first, second] = [[...old.keys()].join(', '), [...next.keys()].join(', ')];
  return first === second
    ? [{ path: '', change: 'form', before: undefined, after: 'written in another way' }]
    : [{ path: '', change: 'order', before: first, after: second }];
}

/** Every field of a record and of the records within it, by path. */
function partsOf(schema: unknown): Map<string, Part> {
  const definitions = definitionsOf(schema);
  const parts = new Map<string, Part>();
  const entered = new Set<unknown>();
  const within = (given: unknown, path: string, standard: unknown): void => {
    const type = typeof given === 'string' ? definitions.get(shortName(given)) : given;
    if (typeof type !== 'object' || type === null || entered.has(type)) return;
    entered.add(type);
    if (Array.isArray(type)) for (const branch of type) within(branch, path, standard);
    else {
      const { type: inner, items, values, fields, sensitivity = standard } = type as SchemaObject;
      for (const field of inner === 'record' ? (fields ?? []) : []) add(field, path, sensitivity);
      if (items !== undefined) within(items, `${path}[]`, standard);
      if (values !== undefined) within(values, `${path}{}`, standard);
      if (typeof inner === 'object') within(inner, path, standard);
    }
    // A type may be used twice; it may not be entered from within itself.
    entered.delete(type);
  };
  const add = (field: SchemaField & { aliases?: string[] }, prefix: string, standard: unknown): void => {
    const at = (name: string): string => (prefix === '' ? name : `${prefix}.${name}`);
    const sensitivity = field.sensitivity ?? standard;
    parts.set(at(field.name), {
      type: typeLabel(field.type),
      default: field.default === undefined ? undefined : JSON.stringify(field.default),
      doc: textOf(field.doc),
      sensitivity: textOf(sensitivity),
      aliases: (field.aliases ?? []).map(at),
    });
    within(field.type, at(field.name), sensitivity);
  };
  within(schema, '', undefined);
  return parts;
}

/** A type as a person reads it: `int`, `null | string`, `decimal(9,2)`, `array<Leg>`, `DelayClass(early, late)`. */
export function typeLabel(type: unknown): string {
  if (Array.isArray(type)) return type.map(typeLabel).join(' | ');
  if (typeof type !== 'object' || type === null) return shortName(String(type));
  const {
    type: inner,
    logicalType,
    longs,
    precision,
    scale = 0,
    size,
    symbols,
    items,
    values,
    name,
  } = type as SchemaObject;
  if (logicalType === 'decimal') return `decimal(${precision},${scale})`;
  if (logicalType !== undefined) return longs === 'bigint' ? `${logicalType}, bigint` : logicalType;
  if (inner === 'array') return `array<${typeLabel(items)}>`;
  if (inner === 'map') return `map<${typeLabel(values)}>`;
  if (inner === 'enum') return `${shortName(name ?? 'enum')}(${symbols?.join(', ')})`;
  if (inner === 'fixed') return `fixed(${size})`;
  if (inner === 'record') return shortName(name ?? 'record');
  return longs === 'bigint' ? `${typeLabel(inner)}, bigint` : typeLabel(inner);
}

const described = ({ type, default: standard }: Part): string =>
  standard === undefined ? type : `${type} = ${standard}`;
const shortName = (name: string): string => name.replace(/^.*\./, '');
const fullName = ({ name = '', namespace }: SchemaObject): string =>
  namespace === undefined || name.includes('.') ? name : `${namespace}.${name}`;
const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));
