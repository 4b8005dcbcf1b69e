/**
 * Avro values as JSON and back, exactly: `valueFromJson(schema, valueToJson(schema, value))` is the value again. For people
 * and scripts that edit values; the wire has a format of its own (codec.ts).
 *
 * | kind                              | JSON                                                                     |
 * | --------------------------------- | ------------------------------------------------------------------------ |
 * | int, float, double, long          | number; NaN, the infinities and -0 as text                               |
 * | long with `"longs": "bigint"`     | text; a whole number up to 2^53-1 is taken too                           |
 * | decimal                           | text; a number is refused, it may have been rounded already              |
 * | date, uuid, string, enum          | text                                                                     |
 * | timestamps, times                 | ISO 8601 text where it can say it, else the number; both are taken       |
 * | bytes, fixed                      | base64                                                                   |
 * | union with null                   | null or the bare value                                                   |
 * | other unions                      | the bare value; `{ "<branch>": value }` where that could be two branches |
 */
import type { FieldKind } from './field.ts';
import { PRIMITIVES, type ScalarOptions, scalarOf } from './json-scalar.ts';
import { LOGICAL } from './logical.ts';
import { definitionsOf } from './sensitivity.ts';

export interface JsonProblem {
  /** Dotted, with indexes and keys; '' is the value itself. */
  path: string;
  /** Never quotes the value. */
  message: string;
}

/**
 * @param schema parsed JSON of an Avro schema.
 * @param value as the codec decodes it.
 * @returns what JSON.stringify can write without loss.
 */
export const valueToJson = (schema: unknown, value: unknown): unknown => shapeOf(schema).toJson(value);

/**
 * Every problem at once: what is missing, what does not fit, what the schema lacks. Nothing is rounded, cut or filled in.
 * @returns the value as the codec encodes it; of no use when there are problems.
 */
export function valueFromJson(schema: unknown, json: unknown): { value: unknown; problems: JsonProblem[] } {
  const problems: JsonProblem[] = [];
  const value = shapeOf(schema).fromJson(json, '', (path, message) => problems.push({ path, message }));
  return { value, problems };
}

type Refuse = (path: string, message: string) => void;

/** One Avro type in both directions. */
interface Shape {
  /** How a union names it. */
  branch: string;
  /** Whether a decoded value is of this type, as far as a union's branches differ. */
  is(value: unknown): boolean;
  toJson(value: unknown): unknown;
  fromJson(json: unknown, path: string, refuse: Refuse): unknown;
}

interface SchemaObject extends Partial<Omit<ScalarOptions, 'type'>> {
  type?: unknown;
  name?: string;
  logicalType?: string;
  longs?: string;
  fields?: { name: string; type: unknown }[];
  items?: unknown;
  values?: unknown;
}

const known = new WeakMap<object, Shape>();

function shapeOf(schema: unknown): Shape {
  if (typeof schema !== 'object' || schema === null) return new Shapes(schema).of(schema);
  let shape = known.get(schema);
  if (shape === undefined) {
    shape = new Shapes(schema).of(schema);
    known.set(schema, shape);
  }
  return shape;
}

class Shapes {
  readonly #definitions: ReadonlyMap<string, unknown>;
  /** A record may hold itself: what is being made is known by its definition. */
  readonly #made = new Map<unknown, Shape>();

  constructor(schema: unknown) {
    this.#definitions = definitionsOf(schema);
  }

  of(type: unknown): Shape {
    if (Array.isArray(type)) return this.#union(type);
    if (typeof type === 'string') {
      const definition = PRIMITIVES.has(type) ? undefined : this.#definitions.get(type.replace(/^.*\./, ''));
      return definition === undefined ? scalar({ type }) : this.of(definition);
    }
    const before = this.#made.get(type);
    if (before !== undefined) return before;
    const object = type as SchemaObject;
    // `{ "type": { … } }` and `{ "type": ["null", …] }` mean what they hold.
    if (typeof object.type === 'object') return this.of(object.type);
    if (object.type === 'record' || object.type === 'error') return this.#record(object);
    if (object.type === 'array') return this.#array(object);
    if (object.type === 'map') return this.#map(object);
    if (this.#definitions.has(String(object.type).replace(/^.*\./, '')) && !PRIMITIVES.has(String(object.type)))
      return this.of(object.type);
    return scalar(object);
  }

  #record(object: SchemaObject): Shape {
    const members = new Map<string, Shape>();
    const shape: Shape = {
      branch: object.name ?? 'record',
      is: isPlain,
      toJson: (value) =>
        Object.fromEntries([...members].map(([name, member]) => [name, member.toJson((value as Row)[name])])),
      fromJson: (json, path, refuse) => {
        if (!isPlain(json)) return void refuse(path, `${isWhat(json)}, wanted is an object`);
        const value: Row = {};
        for (const [name, member] of members) {
          if (Object.hasOwn(json, name)) value[name] = member.fromJson(json[name], below(path, name), refuse);
          else refuse(below(path, name), 'is missing');
        }
        for (const name of Object.keys(json)) if (!members.has(name)) refuse(below(path, name), 'is not in the schema');
        return value;
      },
    };
    this.#made.set(object, shape);
    for (const { name, type } of object.fields ?? []) members.set(name, this.of(type));
    return shape;
  }

  #array(object: SchemaObject): Shape {
    const item = this.of(object.items);
    return {
      branch: 'array',
      is: Array.isArray,
      toJson: (value) => (value as unknown[]).map((each) => item.toJson(each)),
      fromJson: (json, path, refuse) =>
        Array.isArray(json)
          ? json.map((each, index) => item.fromJson(each, below(path, String(index)), refuse))
          : void refuse(path, `${isWhat(json)}, wanted is a list`),
    };
  }

  #map(object: SchemaObject): Shape {
    const item = this.of(object.values);
    return {
      branch: 'map',
      is: isPlain,
      toJson: (value) =>
        Object.fromEntries(Object.entries(value as Row).map(([key, each]) => [key, item.toJson(each)])),
      fromJson: (json, path, refuse) =>
        isPlain(json)
          ? Object.fromEntries(
              Object.entries(json).map(([key, each]) => [key, item.fromJson(each, below(path, key), refuse)]),
            )
          : void refuse(path, `${isWhat(json)}, wanted is an object`),
    };
  }

  #union(types: readonly unknown[]): Shape {
    const branches = types.map((type) => this.of(type));
    const others = branches.filter(({ branch }) => branch !== 'null');
    if (others.length === 1 && branches.length === 2) return nullOr(others[0] as Shape);
    return unionOf(branches);
  }
}

type Row = Record<string, unknown>;

const nullOr = (shape: Shape): Shape => ({
  branch: shape.branch,
  is: (value) => value === null || shape.is(value),
  toJson: (value) => (value === null || value === undefined ? null : shape.toJson(value)),
  fromJson: (json, path, refuse) => (json === null ? null : shape.fromJson(json, path, refuse)),
});

function unionOf(branches: readonly Shape[]): Shape {
  const named = (json: unknown): Shape | undefined => {
    const [name, ...rest] = isPlain(json) ? Object.keys(json) : [];
    return rest.length > 0 ? undefined : branches.find(({ branch }) => branch === name);
  };
  const taking = (json: unknown): Shape[] =>
    branches.filter((branch) => {
      let fits = true;
      branch.fromJson(json, '', () => {
        fits = false;
      });
      return fits;
    });
  return {
    branch: 'union',
    is: (value) => branches.some((branch) => branch.is(value)),
    toJson: (value) => {
      const branch = branches.find((each) => each.is(value));
      if (branch === undefined) return null;
      const json = branch.toJson(value);
      return named(json) === undefined && taking(json).length === 1 ? json : { [branch.branch]: json };
    },
    fromJson: (json, path, refuse) => {
      const branch = named(json);
      if (branch !== undefined)
        return branch.fromJson((json as Row)[branch.branch], below(path, branch.branch), refuse);
      const [first, second] = taking(json);
      const names = branches.map(({ branch: name }) => name).join(', ');
      if (first === undefined) return void refuse(path, `${isWhat(json)}, wanted is one of ${names}`);
      if (second !== undefined)
        return void refuse(path, `may be ${first.branch} or ${second.branch}: write {"${first.branch}": …}`);
      return first.fromJson(json, path, refuse);
    },
  };
}

/** Everything that holds no other type. */
function scalar(object: SchemaObject): Shape {
  const type = String(object.type);
  const kind = LOGICAL[object.logicalType ?? '']?.on.includes(type) ? object.logicalType : type;
  const options = { ...object, bigint: type === 'long' && object.longs === 'bigint', kind: kind as FieldKind, type };
  const { is, wanted, toJson, fromJson } = scalarOf(options);
  return {
    branch: object.name ?? type,
    is,
    toJson: (value) => (value === undefined ? null : toJson(value)),
    fromJson: (json, path, refuse) => {
      const value = fromJson(json);
      return value === undefined ? void refuse(path, `${isWhat(json)}, wanted is ${wanted}`) : value;
    },
  };
}

const isPlain = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

const isWhat = (json: unknown): string =>
  json === null
    ? 'is null'
    : Array.isArray(json)
      ? 'is a list'
      : isPlain(json)
        ? 'is an object'
        : `is a ${typeof json}`;
