/** The source `ndjson`: files with one JSON object a line, plain, gzip or zstd, one shard a file. */
import { isUtf8 } from 'node:buffer';
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
import { isObject, parserOf } from './exact-json.ts';
import { type FileIdentity, type FilesConfig, fileShards, filesProperties, OpenFile, tagOf } from './files.ts';
import { type Line, linesOf } from './lines.ts';

export interface NdjsonConfig extends FilesConfig {
  maxLineBytes?: number;
}

/** Where a file has been read to, and which file that was. */
interface NdjsonPosition extends SourcePosition, FileIdentity {
  /** Line of the last item read; for people. */
  line: number;
}

/**
 * Example:
 *
 *     clicks: { extractor: { type: ndjson, path: data/clicks-*.ndjson.zst, id: "{click}" }, to: clicks.reported }
 */
export const ndjson: SourceType<NdjsonConfig> = {
  type: 'ndjson',
  doc: 'Files with one JSON object a line in UTF-8, plain, gzip or zstd. A file is a shard; empty lines are passed over. Numbers of decimal fields, and of longs that are bigints, are taken as they are written, without rounding.',
  config: {
    type: 'object',
    properties: {
      ...filesProperties,
      maxLineBytes: {
        description: 'A longer line is a fault of its own.',
        type: 'integer',
        minimum: 1024,
        maximum: 268_435_456,
        default: 1_048_576,
      },
    },
    required: ['path'],
    additionalProperties: false,
  },
  traits: { knowsNull: true },
  create: (config, context) => new NdjsonSource(config, context),
};

class NdjsonSource implements Source {
  readonly #config: NdjsonConfig;
  readonly #folder: string;
  readonly #parse: (text: string) => unknown;

  constructor(config: NdjsonConfig, { folder, schema }: SourceContext) {
    this.#config = config;
    this.#folder = folder;
    this.#parse = parserOf(schema);
  }

  shards(): Promise<Shard[]> {
    return fileShards(this.#folder, this.#config);
  }

  async open({ name }: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const before = from as NdjsonPosition | undefined;
    const file = await OpenFile.open(resolve(this.#folder, name), name, before, this.#config.quietMs);
    const reader = new NdjsonReader(name, file, this.#config.maxLineBytes ?? 1_048_576, this.#parse);
    try {
      await reader.skip(before?.row ?? 0);
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }
}

class NdjsonReader implements ShardReader {
  readonly #name: string;
  readonly #file: OpenFile;
  readonly #lines: AsyncGenerator<Line | undefined, void, undefined>;
  readonly #parse: (text: string) => unknown;
  #row = 0;
  #line = 0;
  /** Thrown by every later `read`, once what was read before it is delivered. */
  #failure: unknown;

  constructor(name: string, file: OpenFile, limit: number, parse: (text: string) => unknown) {
    this.#name = name;
    this.#file = file;
    this.#lines = linesOf(file.blocks, limit);
    this.#parse = parse;
  }

  async skip(rows: number): Promise<void> {
    while (this.#row < rows) {
      const { done, value } = await this.#lines.next();
      if (done)
        throw new Fault('SOURCE_CHANGED', `it has ${this.#row} lines, and ${rows} had been read`, {
          place: this.#name,
        });
      if (value === undefined) continue;
      this.#row++;
      this.#line = value.number;
    }
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#file.stop = stop;
    const items: RawItem[] = [];
    let end = false;
    try {
      while (items.length < max && !end) {
        const { done, value } = await this.#lines.next();
        if (done) end = true;
        else if (value !== undefined) items.push(this.#item(value));
        else if (items.length > 0) break;
      }
    } catch (error) {
      this.#failure = error;
      if (items.length === 0) throw error;
    }
    this.#row += items.length;
    const next: NdjsonPosition = { row: this.#row, line: this.#line, ...this.#file.identity };
    return { items, next: end ? { ...next, tag: tagOf(next.size) } : next, end };
  }

  async close(): Promise<void> {
    await this.#lines.return();
    await this.#file.close();
  }

  #item({ number, bytes, tooLong }: Line): RawItem {
    this.#line = number;
    const place = `${this.#name}:${number}`;
    if (tooLong)
      return {
        fault: new Fault('ROW_TOO_LARGE', '', { place, help: 'raise `maxLineBytes` in the flow file' }),
        bytes: Buffer.from(bytes),
        place,
      };
    if (!isUtf8(bytes)) return { fault: new Fault('TEXT_INVALID', '', { place }), bytes: Buffer.from(bytes), place };
    try {
      const fields = this.#parse(bytes.toString('utf8'));
      if (isObject(fields)) return { fields, place };
    } catch {
      // What JSON.parse says quotes the line, and a message must not hold payload.
    }
    const help = 'every line must be one JSON object';
    const fault = new Fault('ROW_MALFORMED', 'it is not a JSON object', { place, help });
    return { fault, bytes: Buffer.from(bytes), place };
  }
}
