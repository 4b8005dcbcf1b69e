/**
 * The judge of an extractor's replays: raw items that could not become records before. A corrected one comes as a value
 * of the output schema; one that is sent again as it was is read with the flow file as it stands now.
 */
import type { Decoder } from '@quadrille/flow';
import { asFault, DELETED_HEADER, Fault, type InputRecord } from '@quadrille/record';
import { decodeRound } from './decode.ts';
import type { Extract } from './extract.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import type { Round, Slice } from './round.ts';

export class ExtractReplay implements Judge {
  private readonly extract: Extract;
  private readonly decoder: Decoder;
  private readonly topic: string;

  /** @param topic the extractor's output. */
  constructor(extract: Extract, decoder: Decoder, topic: string) {
    this.extract = extract;
    this.decoder = decoder;
    this.topic = topic;
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async judge(round: Round, _intake: Intake): Promise<void> {
    for (const slice of round.slices) {
      for (let i = 0; i < slice.records.length; i++) {
        const record = slice.records[i]!;
        if (slice.verdicts[i] !== 0 || record.bytes?.[0] === 0) continue;
        try {
          const fields = fieldsOf(record);
          const deleted = record.headers?.[DELETED_HEADER] !== undefined;
          this.pass(slice, i, deleted ? this.extract.identityOf(fields) : this.extract.coerce(fields));
        } catch (error) {
          slice.reject(i, asFault(error, 'ROW_MALFORMED', { place: record.place }));
        }
      }
    }
    const alive = await decodeRound(round, this.decoder);
    for (let i = 0; i < alive.values.length; i++) {
      const slice = round.slices[alive.slices[i]!]!;
      const index = alive.indexes[i]!;
      try {
        this.pass(slice, index, alive.values[i]!);
      } catch (error) {
        slice.reject(index, asFault(error, 'ROW_MALFORMED', { place: slice.records[index]!.place }));
      }
    }
  }

  private pass(slice: Slice, index: number, value: Record<string, unknown>): void {
    const record = slice.records[index]!;
    const { id, key, version, revision, headers } = record;
    const given = {
      id,
      key: key === null ? undefined : key.toString('utf8'),
      version,
      revision,
      deleted: headers?.[DELETED_HEADER] !== undefined,
    };
    slice.emit(this.topic, this.extract.recordOf(value, record, given));
    slice.pass(index);
  }
}

/** The fields of an item that had been parsed. @throws Fault ROW_MALFORMED for one that had not. */
function fieldsOf({ bytes, place }: InputRecord): Record<string, unknown> {
  const help = 'correct it with `quadrille dlq edit`';
  if (bytes === null) throw new Fault('ROW_MALFORMED', 'the item is empty', { place, help });
  try {
    const fields: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields))
      return fields as Record<string, unknown>;
  } catch {
    // Raw bytes of the source; said below.
  }
  throw new Fault('ROW_MALFORMED', 'the item could not be parsed in its source', { place, help });
}
