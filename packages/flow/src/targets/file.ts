/** The target `file`: an append-only log of versions, in files that appear whole and hold each record once. */
import { mkdir, readdir } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { Fault } from '@quadrille/record';
import type avsc from 'avsc';
import type { Field } from '../avro/field.ts';
import { schemaOfFields } from '../avro/record-schema.ts';
import { typeOf } from '../avro/type.ts';
import type { ConfigProblem, FoundRow, Outcome, Target, TargetContext, TargetRow, TargetType } from '../target.ts';
import { findInFolders } from './file-find.ts';
import { type Compression, csv, ndjson, OWN_COLUMNS } from './file-format.ts';
import { type ParquetCompression, parquet, unfit } from './file-parquet.ts';
import { type FileFormat, type Limits, logRow, PartitionFiles } from './file-partition.ts';

export interface FileConfig {
  path: string;
  format?: 'ndjson' | 'csv' | 'parquet';
  compression?: ParquetCompression;
  rows?: number;
  bytes?: number;
  seconds?: number;
}

/**
 * Example:
 *
 *     archive: { loader: { type: file, path: out/flights, format: parquet, rows: 100000 }, from: flights.enriched }
 */
export const file: TargetType<FileConfig> = {
  type: 'file',
  doc: 'Files of NDJSON, CSV or Parquet: `<path>/<topic>/partition=<n>/<first offset>-<last offset>-….parquet`. A file appears whole, by one rename, and never changes; names are the record of what is written, so that after a crash nothing is missing or stands twice. Rows of a partition are collected in a hidden log beside the files, synced at each write, until there are enough of them or `seconds` have passed. Every version is a row; beside the fields stand `_id`, `_version`, `_revision`, `_deleted`, `_offset` and `_timestamp`. Where a topic was made anew, the station ends with TARGET_FOREIGN instead of mixing two.',
  features: {
    '': {
      late: 'kept',
      again: 'position',
      whole: false,
      dryRun: 'target',
      deletes: 'a row with `_deleted` and no values',
    },
  },
  config: {
    type: 'object',
    properties: {
      path: {
        description:
          'Folder, relative to the flow file; made if it is absent. On a file system that all instances share.',
        type: 'string',
        minLength: 1,
      },
      format: { description: 'Format of the files.', enum: ['ndjson', 'csv', 'parquet'], default: 'ndjson' },
      compression: {
        description: '`gzip`, `zstd` or `none`; with Parquet `snappy` too. By default `none`, with Parquet `zstd`.',
        enum: ['none', 'gzip', 'zstd', 'snappy'],
      },
      rows: { description: 'A file of so many rows is complete.', type: 'integer', minimum: 1, default: 200_000 },
      bytes: {
        description: 'So many bytes collected are a file; before compression, and held in memory while it is made.',
        type: 'integer',
        minimum: 1024,
        maximum: 1_073_741_824,
        default: 67_108_864,
      },
      seconds: { description: 'A row waits at most so long for its file.', type: 'integer', minimum: 1, default: 300 },
    },
    required: ['path'],
    additionalProperties: false,
  },
  check,
  create: (config, context) => new FileTarget(config, context),
};

function check({ format = 'ndjson', compression }: FileConfig, fields: readonly Field[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (compression === 'snappy' && format !== 'parquet')
    problems.push({ path: ['compression'], what: '`snappy` is for Parquet', help: 'take `gzip` or `zstd`' });
  for (const field of fields) {
    if ((OWN_COLUMNS as readonly string[]).includes(field.name))
      problems.push({ path: ['type'], what: `field \`${field.name}\` has a name that the target uses itself` });
    const why = format === 'parquet' ? unfit(field) : undefined;
    if (why !== undefined)
      problems.push({ path: ['format'], what: `\`${field.name}\`: ${why}`, help: 'take another format' });
  }
  return problems;
}

function formatOf({ format = 'ndjson', compression }: FileConfig): FileFormat {
  if (format === 'parquet') return parquet(compression ?? 'zstd');
  return (format === 'csv' ? csv : ndjson)((compression as Compression) ?? 'none');
}

class FileTarget implements Target {
  readonly #folder: string;
  readonly #format: FileFormat;
  readonly #schema: object;
  readonly #type: avsc.Type;
  readonly #limits: Limits;
  readonly #waitMs: number;
  readonly #partitions = new Map<string, PartitionFiles>();
  #timer: NodeJS.Timeout | undefined;
  /** One thing at a time happens to the files. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: FileConfig, { folder, fields }: TargetContext) {
    this.#folder = isAbsolute(config.path) ? config.path : resolve(folder, config.path);
    this.#format = formatOf(config);
    this.#schema = schemaOfFields(fields);
    this.#type = typeOf(this.#schema);
    this.#limits = { rows: config.rows ?? 200_000, bytes: config.bytes ?? 67_108_864 };
    this.#waitMs = (config.seconds ?? 300) * 1000;
  }

  /** Makes files of what a crash has left, of all partitions: nobody may ever write to some of them again. */
  open(): Promise<void> {
    return this.#alone(async () => {
      await mkdir(this.#folder, { recursive: true });
      for (const folder of await partitionsIn(this.#folder)) await this.#filesAt(folder).settle();
      this.#timer ??= setInterval(() => void this.#rollOld().catch(() => undefined), Math.min(this.#waitMs / 4, 5_000));
      this.#timer.unref();
    });
  }

  write(rows: TargetRow[], dryRun = false): Promise<Outcome[]> {
    return this.#alone(async () => {
      const outcomes: Outcome[] = new Array(rows.length);
      for (const [folder, of] of this.#byPartition(rows)) {
        const own = of.map((i) => {
          const row = rows[i] as TargetRow;
          return logRow(row, row.value === null ? null : this.#type.toBuffer(row.value));
        });
        const written = await this.#filesAt(folder).write(own, this.#limits, dryRun);
        for (const [at, outcome] of written.entries()) outcomes[of[at] as number] = outcome;
      }
      return outcomes;
    });
  }

  /** Reads all files: for a question now and then. */
  find(id: string): Promise<FoundRow | undefined> {
    return this.#guarded(async () => findInFolders(await partitionsIn(this.#folder), this.#format.ending, id));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#alone(async () => {
      try {
        for (const files of this.#partitions.values()) await files.roll();
      } finally {
        for (const files of this.#partitions.values()) await files.abandon();
        this.#partitions.clear();
      }
    });
  }

  /** What could not be made into a file stays as it is, and is tried again when the next row comes. */
  #rollOld(): Promise<void> {
    return this.#alone(async () => {
      const before = Date.now() - this.#waitMs;
      for (const files of this.#partitions.values()) if ((files.since ?? Infinity) <= before) await files.roll();
    });
  }

  /** Indexes of the rows by folder, sorted by offset. */
  #byPartition(rows: readonly TargetRow[]): Map<string, number[]> {
    const offset = (i: number): number => (rows[i] as TargetRow).offset;
    const found = new Map<string, number[]>();
    for (const [i, { topic, partition }] of rows.entries()) {
      const folder = join(this.#folder, topic, `partition=${partition}`);
      const there = found.get(folder);
      if (there === undefined) found.set(folder, [i]);
      else there.push(i);
    }
    for (const indexes of found.values()) indexes.sort((a, b) => offset(a) - offset(b) || a - b);
    return found;
  }

  #filesAt(folder: string): PartitionFiles {
    let files = this.#partitions.get(folder);
    if (files === undefined) {
      files = new PartitionFiles(folder, this.#format, this.#schema);
      this.#partitions.set(folder, files);
    }
    return files;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => this.#guarded(work));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** @throws Fault */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#faultOf(error);
    }
  }

  #faultOf(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      return new Fault('ACCESS_DENIED', message, {
        place: this.#folder,
        help: 'let the user of the station write there',
        cause: error,
      });
    return new Fault('TARGET_UNAVAILABLE', message, {
      place: this.#folder,
      help: 'see whether the file system is there and has room; the station tries again by itself',
      cause: error,
    });
  }
}

/** The folders of partitions; none where nothing was ever written. */
async function partitionsIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const topic of await foldersIn(folder))
    for (const name of await foldersIn(join(folder, topic)))
      if (/^partition=\d+$/.test(name)) found.push(join(folder, topic, name));
  return found;
}

async function foldersIn(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory());
    return folders.map(({ name }) => name).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
