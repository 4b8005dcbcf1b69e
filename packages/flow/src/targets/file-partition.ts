/**
 * The files of one input partition, and the log that becomes the next one. Names are the only state, and every step is one
 * rename, so that a crash leaves nothing in between:
 *
 *     .open-<random>                       rows are appended; whoever holds it may write
 *     .taken-<random>                      somebody else has taken it: what its holder appends now, it will not answer for
 *     .sealed-<first>-<last>-<fingerprint> its rows count, and become a file
 *     <first>-<last>-<fingerprint>.<ending>
 *
 * The consumer group gives a partition to one instance at a time; where two believe that they have it, the one that took
 * the log away wins, and the other begins anew from what stands there.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@quadrille/record';
import type { Outcome, TargetRow } from '../target.ts';
import { type LogRow, readLog, rowsFrame, schemaFrame } from './file-log.ts';
import { fingerprintOf, parseRange, type Range, Ranges, rangeName } from './file-ranges.ts';

/** Makes a file of rows, at a path that is not there yet; resolves when it is synced. */
export interface FileFormat {
  /** With the dot. */
  ending: string;
  write(path: string, schema: object, rows: readonly LogRow[]): Promise<void>;
}

export interface Limits {
  rows: number;
  bytes: number;
}

interface OpenLog extends Range {
  path: string;
  handle: FileHandle;
  inode: number;
  rows: number;
  bytes: number;
  /** Date.now() of its first row. */
  since: number;
}

const random = (): string => randomBytes(8).toString('hex');
const absent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

export class PartitionFiles {
  readonly #folder: string;
  readonly #format: FileFormat;
  readonly #schema: object;
  #ranges = new Ranges();
  #log: OpenLog | undefined;

  /** @param schema of the values, as they are given to `write`. */
  constructor(folder: string, format: FileFormat, schema: object) {
    this.#folder = folder;
    this.#format = format;
    this.#schema = schema;
  }

  /** Date.now() of the first row that is in no file yet. */
  get since(): number | undefined {
    return this.#log !== undefined && this.#log.rows > 0 ? this.#log.since : undefined;
  }

  /**
   * Writes the rows that do not stand yet; durable when it resolves.
   * @param rows of this partition, sorted by offset; `bytes` by the schema.
   * @throws Fault TARGET_FOREIGN; TARGET_UNAVAILABLE when another instance has taken over; errors of the file system
   */
  async write(rows: readonly LogRow[], limits: Limits, dryRun: boolean): Promise<Outcome[]> {
    let log = await this.#hold();
    const outcomes: Outcome[] = [];
    let batch: LogRow[] = [];
    let last = log.rows > 0 ? log.last : -1;
    for (const row of rows) {
      const { offset } = row;
      if ((batch.length > 0 && offset === last) || this.#stands(row, log)) {
        outcomes.push('unchanged');
        continue;
      }
      outcomes.push('written');
      if (dryRun) continue;
      // A file is one range: what is written before or behind another range begins a new one.
      if (last >= 0 && (offset < last || this.#ranges.between(last, offset))) {
        await this.#append(log, batch);
        batch = [];
        await this.roll();
        log = await this.#hold();
      }
      batch.push(row);
      last = offset;
    }
    await this.#append(log, batch);
    if (log.rows >= limits.rows || log.bytes >= limits.bytes) await this.roll();
    return outcomes;
  }

  /** Makes a file of what is in the log. */
  async roll(): Promise<void> {
    const log = this.#log;
    if (log === undefined) return;
    this.#log = undefined;
    await log.handle.close();
    if (log.rows === 0) return rm(log.path, { force: true });
    try {
      await this.#seal(log.path, log);
    } catch (error) {
      // Taken by another instance, which makes the file.
      if (!absent(error)) throw error;
    }
    await this.#finish();
  }

  /** Makes files of all logs that others have left. */
  async settle(): Promise<void> {
    // Cut short by a crash. One that is still being made is made again.
    for (const name of await this.#names())
      if (name.startsWith('.made-')) await rm(join(this.#folder, name), { force: true });
    await this.#take();
    await this.#finish();
  }

  /** Gives the log up as it is; whoever comes next makes a file of it. */
  async abandon(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.handle.close().catch(() => undefined);
  }

  #stands(row: LogRow, log: OpenLog): boolean {
    const { offset } = row;
    const range = log.rows > 0 && offset >= log.first && offset <= log.last ? log : this.#ranges.at(offset);
    if (range === undefined) return false;
    if (range.first === offset && range.fingerprint !== fingerprintOf(row))
      throw new Fault('TARGET_FOREIGN', `another record stands for offset ${offset}`, { place: this.#folder });
    return true;
  }

  /** The log that this instance writes to, still its own; with it, what stands in the folder is known. */
  async #hold(): Promise<OpenLog> {
    if (this.#log !== undefined && (await this.#isOurs(this.#log))) return this.#log;
    await this.abandon();
    await mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, `.open-${random()}`);
    const handle = await open(path, 'wx');
    const { ino: inode } = await handle.stat();
    const log = { path, handle, inode, rows: 0, bytes: 0, first: -1, last: -1, fingerprint: '', since: 0 };
    this.#log = log;
    // It stands before the folder is read: from here on whoever writes here has to take it away first.
    await this.#take();
    await this.#finish();
    const names = await readdir(this.#folder);
    this.#ranges = new Ranges();
    for (const name of names) {
      const range = parseRange(name);
      if (range !== undefined) this.#ranges.add(range);
    }
    await handle.appendFile(schemaFrame(this.#schema));
    return log;
  }

  async #append(log: OpenLog, rows: readonly LogRow[]): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    const frame = rowsFrame(rows);
    try {
      await log.handle.appendFile(frame);
      await log.handle.datasync();
      if (log.rows === 0) await this.#syncFolder();
      if (!(await this.#isOurs(log))) throw this.#lost();
    } catch (error) {
      // Part of a frame may stand there: nothing may follow it.
      await this.abandon();
      throw error;
    }
    if (log.rows === 0)
      Object.assign(log, { first: first.offset, fingerprint: fingerprintOf(first), since: Date.now() });
    log.last = (rows.at(-1) as LogRow).offset;
    log.rows += rows.length;
    log.bytes += frame.length;
  }

  async #isOurs({ path, inode }: OpenLog): Promise<boolean> {
    try {
      return (await stat(path)).ino === inode;
    } catch (error) {
      if (absent(error)) return false;
      throw error;
    }
  }

  /** Logs of other instances, live or not, become sealed: no answer of theirs is given after this that is not in them. */
  async #take(): Promise<void> {
    for (const name of await this.#names()) {
      if (!/^\.(open|taken)-/.test(name) || join(this.#folder, name) === this.#log?.path) continue;
      const taken = join(this.#folder, `.taken-${random()}`);
      try {
        await rename(join(this.#folder, name), taken);
        const rows = readLog(await readFile(taken))?.rows ?? [];
        const first = rows[0];
        if (first === undefined) await rm(taken, { force: true });
        else
          await this.#seal(taken, {
            first: first.offset,
            last: (rows.at(-1) as LogRow).offset,
            fingerprint: fingerprintOf(first),
          });
      } catch (error) {
        // Somebody else has taken it from us.
        if (!absent(error)) throw error;
      }
    }
  }

  async #seal(path: string, range: Range): Promise<void> {
    await rename(path, join(this.#folder, `.sealed-${rangeName(range)}`));
    await this.#syncFolder();
  }

  /** Sealed logs become files; the same rows give the same file, so that two may do it at once. */
  async #finish(): Promise<void> {
    for (const name of await this.#names()) {
      const range = parseRange(name);
      if (range?.isSealed !== true) continue;
      const sealed = join(this.#folder, name);
      const made = join(this.#folder, `.made-${random()}`);
      try {
        const log = readLog(await readFile(sealed));
        if (log === undefined) continue;
        const rows = log.rows.filter(({ offset }) => offset <= range.last);
        await this.#format.write(made, log.schema, rows);
        await rename(made, join(this.#folder, `${rangeName(range)}${this.#format.ending}`));
        await this.#syncFolder();
        await rm(sealed, { force: true });
      } catch (error) {
        await rm(made, { force: true }).catch(() => undefined);
        if (!absent(error)) throw error;
      }
    }
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#folder)).sort();
    } catch (error) {
      if (absent(error)) return [];
      throw error;
    }
  }

  /** Names are durable from here on. */
  async #syncFolder(): Promise<void> {
    const handle = await open(this.#folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  #lost(): Fault {
    return new Fault('TARGET_UNAVAILABLE', 'another instance has taken over this partition', {
      place: this.#folder,
      help: 'the station goes on by itself from what stands there',
    });
  }
}

/** A row as it stands in a log. */
export const logRow = ({ id, version, revision, timestamp, offset }: TargetRow, bytes: Buffer | null): LogRow => ({
  id,
  version,
  revision,
  timestamp,
  offset,
  bytes,
});
