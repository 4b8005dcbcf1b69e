/** Rows of a log as NDJSON and CSV. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { valueToJson } from '../avro/json.ts';
import { typeOf } from '../avro/type.ts';
import type { LogRow } from './file-log.ts';
import type { FileFormat } from './file-partition.ts';

/** What stands beside the fields in every format, in this order. */
export const OWN_COLUMNS = ['_id', '_version', '_revision', '_deleted', '_offset', '_timestamp'] as const;

/** The version as text, since it has 64 bits; the time of the record in ISO 8601. */
export const ownValues = ({ id, version, revision, timestamp, offset, bytes }: LogRow) => ({
  _id: id,
  _version: String(version),
  _revision: revision,
  _deleted: bytes === null,
  _offset: offset,
  _timestamp: new Date(timestamp).toISOString(),
});

/** A row's values as avro/json.ts writes them; undefined for a deletion. */
export function jsonReader(schema: object): (row: LogRow) => Record<string, unknown> | undefined {
  const type = typeOf(schema);
  return ({ bytes }) =>
    bytes === null ? undefined : (valueToJson(schema, type.fromBuffer(bytes)) as Record<string, unknown>);
}

type Lines = (schema: object, rows: readonly LogRow[]) => Generator<string>;

function* ndjsonLines(schema: object, rows: readonly LogRow[]): Generator<string> {
  const read = jsonReader(schema);
  for (const row of rows) yield `${JSON.stringify({ ...read(row), ...ownValues(row) })}\n`;
}

/** RFC 4180 with a header. null is an empty field, an empty text is `""`; lists and objects are JSON. */
function* csvLines(schema: object, rows: readonly LogRow[]): Generator<string> {
  const names = (schema as { fields: { name: string }[] }).fields.map(({ name }) => name);
  const read = jsonReader(schema);
  yield `${[...names, ...OWN_COLUMNS].map(csvField).join(',')}\r\n`;
  for (const row of rows) {
    const value = read(row);
    const own = ownValues(row);
    yield `${[...names.map((name) => csvField(value?.[name])), ...OWN_COLUMNS.map((name) => csvField(own[name]))].join(',')}\r\n`;
  }
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export type Compression = 'none' | 'gzip' | 'zstd';

const COMPRESSIONS: Readonly<Record<Compression, { ending: string; stream?: () => NodeJS.ReadWriteStream }>> = {
  none: { ending: '' },
  gzip: { ending: '.gz', stream: () => createGzip() },
  zstd: { ending: '.zst', stream: () => createZstdCompress() },
};

/** So many characters go to the compression at once. */
const CHUNK = 65_536;

function* chunks(lines: Generator<string>): Generator<string> {
  let text = '';
  for (const line of lines) {
    text += line;
    if (text.length < CHUNK) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

function textFormat(ending: string, lines: Lines, compression: Compression): FileFormat {
  const { ending: packed, stream } = COMPRESSIONS[compression];
  return {
    ending: `${ending}${packed}`,
    async write(path, schema, rows) {
      const from = Readable.from(chunks(lines(schema, rows)));
      const to = createWriteStream(path, { flags: 'wx', flush: true });
      await (stream === undefined ? pipeline(from, to) : pipeline(from, stream(), to));
    },
  };
}

export const ndjson = (compression: Compression): FileFormat => textFormat('.ndjson', ndjsonLines, compression);
export const csv = (compression: Compression): FileFormat => textFormat('.csv', csvLines, compression);
