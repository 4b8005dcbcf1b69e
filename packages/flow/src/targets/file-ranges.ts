/** Which offsets of a partition stand in files, by their names: `<first>-<last>-<fingerprint>.<ending>`. */
import { createHash } from 'node:crypto';
import type { LogRow } from './file-log.ts';

export interface Range {
  first: number;
  last: number;
  /** Of the first row. */
  fingerprint: string;
}

const DIGITS = 16;
const NAME = /^(\.sealed-)?(\d+)-(\d+)-([0-9a-f]{8})(\..+)?$/;

/** Names sort as offsets do. */
export const rangeName = ({ first, last, fingerprint }: Range): string =>
  `${String(first).padStart(DIGITS, '0')}-${String(last).padStart(DIGITS, '0')}-${fingerprint}`;

/** The range of a name, and whether it is a log on its way to become a file; undefined for any other name. */
export function parseRange(name: string): (Range & { isSealed: boolean }) | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, sealed, first, last, fingerprint] = match;
  return {
    first: Number(first),
    last: Number(last),
    fingerprint: fingerprint as string,
    isSealed: sealed !== undefined,
  };
}

/** Tells the record at an offset from another that stands there after its topic was made anew. */
export const fingerprintOf = ({ id, version, revision }: Pick<LogRow, 'id' | 'version' | 'revision'>): string =>
  createHash('sha256').update(`${version}/${revision}/${id}`).digest('hex').slice(0, 8);

/** The ranges of one partition. */
export class Ranges {
  readonly #ranges: Range[] = [];

  add(range: Range): void {
    const at = this.#ranges.findIndex(({ first }) => first > range.first);
    this.#ranges.splice(at < 0 ? this.#ranges.length : at, 0, range);
  }

  /** The range that holds an offset. */
  at(offset: number): Range | undefined {
    const range = this.#ranges[this.#before(offset)];
    return range !== undefined && offset <= range.last ? range : undefined;
  }

  /** Whether one stands between two offsets. */
  between(low: number, high: number): boolean {
    const range = this.#ranges[this.#before(high)];
    return range !== undefined && range.first > low;
  }

  /** Index of the last one that begins at an offset or before it. */
  #before(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range).first <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
