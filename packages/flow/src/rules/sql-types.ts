/**
 * How a field's kind stands in SQL: the column it is stored in, how the query sees it, what a query may give for it,
 * and how that comes back. Instants are TIMESTAMP in UTC.
 */
import type { Field } from '../avro/field.ts';

/** How values lie in DuckDB's vectors. */
export type Physical = 'bool' | 'int32' | 'int64' | 'float' | 'double' | 'text' | 'blob';

export interface SqlColumn {
  field: Field;
  physical: Physical;
  /** int64 only: the value in the vector is the field's value times this. */
  factor: number;
  /** Type of the stored column. */
  stored: string;
  /** Type as the query sees it; differs from `stored` where DuckDB converts. */
  seen: string;
}

const INT32 = /^(U?TINYINT|U?SMALLINT|INTEGER)$/;
const INT64 = /^(U?TINYINT|U?SMALLINT|U?INTEGER|BIGINT)$/;
const REAL = /^(U?TINYINT|U?SMALLINT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const TEXT = /^(VARCHAR|UUID|ENUM\(.*\))$/;
const INSTANT = /^TIMESTAMP/;

interface Mapping {
  physical: Physical;
  factor?: number;
  stored: string;
  /** Default: as stored. */
  seen?: (field: Field) => string;
  /** Result types it takes; NULL always. */
  takes: RegExp;
  /** What to write where the result has another type. */
  wanted: string;
  /** From the result column to the physical value; default a cast to `stored`. */
  back?: (column: string, field: Field) => string;
}

const micros = (column: string): string => `epoch_us(${column})`;
const decimal = (field: Field): string => `DECIMAL(${field.precision}, ${field.scale ?? 0})`;
const text: Mapping = { physical: 'text', stored: 'VARCHAR', takes: TEXT, wanted: 'VARCHAR' };
const blob: Mapping = { physical: 'blob', stored: 'BLOB', takes: /^BLOB$/, wanted: 'BLOB' };
const instant = (factor: number): Mapping => ({
  physical: 'int64',
  factor,
  stored: 'TIMESTAMP',
  takes: INSTANT,
  wanted: 'TIMESTAMP',
  back: micros,
});
const time = (factor: number): Mapping => ({
  physical: 'int64',
  factor,
  stored: 'TIME',
  takes: /^TIME$/,
  wanted: 'TIME',
  back: micros,
});

/** Kinds that are not here (arrays, maps, records, unions) do not exist for SQL. */
const MAPPINGS: { readonly [kind in Field['kind']]?: Mapping } = {
  boolean: { physical: 'bool', stored: 'BOOLEAN', takes: /^BOOLEAN$/, wanted: 'BOOLEAN' },
  int: { physical: 'int32', stored: 'INTEGER', takes: INT32, wanted: 'INTEGER' },
  long: { physical: 'int64', factor: 1, stored: 'BIGINT', takes: INT64, wanted: 'BIGINT' },
  float: { physical: 'float', stored: 'FLOAT', takes: REAL, wanted: 'FLOAT' },
  double: { physical: 'double', stored: 'DOUBLE', takes: REAL, wanted: 'DOUBLE' },
  string: text,
  enum: text,
  uuid: text,
  bytes: blob,
  fixed: blob,
  decimal: {
    physical: 'text',
    stored: 'VARCHAR',
    seen: decimal,
    takes: /^(U?TINYINT|U?SMALLINT|U?INTEGER|BIGINT|DECIMAL\(.*\))$/,
    wanted: 'DECIMAL',
    back: (column, field) => `CAST(CAST(${column} AS ${decimal(field)}) AS VARCHAR)`,
  },
  date: {
    physical: 'text',
    stored: 'VARCHAR',
    seen: () => 'DATE',
    takes: /^DATE$/,
    wanted: 'DATE',
    back: (column) => `CAST(${column} AS VARCHAR)`,
  },
  'time-millis': time(1000),
  'time-micros': time(1),
  'timestamp-millis': instant(1000),
  'timestamp-micros': instant(1),
  'local-timestamp-millis': instant(1000),
  'local-timestamp-micros': instant(1),
};

/** The field as a column, or undefined where SQL has no such thing. */
export function columnOf(field: Field): SqlColumn | undefined {
  const mapping = MAPPINGS[field.kind];
  if (mapping === undefined) return undefined;
  return {
    field,
    physical: mapping.physical,
    factor: mapping.factor ?? 1,
    stored: mapping.stored,
    seen: mapping.seen?.(field) ?? mapping.stored,
  };
}

/** Whether a result column of this DuckDB type may be set on the field: undefined, or the type that is wanted. */
export function mismatch(type: string, field: Field): string | undefined {
  const mapping = MAPPINGS[field.kind];
  if (mapping === undefined) return 'no SQL type: a rule in TypeScript can set it';
  if (type === '"NULL"') return field.nullable ? undefined : `${wantedType(mapping, field)}, not null`;
  if (!mapping.takes.test(type)) return wantedType(mapping, field);
  if (field.kind === 'decimal') {
    const scale = Number(/^DECIMAL\(\d+,\s*(\d+)\)$/.exec(type)?.[1] ?? 0);
    // A cast would round without a word.
    if (scale > (field.scale ?? 0)) return wantedType(mapping, field);
  }
  return undefined;
}

const wantedType = (mapping: Mapping, field: Field): string =>
  field.kind === 'decimal' ? decimal(field) : mapping.wanted;

/** The expression that turns a result column into what the reader reads. */
export function backFrom(column: string, field: Field): string {
  const mapping = MAPPINGS[field.kind] as Mapping;
  return mapping.back?.(column, field) ?? `CAST(${column} AS ${mapping.stored})`;
}
