/**
 * The loader's judge: writes a round's rows in one transaction; what the target refuses is bisected down to the rows at
 * fault, so that one poison row never takes its batch down.
 */
import { type Decoder, isolate, type Outcome, type Target, type TargetRow } from '@quadrille/flow';
import { asFault, Fault } from '@quadrille/record';
import { decodeRound } from './decode.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import type { Round } from './round.ts';
import { OUTCOMES } from './settle.ts';

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
    const results = await this.write(rows, dryRun);
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

  /** No budget of time: a row that was not tried is nobody's dead letter, and a target has time-outs of its own. */
  private async write(rows: TargetRow[], dryRun: boolean): Promise<(Outcome | Fault)[]> {
    const results: (Outcome | Fault)[] = new Array(rows.length);
    await isolate<Fault>(rows.length, {
      attempt: async (from, to) => {
        try {
          const whole = to - from === rows.length;
          const outcomes = await this.target.write(whole ? rows : rows.slice(from, to), dryRun);
          for (let i = 0; i < outcomes.length; i++) results[from + i] = outcomes[i]!;
          return undefined;
        } catch (error) {
          const fault = asFault(error, 'TARGET_REFUSED');
          if (fault.class !== 'target') throw fault;
          return fault;
        }
      },
      blame: (row, fault) => {
        results[row] = fault;
      },
    });
    return results;
  }

  async close(): Promise<void> {
    await this.target.close();
  }
}
