/**
 * A JVM's loaded and verified classes in a file (dynamic class data sharing, JEP 350). It halves the processor time of
 * a start. The first run that ends in order writes it; the JVM itself passes over one that does not fit.
 */
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerExit } from './supervision.ts';

/** 128 + SIGTERM: how a JVM ends that was asked to. The archive is whole then, being written last. */
const ENDED_IN_ORDER = 143;

export class ClassArchive {
  #file: string;
  #written: string;
  #mayWrite: boolean;

  /** `folder` is the server's own: there the archive stands until it is whole. */
  constructor(file: string, folder: string, mayWrite: boolean) {
    this.#file = file;
    this.#written = join(folder, 'classes.new');
    this.#mayWrite = mayWrite;
  }

  /** For this start: use what is there, else write one. */
  flags(): string[] {
    if (existsSync(this.#file))
      return [`-XX:SharedArchiveFile=${this.#file}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
    if (!this.#mayWrite) return [];
    rmSync(this.#written, { force: true });
    return [`-XX:ArchiveClassesAtExit=${this.#written}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
  }

  keepAfter(exit: ServerExit): void {
    if (!existsSync(this.#written)) return;
    try {
      if (exit.code === ENDED_IN_ORDER) {
        // The cache may be on another file system than the state.
        const near = `${this.#file}.${process.pid}`;
        copyFileSync(this.#written, near);
        renameSync(near, this.#file);
      }
      rmSync(this.#written, { force: true });
    } catch {
      // Without it the next start is slower, and tries again.
    }
  }
}
