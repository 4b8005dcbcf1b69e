/** For tests only: slices and rounds of made-up records. */
import { HEADER, InputRecord, packHeader } from '@quadrille/record';
import { type Outgoing, type Round, Slice } from './round.ts';

/** Records with these offsets, keyed by them. */
export const recordsAt = (...offsets: number[]): InputRecord[] =>
  offsets.map(
    (offset) =>
      new InputRecord(
        'in',
        3,
        offset,
        1_000 + offset,
        Buffer.from(`k${offset}`),
        Buffer.of(0, 0, 0, 0, 1, 9),
        undefined,
        undefined,
      ),
  );

/** A slice from offset 10 on, with these verdicts. */
export function sliceOf(verdicts: readonly number[], from = 10): Slice {
  const slice = new Slice('in', 3, from, recordsAt(...verdicts.map((_, index) => from + index)), false);
  slice.verdicts = Uint8Array.from(verdicts);
  return slice;
}

export const roundOf = (...slices: Slice[]): Round => ({
  epoch: 1,
  slices,
  records: slices.reduce((sum, slice) => sum + slice.records.length, 0),
  startedAt: 0,
});

/** An output made from an input offset. */
export function outputOf(offset: number, partition = 0, index = 0): Outgoing {
  const from = { topic: 'in', partition: 3, offset, index };
  const header = packHeader({ id: `k${offset}`, version: 1n, revision: 0, extractedAt: 1, from }, true);
  return {
    key: Buffer.from(`k${offset}`),
    value: Buffer.of(1),
    headers: { [HEADER]: header },
    partition,
    timestamp: '1',
  };
}
