/**
 * The fields of a schema, told simply: what extractors coerce to, SQL rules and targets map to columns, and the flow
 * file is checked against. How each kind looks in JavaScript is fixed here and in docs/reference/schemas.md.
 */
import { LOGICAL } from './logical.ts';
import { definitionsOf, isMasked, type SchemaField, type SensitivityLevel, sensitivityOf } from './sensitivity.ts';

/**
 * | kind                                        | value                                                        |
 * | ------------------------------------------- | ------------------------------------------------------------ |
 * | int, float, double                          | number                                                       |
 * | long                                        | number; beyond 2^53-1 a fault, unless `"longs": "bigint"`    |
 * | timestamp-millis, local-timestamp-millis    | number, ms since the epoch                                   |
 * | timestamp-micros, local-timestamp-micros    | number, µs since the epoch (exact until the year 2255)       |
 * | time-millis, time-micros                    | number since midnight                                        |
 * | date                                        | string `YYYY-MM-DD`                                          |
 * | decimal                                     | string with exactly `scale` decimals                         |
 * | uuid, string, enum                          | string                                                       |
 * | bytes, fixed                                | Buffer                                                       |
 * | array, map, record                          | array, plain object                                          |
 */
export type FieldKind =
  | 'null'
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'string'
  | 'bytes'
  | 'fixed'
  | 'enum'
  | 'uuid'
  | 'decimal'
  | 'date'
  | 'time-millis'
  | 'time-micros'
  | 'timestamp-millis'
  | 'timestamp-micros'
  | 'local-timestamp-millis'
  | 'local-timestamp-micros'
  | 'array'
  | 'map'
  | 'record'
  | 'union';

export interface Field {
  name: string;
  doc: string;
  kind: FieldKind;
  /** The schema is a union with null. */
  nullable: boolean;
  /** A long (or a logical type upon one) that is a bigint in JavaScript. */
  bigint: boolean;
  /** What the schema says of its values, see sensitivity.ts; absent where it says nothing. */
  sensitivity?: SensitivityLevel;
  /** They are personal or secret: masked for who may only look. */
  sensitive: boolean;
  /** As in the schema; undefined when there is none. */
  default: unknown;
  /** The Avro type without its null branch, as written in the schema. */
  schema: unknown;
  /** Of an enum. */
  symbols?: readonly string[];
  /** Of a decimal. */
  precision?: number;
  scale?: number;
  /** Of a fixed. */
  size?: number;
}

interface SchemaObject {
  type?: unknown;
  logicalType?: string;
  longs?: string;
  symbols?: string[];
  precision?: number;
  scale?: number;
  size?: number;
}

const described = new WeakMap<object, readonly Field[]>();

/**
 * The fields of a record's schema, in order.
 * @param schema parsed JSON of an .avsc file.
 */
export function fieldsOf(schema: unknown): readonly Field[] {
  const known = described.get(schema as object);
  if (known !== undefined) return known;
  const named = new Map<string, unknown>();
  const definitions = definitionsOf(schema);
  const record = schema as { sensitivity?: unknown; fields: SchemaField[] };
  const fields = record.fields.map((field) => {
    const { type, nullable } = withoutNull(field.type);
    const sensitivity = sensitivityOf(field, record.sensitivity, definitions);
    return {
      name: field.name,
      doc: field.doc ?? '',
      nullable,
      default: field.default,
      ...(sensitivity !== undefined && { sensitivity }),
      sensitive: isMasked(sensitivity),
      schema: type,
      ...kindOf(type, named),
    };
  });
  described.set(schema as object, fields);
  return fields;
}

function withoutNull(type: unknown): { type: unknown; nullable: boolean } {
  if (!Array.isArray(type) || !type.includes('null')) return { type, nullable: type === 'null' };
  const others = type.filter((branch) => branch !== 'null');
  return { type: others.length === 1 ? others[0] : others, nullable: true };
}

function kindOf(
  type: unknown,
  named: Map<string, unknown>,
): Pick<Field, 'kind' | 'bigint' | 'symbols' | 'precision' | 'scale' | 'size'> {
  if (Array.isArray(type)) return { kind: 'union', bigint: false };
  if (typeof type === 'string') {
    if (PRIMITIVES.has(type)) return { kind: type as FieldKind, bigint: false };
    const definition = named.get(type.replace(/^.*\./, ''));
    return definition === undefined ? { kind: 'record', bigint: false } : kindOf(definition, named);
  }
  const object = type as SchemaObject & { name?: string };
  if (object.name !== undefined) named.set(object.name.replace(/^.*\./, ''), object);
  const on = LOGICAL[object.logicalType ?? '']?.on;
  const kind = (on?.includes(object.type as string) ? object.logicalType : object.type) as FieldKind;
  const { symbols, precision, size } = object;
  return {
    kind,
    bigint: object.type === 'long' && object.longs === 'bigint',
    ...(symbols && { symbols }),
    ...(kind === 'decimal' && { precision: precision as number, scale: object.scale ?? 0 }),
    ...(size !== undefined && { size }),
  };
}

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes']);
