/** Finds the rows that a batch fails on: halves, quarters … until each stands alone. For queries and for targets. */

export interface Batch<P> {
  /** Handles rows `from` up to, without, `to`, all or none; answers what was wrong. What it throws ends the search. */
  attempt(from: number, to: number): Promise<P | undefined>;
  /** A row that fails alone. */
  blame(row: number, problem: P): void;
}

/** After this many culprits the rest of a failing piece is tried row by row: a batch full of them is not worth halving. */
const CULPRITS = 16;

/** @param count rows 0 to count-1; each is handled or blamed when it returns. They are decided in their order. */
export async function isolate<P>(count: number, { attempt, blame }: Batch<P>): Promise<void> {
  // The next piece is the last of the list.
  const pieces: [number, number][] = count === 0 ? [] : [[0, count]];
  let culprits = 0;
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
    const [from, to] = piece;
    const problem = await attempt(from, to);
    if (problem === undefined) continue;
    const size = to - from;
    if (size === 1) {
      culprits++;
      blame(from, problem);
    } else if (culprits >= CULPRITS) {
      for (let row = to - 1; row >= from; row--) pieces.push([row, row + 1]);
    } else {
      const middle = from + (size >> 1);
      pieces.push([middle, to], [from, middle]);
    }
  }
}
