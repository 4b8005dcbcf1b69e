/**
 * Whether data written with an old schema can be read with a new one (BACKWARD), told field by field, by the rules of
 * schema resolution (https://avro.apache.org/docs/1.12.0/specification/#schema-resolution).
 */

/** One reason why it cannot. */
export interface Incompatibility {
  /** Dotted path of the field, `[]` for items of an array, `{}` for values of a map; '' is the schema itself. */
  path: string;
  /** What changed and why that breaks reading, as the end of a sentence that starts with the path. */
  what: string;
}

type Json = string | Json[] | JsonObject;
interface JsonObject {
  type: Json;
  name?: string;
  namespace?: string;
  aliases?: string[];
  fields?: JsonField[];
  symbols?: string[];
  default?: unknown;
  items?: Json;
  values?: Json;
  size?: number;
  logicalType?: string;
  scale?: number;
  precision?: number;
}
interface JsonField {
  name: string;
  type: Json;
  aliases?: string[];
  default?: unknown;
}

/** Which types a reader of the key can read beside its own. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
};

/**
 * Every reason why a reader with `newSchema` cannot read what was written with `oldSchema`; empty when it can.
 * @param oldSchema parsed JSON of the registered schema.
 * @param newSchema parsed JSON of the schema to be registered.
 */
export function explainIncompatibility(oldSchema: unknown, newSchema: unknown): Incompatibility[] {
  const found: Incompatibility[] = [];
  const writer = new Names(oldSchema as Json);
  const reader = new Names(newSchema as Json);
  const compared = new Set<string>();

  function compare(old: Json, next: Json, path: string, into: Incompatibility[]): void {
    const w = writer.resolve(old);
    const r = reader.resolve(next);
    const says = (what: string): void => void into.push({ path, what });
    if (Array.isArray(w)) {
      for (const branch of w) {
        const reasons: Incompatibility[] = [];
        compare(branch, next, path, reasons);
        if (reasons.some((reason) => reason.path !== path)) into.push(...reasons);
        else if (reasons.length > 0)
          says(
            Array.isArray(r) || !isNull(branch)
              ? `could be ${label(branch)}, which ${label(next)} cannot hold`
              : 'could be null and no longer may',
          );
      }
      return;
    }
    if (Array.isArray(r)) {
      const fits = r.some((branch) => {
        const reasons: Incompatibility[] = [];
        compare(old, branch, path, reasons);
        return reasons.length === 0;
      });
      if (fits) return;
      const same = r.find((branch) => typeName(reader.resolve(branch)) === typeName(w));
      if (same !== undefined) compare(old, same, path, into);
      else says(`was ${label(old)}, which ${label(next)} cannot hold`);
      return;
    }
    const was = typeName(w);
    const is = typeName(r);
    if (was !== is) {
      if (!PROMOTIONS[is]?.includes(was)) says(`was ${label(old)}, is ${label(next)}`);
      return;
    }
    compareMeaning(asObject(w), asObject(r), says);
    if (typeof w === 'string' || typeof r === 'string') return;
    if (was === 'record') compareRecords(w, r, path, into, says);
    else if (was === 'array') compare(w.items as Json, r.items as Json, `${path}[]`, into);
    else if (was === 'map') compare(w.values as Json, r.values as Json, `${path}{}`, into);
    else if (was === 'enum') compareEnums(w, r, says);
    else if (was === 'fixed' && w.size !== r.size) says(`was ${w.size} bytes, is ${r.size}`);
  }

  function compareRecords(
    w: JsonObject,
    r: JsonObject,
    path: string,
    into: Incompatibility[],
    says: (what: string) => void,
  ): void {
    if (!sameName(w, r)) says(`was named ${w.name}, is named ${r.name}; keep the name, or give it the alias ${w.name}`);
    const pair = `${w.name}:${r.name}`;
    if (compared.has(pair)) return; // recursive
    compared.add(pair);
    const before = new Map((w.fields ?? []).map((field) => [field.name, field]));
    for (const field of r.fields ?? []) {
      const at = path === '' ? field.name : `${path}.${field.name}`;
      const old = [field.name, ...(field.aliases ?? [])]
        .map((name) => before.get(name))
        .find((candidate) => candidate !== undefined);
      if (old !== undefined) compare(old.type, field.type, at, into);
      else if (field.default === undefined)
        into.push({ path: at, what: 'is new and has no default, so that older records cannot be read' });
    }
    compared.delete(pair);
  }

  compare(oldSchema as Json, newSchema as Json, '', found);
  return found;
}

/** Logical types are ours to guard: the same number read with another meaning would be wrong without an error. */
function compareMeaning(w: JsonObject, r: JsonObject, says: (what: string) => void): void {
  if (w.logicalType !== undefined && r.logicalType !== undefined && w.logicalType !== r.logicalType) {
    says(`was ${w.logicalType}, is ${r.logicalType}`);
  } else if (w.logicalType === 'decimal' && r.logicalType === 'decimal') {
    if ((w.scale ?? 0) !== (r.scale ?? 0)) says(`was a decimal of scale ${w.scale ?? 0}, is of scale ${r.scale ?? 0}`);
    else if ((w.precision ?? 0) > (r.precision ?? 0))
      says(`was a decimal of precision ${w.precision}, is of precision ${r.precision}`);
  }
}

function compareEnums(w: JsonObject, r: JsonObject, says: (what: string) => void): void {
  if (!sameName(w, r)) says(`was named ${w.name}, is named ${r.name}; keep the name, or give it the alias ${w.name}`);
  const gone = (w.symbols ?? []).filter((symbol) => !r.symbols?.includes(symbol));
  if (gone.length > 0 && r.default === undefined) says(`has lost ${gone.join(', ')} and has no default`);
}

const last = (name: string | undefined): string => (name ?? '').replace(/^.*\./, '');
const sameName = (w: JsonObject, r: JsonObject): boolean =>
  last(w.name) === last(r.name) || (r.aliases ?? []).some((alias) => last(alias) === last(w.name));
const isNull = (schema: Json): boolean =>
  schema === 'null' || (typeof schema === 'object' && !Array.isArray(schema) && schema.type === 'null');
const asObject = (schema: string | JsonObject): JsonObject => (typeof schema === 'string' ? { type: schema } : schema);
const typeName = (schema: Json): string =>
  Array.isArray(schema)
    ? 'union'
    : typeof schema === 'string'
      ? schema
      : typeof schema.type === 'string'
        ? schema.type
        : typeName(schema.type);

function label(schema: Json): string {
  if (Array.isArray(schema)) return `[${schema.map(label).join(', ')}]`;
  if (typeof schema === 'string') return schema;
  return schema.logicalType ?? schema.name ?? typeName(schema);
}

/** The named types of a schema, by their last name part. */
class Names {
  readonly #types = new Map<string, JsonObject>();
  constructor(schema: Json) {
    this.#collect(schema);
  }
  #collect(schema: Json | undefined): void {
    if (Array.isArray(schema)) for (const branch of schema) this.#collect(branch);
    if (typeof schema !== 'object' || Array.isArray(schema)) return;
    if (schema.name !== undefined) this.#types.set(last(schema.name), schema);
    for (const field of schema.fields ?? []) this.#collect(field.type);
    this.#collect(schema.items);
    this.#collect(schema.values);
    if (typeof schema.type === 'object') this.#collect(schema.type);
  }
  resolve(schema: Json): Json {
    return typeof schema === 'string' ? (this.#types.get(last(schema)) ?? schema) : schema;
  }
}
