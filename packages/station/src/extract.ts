/** The extractor's judge: makes typed records of raw items, gives them id, version and key. */
import {
  type Coerce,
  compileCoerce,
  compileTemplate,
  type Encoder,
  type ExtractorSpec,
  type Field,
  type Template,
} from '@quadrille/flow';
import { asFault, Fault, HEADER, type InputRecord, packHeader, partitionOf, versionOf } from '@quadrille/record';
import type { Judge } from './judge.ts';
import type { Outlet } from './kafka/producer.ts';
import type { RawRecord } from './raw-record.ts';
import type { Outgoing, Round, Slice } from './round.ts';

export interface ExtractOptions {
  spec: ExtractorSpec;
  fields: readonly Field[];
  encoder: Encoder;
  outlet: Outlet;
  /** Of the output topic. */
  partitions: number;
  /** Number of the first item of a slice within its shard. */
  rowOf(slice: Slice): number;
}

export class Extract implements Judge {
  private readonly options: ExtractOptions;
  /** From texts of the source to typed values. @throws Fault FIELD_INVALID, FIELD_MISSING */
  readonly coerce: Coerce;
  private readonly id: Template;
  private readonly key: Template | undefined;

  constructor(options: ExtractOptions) {
    const { spec, fields } = options;
    this.options = options;
    this.coerce = compileCoerce(fields, { nullTexts: spec.nulls });
    this.id = compileTemplate(spec.id, fields);
    this.key = spec.key === undefined ? undefined : compileTemplate(spec.key, fields);
  }

  async open(): Promise<void> {}

  async judge(round: Round): Promise<void> {
    for (const slice of round.slices) {
      const firstRow = this.options.rowOf(slice);
      for (let i = 0; i < slice.records.length; i++) {
        const record = slice.records[i] as RawRecord;
        const { item } = record;
        try {
          if ('fault' in item) throw item.fault;
          slice.emit(this.options.spec.to, this.make(record, item.fields, firstRow + i));
          slice.pass(i);
        } catch (error) {
          slice.records[i] = record.asDeadLetter(this.rowVersion(firstRow + i));
          slice.reject(i, placed(asFault(error, 'ROW_MALFORMED'), item.place));
        }
      }
    }
  }

  private make(record: RawRecord, raw: Record<string, unknown>, row: number): Outgoing {
    return this.recordOf(this.coerce(raw), record, this.rowVersion(row), 0);
  }

  /** Version of an item that has none of its own. */
  private rowVersion(row: number): bigint {
    return versionOf(row, this.options.spec.priority);
  }

  /**
   * The output record of a typed value.
   * @param rowVersion its version, unless the flow file names a field for it.
   * @throws Fault ID_INVALID, VERSION_INVALID, ENCODE_FAILED, RECORD_TOO_LARGE
   */
  recordOf(value: Record<string, unknown>, record: InputRecord, rowVersion: bigint, revision: number): Outgoing {
    const { spec, encoder, outlet, partitions } = this.options;
    const id = this.id(value);
    const key = Buffer.from(this.key === undefined ? id : this.key(value));
    const envelope = {
      id,
      version: spec.version === undefined ? rowVersion : versionOf(sourceVersion(value[spec.version]), spec.priority),
      revision,
      extractedAt: record.timestamp,
      from: { topic: record.topic, partition: record.partition, offset: record.offset, index: 0 },
    };
    const output: Outgoing = {
      key,
      value: encoder.encode(value),
      headers: { [HEADER]: packHeader(envelope, this.key === undefined) },
      partition: partitionOf(key, partitions),
      timestamp: String(record.timestamp),
    };
    if (!outlet.fits(spec.to, output))
      throw new Fault('RECORD_TOO_LARGE', `${output.value!.length} bytes for topic ${spec.to}`);
    return output;
  }

  async close(): Promise<void> {}
}

/** A number, a date or a time as a version: what is later is larger. */
function sourceVersion(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) throw new Fault('VERSION_INVALID', 'the version field holds no number or time');
  return time;
}

/** The same fault, with where the item stands in its source. */
function placed(fault: Fault, place: string): Fault {
  if (fault.place !== undefined) return fault;
  return Object.defineProperty(fault, 'place', { value: place, enumerable: true });
}
