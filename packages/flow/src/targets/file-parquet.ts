/** Rows of a log as Parquet, by DuckDB. */
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { DuckDBConnection } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { parseDay } from '../avro/day.ts';
import { type Field, fieldsOf } from '../avro/field.ts';
import { valueToJson } from '../avro/json.ts';
import { typeOf } from '../avro/type.ts';
import { quoted } from '../rules/duckdb.ts';
import { TableWriter } from '../rules/duckdb-write.ts';
import { columnOf, type SqlColumn } from '../rules/sql-types.ts';
import type { LogRow } from './file-log.ts';
import type { FileFormat } from './file-partition.ts';

/** Rows are collected in memory before they are written. */
const MEMORY = '512MB';
/** So many rows are objects at once. */
const AT_ONCE = 20_480;

interface ParquetColumn {
  column: SqlColumn;
  /** From the stored column to what stands in the file. */
  select: string;
  /** From the field's value to what the writer takes; default as it is. */
  convert?: (value: never) => unknown;
}

const plain = (name: string, kind: Field['kind'], more: Partial<Field> = {}): Field => ({
  name,
  kind,
  doc: '',
  nullable: true,
  bigint: false,
  sensitive: false,
  default: undefined,
  schema: undefined,
  ...more,
});

/** What stands beside the fields, with types of its own here: numbers and instants. */
const OWN: readonly Field[] = [
  plain('_id', 'string'),
  plain('_version', 'long', { bigint: true }),
  plain('_revision', 'int'),
  plain('_deleted', 'boolean'),
  plain('_offset', 'long'),
  plain('_timestamp', 'timestamp-millis'),
];

function parquetColumn(field: Field, schema: unknown): ParquetColumn {
  const name = quoted(field.name);
  const column = columnOf(field);
  // Lists, maps, records and unions: JSON.
  if (column === undefined)
    return {
      column: columnOf(plain(field.name, 'string')) as SqlColumn,
      select: name,
      convert: (value: unknown) => JSON.stringify(valueToJson(schema, value)),
    };
  if (field.kind === 'date')
    return {
      column: { ...column, physical: 'int32', stored: 'DATE' },
      select: name,
      convert: (value: string) => parseDay(value),
    };
  if (field.kind === 'decimal') return { column, select: `CAST(${name} AS ${column.seen}) AS ${name}` };
  if (field.kind === 'timestamp-millis' || field.kind === 'timestamp-micros')
    return { column, select: `CAST(${name} AS TIMESTAMPTZ) AS ${name}` };
  return { column, select: name };
}

/** What Parquet holds no value of. */
export const unfit = (field: Field): string | undefined =>
  field.kind === 'decimal' && (field.precision ?? 0) > 38 ? 'Parquet holds decimals of at most 38 digits' : undefined;

export type ParquetCompression = 'none' | 'gzip' | 'zstd' | 'snappy';

export const parquet = (compression: ParquetCompression): FileFormat => ({
  ending: '.parquet',
  async write(path, schema, rows) {
    const type = typeOf(schema);
    const decode = (bytes: Buffer): Record<string, unknown> => type.fromBuffer(bytes);
    const schemas = new Map(
      (schema as { fields: { name: string; type: unknown }[] }).fields.map((f) => [f.name, f.type]),
    );
    const columns = [...fieldsOf(schema), ...OWN].map((field) => parquetColumn(field, schemas.get(field.name)));
    const database = await duckdb.open(':memory:', duckdb.create_config());
    const raw = await duckdb.connect(database);
    const connection = new DuckDBConnection(raw);
    try {
      for (const setting of [`memory_limit = '${MEMORY}'`, 'threads = 1', "TimeZone = 'UTC'", "temp_directory = ''"])
        await connection.run(`SET GLOBAL ${setting}`);
      const stored = columns.map(({ column }) => `${quoted(column.field.name)} ${column.stored}`);
      await connection.run(`CREATE TABLE rows (${stored.join(', ')})`);
      const writer = new TableWriter(
        raw,
        'rows',
        columns.map(({ column }) => column),
        false,
      );
      for (let at = 0; at < rows.length; at += AT_ONCE) {
        const values = rows.slice(at, at + AT_ONCE).map((row) => valuesOf(row, decode, columns));
        writer.write(values, 0, values.length, (row, { field }) => {
          throw new Error(`row ${at + row} holds no ${field.kind} in ${field.name}`);
        });
        // Heartbeats go on meanwhile.
        await setImmediate();
      }
      await connection.run(
        `COPY (SELECT ${columns.map(({ select }) => select).join(', ')} FROM rows)
         TO '${path.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION ${compression === 'none' ? 'uncompressed' : compression})`,
      );
    } finally {
      connection.closeSync();
      duckdb.close_sync(database);
    }
    const file = await open(path, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  },
});

function valuesOf(
  { id, version, revision, timestamp, offset, bytes }: LogRow,
  decode: (bytes: Buffer) => Record<string, unknown>,
  columns: readonly ParquetColumn[],
): Record<string, unknown> {
  const value = bytes === null ? {} : { ...decode(bytes) };
  for (const { column, convert } of columns) {
    const { name } = column.field;
    const given = value[name];
    if (convert !== undefined && given !== null && given !== undefined) value[name] = convert(given as never);
  }
  return Object.assign(value, {
    _id: id,
    _version: version,
    _revision: revision,
    _deleted: bytes === null,
    _offset: offset,
    _timestamp: timestamp,
  });
}
