/** One Parquet file, row by row, through a DuckDB of its own. */
import { type DuckDBConnection, DuckDBInstance, type DuckDBResult, type DuckDBValue } from '@duckdb/node-api';
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';

export interface ParquetFileOptions {
  name: string;
  path: string;
  /** The fields wanted. */
  schema: readonly Field[];
  /** Timestamps without a time zone are in UTC. */
  utc: boolean;
  /** Number of the first row, from 0. */
  from: number;
}

/** How a column is asked for, and what its values are made into. */
interface Column {
  name: string;
  sql: string;
  nested: boolean;
}

const SETTINGS = [
  "memory_limit = '512MB'",
  "temp_directory = ''",
  'threads = 1',
  "TimeZone = 'UTC'",
  'autoinstall_known_extensions = false',
  'autoload_known_extensions = false',
];

export class ParquetFile {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #columns: readonly Column[];
  readonly #rows: DuckDBResult;
  readonly #name: string;
  #chunk: readonly (readonly DuckDBValue[])[] = [];
  #at = 0;

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    columns: readonly Column[],
    rows: DuckDBResult,
    name: string,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#columns = columns;
    this.#rows = rows;
    this.#name = name;
  }

  /** @throws Fault SOURCE_TRUNCATED when it is no whole Parquet file, SOURCE_HEADER when it lacks a column. */
  static async open({ name, path, schema, utc, from }: ParquetFileOptions): Promise<ParquetFile> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      for (const setting of SETTINGS) await connection.run(`SET ${setting}`);
      // What would be a pattern is a name.
      const file = `read_parquet(${literal(path.replace(/[*?[]/g, '[$&]'))}, file_row_number = true)`;
      const described = await connection.runAndReadAll(`DESCRIBE SELECT * EXCLUDE file_row_number FROM ${file}`);
      const found = new Map(described.getRows().map(([column, type]) => [String(column), String(type)]));
      const columns = columnsOf(name, found, schema, utc);
      const rows = await connection.stream(
        `SELECT ${columns.map(({ sql }) => sql).join(', ')} FROM ${file} WHERE file_row_number >= ${from}`,
      );
      return new ParquetFile(instance, connection, columns, rows, name);
    } catch (error) {
      connection.closeSync();
      instance.closeSync();
      throw faultOf(error, name);
    }
  }

  /** The next row; undefined at the end. @throws Fault SOURCE_TRUNCATED where it is damaged. */
  async next(): Promise<Record<string, unknown> | undefined> {
    if (this.#at >= this.#chunk.length) {
      const chunk = await this.#rows.fetchChunk().catch((error: unknown) => {
        throw faultOf(error, this.#name);
      });
      if (chunk === null || chunk.rowCount === 0) return undefined;
      this.#chunk = chunk.getRows();
      this.#at = 0;
    }
    const row = this.#chunk[this.#at++]!;
    const fields: Record<string, unknown> = {};
    for (let i = 0; i < this.#columns.length; i++) {
      const { name, nested } = this.#columns[i]!;
      const value = row[i];
      fields[name] = nested && typeof value === 'string' ? JSON.parse(value) : value;
    }
    return fields;
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

/** @throws Fault SOURCE_HEADER naming every column that is absent. */
function columnsOf(
  place: string,
  found: ReadonlyMap<string, string>,
  schema: readonly Field[],
  utc: boolean,
): readonly Column[] {
  const absent = schema.filter(({ name }) => !found.has(name)).map(({ name }) => `\`${name}\``);
  if (absent.length > 0) {
    const there = [...found.keys()].map((name) => `\`${name}\``).join(', ');
    throw new Fault('SOURCE_HEADER', `it has no column ${absent.join(', ')}, but ${there}`, {
      place,
      help: 'let the schema have fields that are columns of the file',
    });
  }
  return schema.map((field) => columnOf(field, found.get(field.name)!, utc));
}

const REAL = new Set(['DOUBLE', 'FLOAT']);
const READ_AS_TEXT = new Set(['decimal', 'string']);

/**
 * Texts, which are read as the type of their field, wherever a text says it exactly. Floating-point numbers stay what
 * they are, since NaN and the infinities have no text, unless the field is a decimal or a text.
 */
function columnOf({ name, kind }: Field, type: string, utc: boolean): Column {
  const column = `"${name.replaceAll('"', '""')}"`;
  const nested = /\]$|^(STRUCT|MAP|UNION)\(/.test(type);
  if (nested) return { name, sql: `to_json(${column})::VARCHAR`, nested };
  if (REAL.has(type) && !READ_AS_TEXT.has(kind)) return { name, sql: column, nested };
  if (type === 'BLOB') return { name, sql: `hex(${column})`, nested };
  if (type === 'TIMESTAMP WITH TIME ZONE')
    return { name, sql: `strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`, nested };
  if (type.startsWith('TIMESTAMP')) {
    const fraction = type === 'TIMESTAMP_NS' ? '%n' : '%f';
    return { name, sql: `strftime(${column}, '%Y-%m-%dT%H:%M:%S.${fraction}${utc ? 'Z' : ''}')`, nested };
  }
  return { name, sql: `${column}::VARCHAR`, nested };
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** What DuckDB says of a file; its message names places in the file, not values. */
function faultOf(error: unknown, place: string): Fault {
  if (error instanceof Fault) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Fault('SOURCE_TRUNCATED', message.replace(/\s+/g, ' ').slice(0, 300), { place, cause: error });
}
