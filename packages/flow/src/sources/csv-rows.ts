/**
 * Rows of CSV (RFC 4180) out of blocks of bytes, one at a time, with the exact bytes and the line of each.
 *
 * Own code, since csv-parse 7.0.3 cannot do what an extractor promises: after a wrong quote it loses the rows up to the
 * next quote or stops, a row beyond its limit ends the file, invalid UTF-8 becomes U+FFFD, and it takes 8 µs a row of
 * 19 columns where this takes 2. csv-rows.test.ts holds the two against each other on random files.
 *
 * What it takes as a row depends on the bytes alone, never on how they were cut into blocks, and every byte belongs to
 * exactly one row, line end or empty line:
 * - Lines end in LF or CRLF; the last one may lack it. A byte order mark is passed over, and so are empty lines, but
 *   where a row has one column they are rows.
 * - A quote stands at both ends of a field or doubled inside a quoted one; anything else is ROW_MALFORMED, as is a quote
 *   that is not closed within `maxRowBytes` or the file. Of a malformed row only its first line is taken, so that one
 *   stray quote does not swallow the good rows after it.
 * - A line longer than `maxRowBytes` is ROW_TOO_LARGE; its beginning is kept, the rest is never held in memory.
 */
import { isAscii, isUtf8 } from 'node:buffer';

export interface CsvFormat {
  /** One ASCII character. */
  delimiter: string;
  /** One ASCII character, or '' where quotes are text like any other. */
  quote: string;
  maxRowBytes: number;
}

export type RowProblem = 'ROW_MALFORMED' | 'ROW_TOO_LARGE' | 'TEXT_INVALID';

const LF = 10;
const CR = 13;
const BOM = Buffer.of(0xef, 0xbb, 0xbf);
const EMPTY: Buffer = Buffer.alloc(0);
/** So much of a row that is too large is kept. */
const KEPT_BYTES = 65_536;

export class CsvRows {
  /** Of the row found: its fields are the first `count` of `fields`, which is used again for the next row. */
  readonly fields: string[] = [];
  count = 0;
  /** What is wrong with the row found; of TEXT_INVALID the fields hold a character for each byte, otherwise nothing of use. */
  problem: RowProblem | undefined;
  /** The line the row found begins on, from 1. */
  line = 0;
  /** Rows have one column, so that an empty line is a row. */
  single = false;
  /** No more blocks will come. */
  ended = false;

  readonly #format: CsvFormat;
  readonly #delimiter: number;
  /** Whole lines, as text when they are valid UTF-8, otherwise a character for each byte. */
  #text = '';
  #encoding: 'utf8' | 'latin1' = 'latin1';
  #valid = true;
  /** Bytes after the last line end. */
  #rest = EMPTY;
  #pos = 0;
  #start = 0;
  #end = 0;
  #quoteAt = -1;
  #nextLine = 1;
  #begun = false;
  /** Inside a line that is too large. */
  #dropping = false;
  #kept = EMPTY;

  constructor(format: CsvFormat) {
    this.#format = format;
    this.#delimiter = format.delimiter.charCodeAt(0);
  }

  /** Takes the next block, to be called when `next` has found no more rows. The block may be reused afterwards. */
  push(block: Buffer): void {
    const before = this.#pos < this.#text.length ? Buffer.from(this.#text.slice(this.#pos), this.#encoding) : EMPTY;
    let from = 0;
    if (this.#dropping) {
      from = block.indexOf(LF) + 1;
      if (from === 0) return;
      this.#dropping = false;
      this.#nextLine++;
    }
    this.#take(Buffer.concat([before, this.#rest, from === 0 ? block : block.subarray(from)]));
  }

  /** Says that no more blocks come: what is left are the last rows. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    const before = Buffer.from(this.#text.slice(this.#pos), this.#encoding);
    this.#take(Buffer.concat([before, this.#rest]));
  }

  /** Finds the next row; false when it needs another block, or when all rows are found. `skip` leaves `fields` alone. */
  next(skip = false): boolean {
    for (;;) {
      const text = this.#text;
      const start = this.#pos;
      if (start >= text.length) return this.#dropping ? false : this.#restTooLarge();
      let end = text.indexOf('\n', start);
      if (end === -1) end = text.length;
      this.line = this.#nextLine;
      this.problem = undefined;
      if (this.#quoteAt !== -1 && this.#quoteAt < start) this.#quoteAt = text.indexOf(this.#format.quote, start);
      if (this.#quoteAt === -1 || this.#quoteAt >= end) {
        this.#found(start, end, 1);
        if (this.#end === start && !this.single) continue;
        if (this.#isLarger(start, end)) this.#tooLarge(this.raw());
        else if (!skip) this.#split(start, this.#end);
      } else if (!this.#quoted(start, end)) return false;
      if (!this.#valid && this.problem === undefined && !skip) this.#decode();
      return true;
    }
  }

  /** The bytes of the row found, without its line end; of one that is too large the first 64 KiB. */
  raw(): Buffer {
    if (this.problem === 'ROW_TOO_LARGE') return this.#kept;
    return Buffer.from(this.#text.slice(this.#start, this.#end), this.#encoding);
  }

  #take(bytes: Buffer): void {
    const cut = this.ended ? bytes.length : bytes.lastIndexOf(LF) + 1;
    let from = 0;
    if (!this.#begun && cut > 0) {
      this.#begun = true;
      if (bytes.subarray(0, 3).equals(BOM)) from = 3;
    }
    const lines = bytes.subarray(from, cut);
    this.#rest = bytes.subarray(cut);
    this.#valid = isUtf8(lines);
    this.#encoding = this.#valid && !isAscii(lines) ? 'utf8' : 'latin1';
    this.#text = lines.toString(this.#encoding);
    this.#pos = 0;
    this.#quoteAt = this.#format.quote === '' ? -1 : this.#text.indexOf(this.#format.quote);
  }

  #found(start: number, end: number, lines: number): void {
    this.#start = start;
    this.#end = end > start && this.#text.charCodeAt(end - 1) === CR ? end - 1 : end;
    this.#pos = end + 1;
    this.#nextLine += lines;
  }

  /** The fields of a row without quotes. */
  #split(start: number, end: number): void {
    const text = this.#text;
    const fields = this.fields;
    const delimiter = this.#delimiter;
    let count = 0;
    let from = start;
    for (let i = start; i < end; i++) {
      if (text.charCodeAt(i) !== delimiter) continue;
      fields[count++] = text.slice(from, i);
      from = i + 1;
    }
    fields[count++] = text.slice(from, end);
    this.count = count;
  }

  /** A row that has a quote in its first line, which ends at `firstEnd`. False when it needs more bytes. */
  #quoted(start: number, firstEnd: number): boolean {
    const text = this.#text;
    const quote = this.#format.quote;
    const quoteCode = quote.charCodeAt(0);
    let at = start;
    let lines = 1;
    this.count = 0;
    for (;;) {
      let from = at;
      if (text.charCodeAt(at) === quoteCode) {
        let value = '';
        let close = text.indexOf(quote, ++from);
        while (close !== -1 && text.charCodeAt(close + 1) === quoteCode) {
          value += text.slice(from, close + 1);
          from = close + 2;
          close = text.indexOf(quote, from);
        }
        if (close === -1) return this.#open(start, firstEnd);
        this.fields[this.count++] = value + text.slice(from, close);
        for (let lf = text.indexOf('\n', at); lf !== -1 && lf < close; lf = text.indexOf('\n', lf + 1)) lines++;
        at = close + 1;
        if (text.charCodeAt(at) === CR && (at + 1 === text.length || text.charCodeAt(at + 1) === LF)) at++;
      } else {
        while (at < text.length && !this.#endsField(text.charCodeAt(at)) && text.charCodeAt(at) !== quoteCode) at++;
        const last =
          text.charCodeAt(at) !== this.#delimiter && at > from && text.charCodeAt(at - 1) === CR ? at - 1 : at;
        this.fields[this.count++] = text.slice(from, last);
      }
      if (at < text.length && !this.#endsField(text.charCodeAt(at))) return this.#malformed(start, firstEnd);
      if (text.charCodeAt(at) !== this.#delimiter) break;
      at++;
    }
    if (this.#isLarger(start, at)) return this.#malformed(start, firstEnd);
    this.#found(start, at, lines);
    return true;
  }

  #endsField(code: number): boolean {
    return code === this.#delimiter || code === LF;
  }

  /** A quote is open where the text ends: wait for more, as long as the row may still fit its limit. */
  #open(start: number, firstEnd: number): boolean {
    const size = Buffer.byteLength(this.#text.slice(start), this.#encoding) + this.#rest.length;
    return (this.ended || size > this.#format.maxRowBytes) && this.#malformed(start, firstEnd);
  }

  #malformed(start: number, firstEnd: number): true {
    this.#found(start, firstEnd, 1);
    if (this.#isLarger(start, firstEnd)) this.#tooLarge(this.raw());
    else this.problem = 'ROW_MALFORMED';
    return true;
  }

  #isLarger(start: number, end: number): boolean {
    const { maxRowBytes } = this.#format;
    // a UTF-16 unit is at most three bytes of UTF-8
    return (
      (end - start) * 3 > maxRowBytes && Buffer.byteLength(this.#text.slice(start, end), this.#encoding) > maxRowBytes
    );
  }

  #tooLarge(bytes: Buffer): true {
    this.#kept = Buffer.from(bytes.subarray(0, Math.min(KEPT_BYTES, this.#format.maxRowBytes)));
    this.problem = 'ROW_TOO_LARGE';
    return true;
  }

  /** A line whose end has not come, and that has outgrown the limit: its beginning is a row, the rest is dropped. */
  #restTooLarge(): boolean {
    if (this.#rest.length <= this.#format.maxRowBytes) return false;
    this.line = this.#nextLine;
    this.#dropping = true;
    const rest = this.#rest;
    this.#rest = EMPTY;
    return this.#tooLarge(rest);
  }

  /** Reads the fields as UTF-8 where the block as a whole is not. */
  #decode(): void {
    if (isUtf8(this.raw())) {
      for (let i = 0; i < this.count; i++)
        this.fields[i] = Buffer.from(this.fields[i] as string, 'latin1').toString('utf8');
      return;
    }
    this.problem = 'TEXT_INVALID';
  }
}
