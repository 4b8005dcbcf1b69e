/** The source `csv`: files of comma-separated values, plain, gzip or zstd, one shard a file. */
import { resolve } from 'node:path';
import { Fault } from '@quadrille/record';
import type {
  RawItem,
  Shard,
  ShardReader,
  Source,
  SourceChunk,
  SourceContext,
  SourcePosition,
  SourceType,
} from '../source.ts';
import { readColumns } from './csv-columns.ts';
import { type CsvFormat, CsvRows } from './csv-rows.ts';
import { type FileIdentity, type FilesConfig, fileShards, filesProperties, OpenFile, tagOf } from './files.ts';

export interface CsvConfig extends FilesConfig {
  delimiter?: string;
  quote?: string;
  columns?: string[];
  header?: boolean;
  maxRowBytes?: number;
}

/** Where a file has been read to, and which file that was. */
interface CsvPosition extends SourcePosition, FileIdentity {
  /** Line of the last item read; for people. */
  line: number;
}

/**
 * Example:
 *
 *     reported: { extractor: { type: csv, path: data/flights-2013-*.csv.gz, id: "{carrier}/{flight}" }, to: flights.reported }
 */
export const csv: SourceType<CsvConfig> = {
  type: 'csv',
  doc: 'Files of comma-separated values in UTF-8 (RFC 4180), plain, gzip or zstd. A file is a shard; every field is delivered as text.',
  config: {
    type: 'object',
    properties: {
      ...filesProperties,
      delimiter: {
        description: 'The character between fields; "\\t" for tabs.',
        type: 'string',
        pattern: '^[\\t -~]$',
        default: ',',
      },
      quote: {
        description: 'The character around fields; empty where quotes are text.',
        type: 'string',
        pattern: '^[!-~]?$',
        default: '"',
      },
      columns: {
        description: 'Names of the columns in order, where the files have no header row.',
        type: 'array',
        items: { type: 'string', minLength: 1 },
        minItems: 1,
        uniqueItems: true,
      },
      header: {
        description:
          'Whether the first row names the columns; with `columns` given it is passed over. By default true without `columns`.',
        type: 'boolean',
      },
      maxRowBytes: {
        description: 'A longer row is a fault of its own.',
        type: 'integer',
        minimum: 1024,
        maximum: 268_435_456,
        default: 1_048_576,
      },
    },
    required: ['path'],
    additionalProperties: false,
  },
  create: (config, context) => new CsvSource(config, context),
};

class CsvSource implements Source {
  readonly #config: CsvConfig;
  readonly #context: SourceContext;
  readonly #format: CsvFormat;

  constructor(config: CsvConfig, context: SourceContext) {
    this.#config = config;
    this.#context = context;
    this.#format = {
      delimiter: config.delimiter ?? ',',
      quote: config.quote ?? '"',
      maxRowBytes: config.maxRowBytes ?? 1_048_576,
    };
    if (this.#format.delimiter === this.#format.quote)
      throw new Fault('CONFIG_INVALID', '`delimiter` and `quote` are the same');
  }

  shards(): Promise<Shard[]> {
    return fileShards(this.#context.folder, this.#config);
  }

  async open(shard: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const before = from as CsvPosition | undefined;
    const file = await OpenFile.open(
      resolve(this.#context.folder, shard.name),
      shard.name,
      before,
      this.#config.quietMs,
    );
    const reader = new CsvReader(shard.name, file, this.#format);
    try {
      const header = this.#config.header ?? this.#config.columns === undefined;
      await reader.begin(header, this.#config.columns, this.#context.fields, this.#format.delimiter);
      if (before !== undefined) await reader.skip(before.row);
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }
}

class CsvReader implements ShardReader {
  readonly #name: string;
  readonly #file: OpenFile;
  readonly #rows: CsvRows;
  #row = 0;
  /** How many columns a row must have; which of them are delivered, and as what. */
  #width = 0;
  #names: readonly string[] = [];
  #indexes: readonly number[] = [];
  /** Thrown by every later `read`, once what was read before it is delivered: the file must be opened anew. */
  #failure: unknown;

  constructor(name: string, file: OpenFile, format: CsvFormat) {
    this.#name = name;
    this.#file = file;
    this.#rows = new CsvRows(format);
  }

  /** Reads the header, if there is one, and settles which columns are delivered. @throws Fault SOURCE_HEADER */
  async begin(
    header: boolean,
    given: readonly string[] | undefined,
    wanted: readonly string[],
    delimiter: string,
  ): Promise<void> {
    const found = header && (await this.#find(false));
    const columns = readColumns(this.#name, { rows: this.#rows, expected: header, found, given, wanted, delimiter });
    this.#width = columns.width;
    this.#names = columns.names;
    this.#indexes = columns.indexes;
    this.#rows.single = columns.width === 1;
  }

  async skip(row: number): Promise<void> {
    while (this.#row < row) {
      if (!(await this.#find(true)))
        throw new Fault('SOURCE_CHANGED', `it has ${this.#row} rows, and ${row} had been read`, { place: this.#name });
      this.#row++;
    }
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    if (this.#failure !== undefined) throw this.#failure;
    const items: RawItem[] = [];
    const rows = this.#rows;
    this.#file.stop = stop;
    let end = false;
    try {
      while (items.length < max && !end) {
        if (rows.next()) items.push(this.#item());
        else if (rows.ended) end = true;
        else if (!(await this.#fill()) && items.length > 0) break;
      }
    } catch (error) {
      this.#failure = error;
      if (items.length === 0) throw error;
    }
    this.#row += items.length;
    const next: CsvPosition = { row: this.#row, line: rows.line, ...this.#file.identity };
    return { items, next: end ? { ...next, tag: tagOf(next.size) } : next, end };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #find(skip: boolean): Promise<boolean> {
    while (!this.#rows.next(skip)) {
      if (this.#rows.ended) return false;
      await this.#fill();
    }
    return true;
  }

  /** @returns false when there is nothing for now. */
  async #fill(): Promise<boolean> {
    const { done, value } = await this.#file.blocks.next();
    if (done) this.#rows.end();
    else if (value.length === 0) return false;
    else this.#rows.push(value);
    return true;
  }

  #item(): RawItem {
    const rows = this.#rows;
    const place = `${this.#name}:${rows.line}`;
    if (rows.problem !== undefined) return { fault: new Fault(rows.problem, '', { place }), bytes: rows.raw(), place };
    if (rows.count !== this.#width) {
      return {
        fault: new Fault('ROW_COLUMNS', `${rows.count} instead of ${this.#width}`, { place }),
        bytes: rows.raw(),
        place,
      };
    }
    const fields: Record<string, string> = {};
    const names = this.#names;
    const indexes = this.#indexes;
    for (let i = 0; i < names.length; i++) fields[names[i] as string] = rows.fields[indexes[i] as number] as string;
    return { fields, place };
  }
}
