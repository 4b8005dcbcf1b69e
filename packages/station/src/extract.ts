/** The extractor's judge: makes typed records of raw items, gives them id, version and key. */
import {
  type Coerce,
  compileCoerce,
  compileTemplate,
  type Encoder,
  type ExtractorSpec,
  type Field,
  type RawItem,
  type Template,
  templateFields,
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
  outlet: Pick<Outlet, 'fits'>;
  /** Of the output topic. */
  partitions: number;
  /** Number of the first item of a slice within its shard. */
  rowOf(slice: Slice): number;
}

/** What a record is to be, where the flow file does not say it. */
export interface Given {
  id: string | undefined;
  key: string | undefined;
  version: bigint;
  revision: number;
  /** A tombstone. */
  deleted: boolean;
}

export class Extract implements Judge {
  private readonly options: ExtractOptions;
  /** From texts of the source to typed values. @throws Fault FIELD_INVALID, FIELD_MISSING */
  readonly coerce: Coerce;
  /** The same for those fields that say who a record is: of a deletion there may be no others. */
  private readonly coerceIdentity: Coerce;
  private readonly identity: readonly string[];
  private readonly id: Template | undefined;
  private readonly key: Template | undefined;

  constructor(options: ExtractOptions) {
    const { spec, fields } = options;
    this.options = options;
    this.coerce = compileCoerce(fields, { nullTexts: spec.nulls });
    const named = new Set([...templateFields(spec.id ?? ''), ...templateFields(spec.key ?? ''), spec.version]);
    const identity = fields.filter(({ name }) => named.has(name));
    this.identity = identity.map(({ name }) => name);
    this.coerceIdentity = compileCoerce(identity, { nullTexts: spec.nulls });
    this.id = spec.id === undefined ? undefined : compileTemplate(spec.id, fields);
    this.key = spec.key === undefined ? undefined : compileTemplate(spec.key, fields);
  }

  async open(): Promise<void> {}

  async judge(round: Round): Promise<void> {
    for (const slice of round.slices) {
      const firstRow = this.options.rowOf(slice);
      for (let i = 0; i < slice.records.length; i++) {
        const record = slice.records[i] as RawRecord;
        const { item } = record;
        let version = 0n;
        try {
          version = this.versionOf(item, firstRow + i);
          if ('fault' in item) throw item.fault;
          slice.emit(this.options.spec.to, this.make(record, item, version));
          slice.pass(i);
        } catch (error) {
          slice.records[i] = record.asDeadLetter(version);
          slice.reject(i, placed(asFault(error, 'ROW_MALFORMED'), item.place));
        }
      }
    }
  }

  private make(record: RawRecord, item: RawItem & { fields: object; deleted?: boolean }, version: bigint): Outgoing {
    const deleted = item.deleted === true;
    const value = deleted ? this.identityOf(item.fields as Record<string, unknown>) : this.coerce(item.fields as never);
    return this.recordOf(value, record, { id: item.id, key: item.key, version, revision: 0, deleted });
  }

  /** What a deletion says of who is deleted. @throws Fault FIELD_MISSING: a default would delete another record. */
  identityOf(raw: Record<string, unknown>): Record<string, unknown> {
    for (const field of this.identity) {
      if (raw[field] === undefined)
        throw new Fault('FIELD_MISSING', `\`${field}\`, which says what is deleted`, { field });
    }
    return this.coerceIdentity(raw);
  }

  /** Version of an item that the flow file names no field for. @throws Fault VERSION_INVALID */
  private versionOf({ version }: RawItem, row: number): bigint {
    return versionOf(version === undefined ? row : Number(version), this.options.spec.priority);
  }

  /**
   * The output record of a typed value; of a deletion `value` holds what says who it is.
   * @param given what the flow file does not say.
   * @throws Fault ID_INVALID, VERSION_INVALID, ENCODE_FAILED, RECORD_TOO_LARGE
   */
  recordOf(value: Record<string, unknown>, record: InputRecord, given: Given): Outgoing {
    const { spec, encoder, outlet, partitions } = this.options;
    const id = this.id === undefined ? given.id : this.id(value);
    if (id === undefined || id === '') throw new Fault('ID_INVALID', 'the source has given none');
    const keyText = this.key === undefined ? (given.key ?? id) : this.key(value);
    const key = Buffer.from(keyText);
    const envelope = {
      id,
      version:
        spec.version === undefined ? given.version : versionOf(sourceVersion(value[spec.version]), spec.priority),
      revision: given.revision,
      extractedAt: record.timestamp,
      from: { topic: record.topic, partition: record.partition, offset: record.offset, index: 0 },
    };
    const output: Outgoing = {
      key,
      value: given.deleted ? null : encoder.encode(value),
      headers: { [HEADER]: packHeader(envelope, keyText === id) },
      partition: partitionOf(key, partitions),
      timestamp: String(record.timestamp),
    };
    if (!outlet.fits(spec.to, output))
      throw new Fault('RECORD_TOO_LARGE', `${output.value?.length ?? 0} bytes for topic ${spec.to}`);
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
