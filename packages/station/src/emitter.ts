/**
 * Makes output records: encodes the value, packs the header, chooses the partition. A value that does not fit its schema
 * or its topic is the record's fault.
 */
import { type Encoder, WindowRow } from '@quadrille/flow';
import {
  Fault,
  FIXED_BYTES,
  HAS_ID,
  HEADER,
  HEADER_FORMAT,
  type InputRecord,
  IS_PREVIEW,
  IS_REPLAY,
  packHeader,
  partitionOf,
  Routed,
  versionOf,
  writeOrigin,
} from '@quadrille/record';
import type { Outlet } from './kafka/producer.ts';
import { type Outgoing, PASS, type Round, type Slice } from './round.ts';
import { TRACEPARENT } from './traces/traceparent.ts';

/** Of the input's header these bytes pass on as they are: version, revision, extraction time. */
const KEPT_FROM = 2;
const KEPT_TO = 24;

export class Emitter {
  readonly topic: string;
  private readonly partitions: number;
  private readonly encoder: Encoder;
  private readonly outlet: Pick<Outlet, 'fits'>;
  /** The input topic's name as it stands in headers, with its length. */
  private readonly origin: Buffer;
  /** The input's partition can be kept: same key, same number of partitions, both by murmur2. */
  private readonly keepPartition: boolean;

  constructor(options: {
    topic: string;
    partitions: number;
    encoder: Encoder;
    outlet: Pick<Outlet, 'fits'>;
    from: string;
    fromPartitions: number;
  }) {
    this.topic = options.topic;
    this.partitions = options.partitions;
    this.encoder = options.encoder;
    this.outlet = options.outlet;
    const name = Buffer.from(options.from);
    this.origin = Buffer.concat([Buffer.of(name.length), name]);
    this.keepPartition = options.partitions === options.fromPartitions;
  }

  /**
   * The output made of `value` for one input record. Several of one input get path ids under its id.
   * @param value undefined for a tombstone.
   * @param of how many outputs this input has.
   * @throws Fault ENCODE_FAILED, RECORD_TOO_LARGE, HEADER_INVALID
   */
  make(record: InputRecord, value: Record<string, unknown> | null, index: number, of: number): Outgoing {
    const own = of === 1;
    const key = own ? record.key : Buffer.from(`${record.id}/${index}`);
    const output: Outgoing = {
      key,
      value: value === null ? null : this.encoder.encode(value),
      headers: { [HEADER]: this.header(record, index, own) },
      partition: this.partition(record, key, own),
      timestamp: String(record.timestamp),
    };
    if (!this.outlet.fits(this.topic, output)) {
      throw new Fault('RECORD_TOO_LARGE', `${output.value?.length ?? 0} bytes for topic ${this.topic}`);
    }
    const trace = record.headers?.[TRACEPARENT];
    if (trace !== undefined) this.passOn(trace as Buffer, output);
    return output;
  }

  /** @throws Fault ENCODE_FAILED */
  verify(value: Record<string, unknown>): void {
    this.encoder.encode(value);
  }

  /** The record of a window that one input record has closed; keyed by its id. @throws as `make` */
  makeRow(record: InputRecord, row: WindowRow, index: number): Outgoing {
    const { topic, partition, offset } = record;
    const key = Buffer.from(row.id);
    const { extractedAt } = record.envelope();
    const from = { topic, partition, offset, index };
    const envelope = { id: row.id, version: versionOf(row.version, 0), revision: 0, extractedAt, from };
    const output: Outgoing = {
      key,
      value: this.encoder.encode(row.value),
      headers: { [HEADER]: packHeader(envelope, true) },
      partition: partitionOf(key, this.partitions),
      timestamp: String(record.timestamp),
    };
    if (!this.outlet.fits(this.topic, output))
      throw new Fault('RECORD_TOO_LARGE', `${output.value?.length ?? 0} bytes for topic ${this.topic}`);
    return output;
  }

  /** Also through a station that traces nothing itself; never at the price of the record. */
  private passOn(trace: Buffer, output: Outgoing): void {
    output.headers[TRACEPARENT] = trace;
    if (!this.outlet.fits(this.topic, output)) delete output.headers[TRACEPARENT];
  }

  private partition(record: InputRecord, key: Buffer | null, own: boolean): number {
    if (own && this.keepPartition) return record.partition;
    return key === null ? record.partition % this.partitions : partitionOf(key, this.partitions);
  }

  private header(record: InputRecord, index: number, own: boolean): Buffer {
    const { header } = record;
    const plain = header !== undefined && header.length > FIXED_BYTES && header[0] === HEADER_FORMAT;
    if (!plain || (header[1]! & (HAS_ID | IS_REPLAY | IS_PREVIEW)) !== 0) {
      const { topic, partition, offset } = record;
      const envelope = {
        ...record.envelope(),
        from: { topic, partition, offset, index },
        replay: undefined,
        preview: undefined,
      };
      if (!own) envelope.id = `${envelope.id}/${index}`;
      return packHeader(envelope, !own || header === undefined || (header[1]! & HAS_ID) === 0);
    }
    const out = Buffer.allocUnsafe(FIXED_BYTES + this.origin.length);
    out[0] = HEADER_FORMAT;
    out[1] = 0;
    header.copy(out, KEPT_FROM, KEPT_FROM, KEPT_TO);
    writeOrigin(out, 0, record.partition, record.offset, index);
    this.origin.copy(out, FIXED_BYTES);
    return out;
  }
}

/** One a topic that the station writes; what no rule sends elsewhere goes out by the first. */
export type Emitters = readonly [Emitter, ...Emitter[]];

type Value = Record<string, unknown>;

/**
 * Emits all outputs of one input record, or rejects it: an input whose second output does not fit must not leave its
 * first one behind. Their indexes count over all topics.
 */
export function emitAll(
  emitters: Emitters,
  slice: Slice,
  index: number,
  values: readonly (Value | Routed<Value>)[],
): void {
  const record = slice.records[index]!;
  const of = values.length;
  try {
    if (of === 1) {
      const emitter = emitterFor(emitters, values[0]!);
      slice.emit(emitter.topic, emitter.make(record, recordIn(values[0]!), 0, 1));
    } else {
      const outputs = values.map((value, i) => emitterFor(emitters, value).make(record, recordIn(value), i, of));
      for (let i = 0; i < of; i++) slice.emit(emitterFor(emitters, values[i]!).topic, outputs[i]!);
    }
    slice.pass(index);
  } catch (error) {
    slice.reject(index, error as Fault);
  }
}

const recordIn = (value: Value | Routed<Value>): Value => (value instanceof Routed ? value.record : value);

/** As emitAll, of a station with windows: rows of those that the record has closed stand behind its own outputs. */
export function emitWithRows(
  emitters: Emitters,
  slice: Slice,
  index: number,
  values: readonly (Value | Routed<Value> | WindowRow)[],
): void {
  const record = slice.records[index]!;
  const own = values.filter((value) => !(value instanceof WindowRow)) as (Value | Routed<Value>)[];
  const rows = values.filter((value) => value instanceof WindowRow);
  try {
    const closed = rows.map((row, i) => emitters[0].makeRow(record, row, own.length + i));
    emitAll(emitters, slice, index, own);
    if (slice.verdicts[index] === PASS) for (const output of closed) slice.emit(emitters[0].topic, output);
  } catch (error) {
    slice.reject(index, error as Fault);
  }
}

function emitterFor(emitters: Emitters, value: Value | Routed<Value>): Emitter {
  if (!(value instanceof Routed)) return emitters[0];
  for (const emitter of emitters) if (emitter.topic === value.topic) return emitter;
  // A rule says which topics it sends to, and is refused when the station does not write them.
  throw new Fault('RULE_RESULT', `the station does not write topic ${value.topic}`);
}

/** A deletion is not the rules' business: it goes on to where the row is, in whichever topic. */
export function passTombstones(round: Round, emitters: Emitters): void {
  for (const slice of round.slices) {
    for (let i = 0; i < slice.records.length; i++) {
      const record = slice.records[i]!;
      if (record.bytes !== null || slice.verdicts[i] !== 0) continue;
      try {
        const outputs = emitters.map((emitter, at) => emitter.make(record, null, at, 1));
        for (const [at, output] of outputs.entries()) slice.emit(emitters[at]!.topic, output);
        slice.pass(i);
      } catch (error) {
        slice.reject(i, error as Fault);
      }
    }
  }
}
