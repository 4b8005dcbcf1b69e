/**
 * The loader's judge: writes a round's rows in one transaction; what the target refuses is bisected down to the rows at
 * fault, so that one poison row never takes its batch down.
 */
import type { Decoder, Outcome, Target, TargetRow } from '@quadrille/flow';
import { asFault, Fault } from '@quadrille/record';
import { decodeRound } from './decode.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import type { Round } from './round.ts';
import { OUTCOMES } from './settle.ts';

/** From so many refused pieces on, the rest goes row by row: a batch full of poison is not worth halving. */
const ROW_BY_ROW_AFTER = 16;
/** Bytes of the wire format before the Avro value. */
const PREFIX = 5;

export class Load implements Judge {
  private readonly decoder: Decoder;
  private readonly target: Target;
  private opened = false;

  constructor(decoder: Decoder, target: Target) {
    this.decoder = decoder;
    this.target = target;
  }

  async open(): Promise<void> {
    await this.target.open();
    this.opened = true;
  }

  async judge(round: Round, _intake?: Intake, dryRun = false): Promise<void> {
    if (!this.opened) await this.open();
    const alive = await decodeRound(round, this.decoder);
    const rows: TargetRow[] = [];
    const at: { slice: number; index: number }[] = [];
    let decoded = 0;
    for (let s = 0; s < round.slices.length; s++) {
      const slice = round.slices[s]!;
      slice.outcomes = new Uint8Array(slice.records.length);
      for (let i = 0; i < slice.records.length; i++) {
        if (slice.verdicts[i] !== 0) continue;
        const record = slice.records[i]!;
        const value = record.bytes === null ? null : alive.values[decoded++]!;
        try {
          const { id, version, revision } = record;
          if (id === '') throw new Fault('ID_INVALID', 'no key', { place: record.place });
          const bytes = record.bytes === null ? null : record.bytes.subarray(PREFIX);
          const { topic, partition, offset, timestamp } = record;
          rows.push({ id, version, revision, topic, partition, offset, timestamp, value, bytes });
          at.push({ slice: s, index: i });
        } catch (error) {
          slice.reject(i, error as Fault);
        }
      }
    }
    const results: (Outcome | Fault)[] = new Array(rows.length);
    if (rows.length > 0) await this.write(rows, 0, rows.length, results, { refused: 0, dryRun });
    for (let i = 0; i < rows.length; i++) {
      const { slice: s, index } = at[i]!;
      const slice = round.slices[s]!;
      const result = results[i]!;
      if (typeof result !== 'string') slice.reject(index, result);
      else {
        slice.outcomes![index] = OUTCOMES.indexOf(result);
        slice.pass(index);
      }
    }
  }

  private async write(
    rows: TargetRow[],
    from: number,
    to: number,
    results: (Outcome | Fault)[],
    seen: { refused: number; dryRun: boolean },
  ): Promise<void> {
    try {
      const whole = from === 0 && to === rows.length;
      const outcomes = await this.target.write(whole ? rows : rows.slice(from, to), seen.dryRun);
      for (let i = 0; i < outcomes.length; i++) results[from + i] = outcomes[i]!;
    } catch (error) {
      const fault = asFault(error, 'TARGET_REFUSED');
      if (fault.class !== 'target') throw fault;
      if (to - from === 1) {
        results[from] = fault;
        return;
      }
      seen.refused++;
      if (seen.refused >= ROW_BY_ROW_AFTER) {
        for (let i = from; i < to; i++) await this.write(rows, i, i + 1, results, seen);
        return;
      }
      const middle = (from + to) >>> 1;
      await this.write(rows, from, middle, results, seen);
      await this.write(rows, middle, to, results, seen);
    }
  }

  async close(): Promise<void> {
    await this.target.close();
  }
}
