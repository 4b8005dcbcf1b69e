/** Lines of text out of blocks of bytes, one at a time, whatever the blocks are cut like. */

const LF = 10;
const CR = 13;
const BOM = Buffer.of(0xef, 0xbb, 0xbf);

export interface Line {
  /** From 1. */
  number: number;
  /** Without its end, LF or CRLF. Of a line that is too long the beginning. */
  bytes: Buffer;
  tooLong: boolean;
}

/**
 * The lines that are not empty. A byte order mark is passed over; the last line may lack its end. Of one longer than
 * `limit` bytes no more than the limit is held in memory.
 * @returns undefined where an empty block says that nothing follows for now.
 */
export async function* linesOf(
  blocks: AsyncIterable<Buffer>,
  limit: number,
): AsyncGenerator<Line | undefined, void, undefined> {
  const held = new Beginning(limit);
  let number = 1;
  for await (const block of blocks) {
    if (block.length === 0) yield undefined;
    let at = 0;
    for (let end = block.indexOf(LF); end !== -1; end = block.indexOf(LF, at)) {
      held.add(block.subarray(at, end));
      const line = held.take(number++);
      if (line !== undefined) yield line;
      at = end + 1;
    }
    if (at < block.length) held.add(block.subarray(at));
  }
  const last = held.take(number);
  if (last !== undefined) yield last;
}

/** The line that is being read. */
class Beginning {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(piece: Buffer): void {
    // One byte more than the limit: it may be the CR of the line's end.
    const room = this.#limit + 1 - this.#length;
    if (room > 0) this.#pieces.push(piece.length > room ? piece.subarray(0, room) : piece);
    this.#length += piece.length;
  }

  take(number: number): Line | undefined {
    let bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    const whole = this.#length === bytes.length;
    this.#pieces = [];
    this.#length = 0;
    if (whole && bytes.at(-1) === CR) bytes = bytes.subarray(0, -1);
    if (number === 1 && bytes.subarray(0, 3).equals(BOM)) bytes = bytes.subarray(3);
    if (bytes.length === 0) return undefined;
    const tooLong = bytes.length > this.#limit;
    return { number, bytes: tooLong ? bytes.subarray(0, this.#limit) : bytes, tooLong };
  }
}
