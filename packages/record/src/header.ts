/**
 * The packed header `quadrille` that travels with a record between stations: who it is, which version, and which
 * input record it was made from. One header, because six cost more than the rest of a hop (docs/adr/0002).
 *
 * Layout, big-endian, format 1:
 *
 *     0  u8   format (1)              14 u32  revision
 *     1  u8   flags                   18 u48  extractedAt, ms since the epoch
 *     2  i64  source version          24 u32  from.partition
 *     10 u32  reserved (0)            28 u48  from.offset
 *                                     34 u16  from.index
 *     36 u8 length, from.topic; then by flag: u16 length, id; u8 length, replay id
 */
import { Fault } from './fault.ts';

export const HEADER_FORMAT = 1;
export const HAS_ID = 1;
export const IS_REPLAY = 4;
export const IS_PREVIEW = 8;
/** Where version and revision stand. */
export const VERSION_AT = 2;
export const REVISION_AT = 14;
/** Where the time of extraction stands, a u48. */
export const EXTRACTED_AT = 18;
/** Bytes before the topic's length. */
export const FIXED_BYTES = 36;

/** What travels with a record. `from` is absent on records that no station of ours has sent. */
export interface Envelope {
  /** Stable business identity; unique in its topic's flow. */
  id: string;
  /** Source version: of two records with one id the higher is newer. Signed 64 bits, see version.ts. */
  version: bigint;
  /** 0 at extraction; every replay gets the next one. Decides between equal versions. */
  revision: number;
  /** When the extractor read it, ms since the epoch. */
  extractedAt: number;
  from: Origin | undefined;
  /** The replay that sent it. */
  replay?: string;
  /** A dry run: the station reports the verdict and emits nothing. */
  preview?: boolean;
}

/** The input record that an output was made from. */
export interface Origin {
  topic: string;
  partition: number;
  offset: number;
  /** Which of the outputs of that input, from 0. */
  index: number;
}

/**
 * Packs an envelope. `id` is written only when `keyIsId` is false, since the key carries it otherwise.
 * @throws Fault HEADER_INVALID when a part does not fit its field.
 */
export function packHeader(envelope: Envelope, keyIsId: boolean): Buffer {
  const from = envelope.from ?? { topic: '', partition: 0, offset: 0, index: 0 };
  const topic = Buffer.from(from.topic);
  const id = keyIsId ? undefined : Buffer.from(envelope.id);
  const replay = envelope.replay === undefined ? undefined : Buffer.from(envelope.replay);
  if (topic.length > 255 || (id?.length ?? 0) > 65535 || (replay?.length ?? 0) > 255 || from.index > 65535) {
    throw new Fault('HEADER_INVALID', 'an id over 65,535 bytes, a topic or replay id over 255, or over 65,536 outputs');
  }
  const size = FIXED_BYTES + 1 + topic.length + (id ? 2 + id.length : 0) + (replay ? 1 + replay.length : 0);
  const out = Buffer.allocUnsafe(size);
  out[0] = HEADER_FORMAT;
  out[1] = (id ? HAS_ID : 0) | (replay ? IS_REPLAY : 0) | (envelope.preview ? IS_PREVIEW : 0);
  out.writeBigInt64BE(envelope.version, 2);
  out.writeUInt32BE(0, 10);
  out.writeUInt32BE(envelope.revision, 14);
  out.writeUIntBE(envelope.extractedAt, 18, 6);
  writeOrigin(out, 0, from.partition, from.offset, from.index);
  let at = FIXED_BYTES;
  out[at++] = topic.length;
  at += topic.copy(out, at);
  if (id) {
    at = out.writeUInt16BE(id.length, at);
    at += id.copy(out, at);
  }
  if (replay) {
    out[at++] = replay.length;
    replay.copy(out, at);
  }
  return out;
}

/** Writes where a record came from into a header that starts at `base`. */
export function writeOrigin(out: Buffer, base: number, partition: number, offset: number, index: number): void {
  out.writeUInt32BE(partition, base + 24);
  out.writeUIntBE(offset, base + 28, 6);
  out.writeUInt16BE(index, base + 34);
}

/** The input offset that a packed header names, without reading the rest. */
export const originOffset = (header: Buffer): number => header.readUIntBE(28, 6);

/**
 * Reads an envelope.
 * @param key the record's key; the id when the header carries none.
 * @throws Fault HEADER_INVALID when the bytes are not a header of ours.
 */
export function unpackHeader(header: Buffer, key: Buffer | null): Envelope {
  if (header.length <= FIXED_BYTES || header[0] !== HEADER_FORMAT) {
    throw new Fault('HEADER_INVALID', `format ${header[0] ?? 'none'}, ${header.length} bytes`);
  }
  const flags = header[1]!;
  let at = FIXED_BYTES + 1 + header[FIXED_BYTES]!;
  const topic = header.toString('utf8', FIXED_BYTES + 1, at);
  let id = '';
  if (flags & HAS_ID) {
    if (at + 2 > header.length) throw new Fault('HEADER_INVALID', 'cut off before its id');
    const length = header.readUInt16BE(at);
    id = header.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
  } else if (key) {
    id = key.toString('utf8');
  }
  const envelope: Envelope = {
    id,
    version: header.readBigInt64BE(2),
    revision: header.readUInt32BE(14),
    extractedAt: header.readUIntBE(18, 6),
    from:
      topic === ''
        ? undefined
        : {
            topic,
            partition: header.readUInt32BE(24),
            offset: header.readUIntBE(28, 6),
            index: header.readUInt16BE(34),
          },
  };
  if (flags & IS_REPLAY) {
    if (at >= header.length) throw new Fault('HEADER_INVALID', 'cut off before its replay id');
    envelope.replay = header.toString('utf8', at + 1, at + 1 + header[at]!);
    at += 1 + header[at]!;
  }
  if (flags & IS_PREVIEW) envelope.preview = true;
  if (at > header.length) throw new Fault('HEADER_INVALID', 'cut off');
  return envelope;
}
