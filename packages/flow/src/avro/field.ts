/**
 * The fields of a schema, told simply: what extractors coerce to, SQL rules and targets map to columns, and the flow
 * file is checked against. How each kind looks in JavaScript is fixed here and in docs/reference/schemas.md.
 */

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
