/** The source `parquet`: Parquet files, read by DuckDB, one shard a file. */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asFault } from '@quadrille/record';
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
import { type FileIdentity, type FilesConfig, fileShards, filesProperties, identify, Quiet, tagOf } from './files.ts';
import { ParquetFile } from './parquet-file.ts';

export interface ParquetConfig extends FilesConfig {
  utc?: boolean;
}

/** Where a file has been read to, and which file that was. */
type ParquetPosition = SourcePosition & FileIdentity;

const LOOK_MS = 200;

/**
 * Example:
 *
 *     trips: { extractor: { type: parquet, path: data/trips-*.parquet, id: "{trip}" }, to: trips.reported }
 */
export const parquet: SourceType<ParquetConfig> = {
  type: 'parquet',
  doc: 'Parquet files. A file is a shard, and its row number the place of a row; columns that the schema lacks are not read. Whole numbers, decimals, dates and times are read without rounding, floating-point numbers and nested values as they are.',
  config: {
    type: 'object',
    properties: {
      ...filesProperties,
      utc: {
        description: 'Timestamps that were written without a time zone are in UTC. Otherwise they are local times.',
        type: 'boolean',
        default: false,
      },
    },
    required: ['path'],
    additionalProperties: false,
  },
  traits: { knowsNull: true },
  create: (config, context) => new ParquetSource(config, context),
};

class ParquetSource implements Source {
  readonly #config: ParquetConfig;
  readonly #context: SourceContext;

  constructor(config: ParquetConfig, context: SourceContext) {
    this.#config = config;
    this.#context = context;
  }

  shards(): Promise<Shard[]> {
    return fileShards(this.#context.folder, this.#config);
  }

  async open({ name }: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const path = resolve(this.#context.folder, name);
    const handle = await open(path).catch((error: unknown) => {
      throw asFault(error, 'SOURCE_UNAVAILABLE', { place: name });
    });
    try {
      const identity = await identify(handle, name, from as ParquetPosition | undefined);
      const quiet = new Quiet(handle, this.#config.quietMs ?? 1_000);
      const { schema } = this.#context;
      const options = { name, path, schema, utc: this.#config.utc ?? false, from: from?.row ?? 0 };
      return new ParquetReader(options, identity, quiet, () => handle.close());
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

class ParquetReader implements ShardReader {
  readonly #options: Parameters<typeof ParquetFile.open>[0];
  readonly #quiet: Quiet;
  readonly #release: () => Promise<void>;
  #identity: FileIdentity;
  #file: ParquetFile | undefined;
  #row: number;

  constructor(
    options: Parameters<typeof ParquetFile.open>[0],
    identity: FileIdentity,
    quiet: Quiet,
    release: () => Promise<void>,
  ) {
    this.#options = options;
    this.#identity = identity;
    this.#quiet = quiet;
    this.#release = release;
    this.#row = options.from;
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    const items: RawItem[] = [];
    let end = false;
    if (this.#file === undefined && !(await this.#finished(stop))) return { items, next: this.#position(), end };
    this.#file ??= await ParquetFile.open(this.#options);
    while (items.length < max && !end && !stop?.aborted) {
      const fields = await this.#file.next();
      if (fields === undefined) end = true;
      else items.push({ fields, place: `${this.#options.name}#${this.#row + items.length + 1}` });
    }
    this.#row += items.length;
    const next = this.#position();
    return { items, next: end ? { ...next, tag: tagOf(next.size) } : next, end };
  }

  #position(): ParquetPosition {
    return { row: this.#row, ...this.#identity };
  }

  /** What a Parquet file holds stands at its end: nothing can be read of one that is still being written. */
  async #finished(stop: AbortSignal | undefined): Promise<boolean> {
    const { size } = this.#identity;
    const left = await this.#quiet.left(size);
    if (left === 0) return true;
    if (left === undefined) this.#identity = await this.#quiet.identity(this.#options.name);
    await sleep(Math.min(left ?? LOOK_MS, LOOK_MS), undefined, { signal: stop }).catch(() => {});
    return false;
  }

  async close(): Promise<void> {
    this.#file?.close();
    await this.#release();
  }
}
