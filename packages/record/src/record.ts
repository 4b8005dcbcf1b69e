/** A record as a station sees it: Kafka's coordinates and bytes, the packed header unread until somebody asks. */
import { type Envelope, FIXED_BYTES, HAS_ID, HEADER_FORMAT, REVISION_AT, unpackHeader, VERSION_AT } from './header.ts';

/** A record read from an input topic. One class, so that every record of a round has the same shape. */
export class InputRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** ms since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** null is a tombstone: the id was deleted at this version. */
  readonly bytes: Buffer | null;
  /** The packed header, or undefined when another system produced the record. */
  readonly header: Buffer | undefined;
  /** All Kafka headers as they came, for dead letters; undefined when there are none but the packed one. */
  readonly headers: Record<string, Buffer | string | (Buffer | string)[] | undefined> | undefined;

  constructor(
    topic: string,
    partition: number,
    offset: number,
    timestamp: number,
    key: Buffer | null,
    bytes: Buffer | null,
    header: Buffer | undefined,
    headers: InputRecord['headers'],
  ) {
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
    this.timestamp = timestamp;
    this.key = key;
    this.bytes = bytes;
    this.header = header;
    this.headers = headers;
  }

  /** The id without the rest of the header; the key, as a rule. '' when there is neither. */
  get id(): string {
    if (this.header !== undefined && this.header.length > FIXED_BYTES && this.header[1]! & HAS_ID)
      return this.envelope().id;
    return this.key === null ? '' : this.key.toString('utf8');
  }

  /** The source version alone, as `envelope` gives it. @throws Fault HEADER_INVALID */
  get version(): bigint {
    return this.#plain() ? this.header!.readBigInt64BE(VERSION_AT) : this.envelope().version;
  }

  /** The revision alone. @throws Fault HEADER_INVALID */
  get revision(): number {
    return this.#plain() ? this.header!.readUInt32BE(REVISION_AT) : this.envelope().revision;
  }

  #plain(): boolean {
    return this.header !== undefined && this.header.length > FIXED_BYTES && this.header[0] === HEADER_FORMAT;
  }

  /**
   * The whole envelope. A record of another system counts as revision 0 and version = its offset, so that the later
   * one of a partition wins.
   * @throws Fault HEADER_INVALID
   */
  envelope(): Envelope {
    if (this.header !== undefined) return unpackHeader(this.header, this.key);
    return {
      id: this.key === null ? '' : this.key.toString('utf8'),
      version: BigInt(this.offset),
      revision: 0,
      extractedAt: this.timestamp,
      from: undefined,
    };
  }

  /** `topic[partition]@offset`, how places in topics are written everywhere. */
  get place(): string {
    return placeOf(this.topic, this.partition, this.offset);
  }
}

export const placeOf = (topic: string, partition: number, offset: number): string => `${topic}[${partition}]@${offset}`;
