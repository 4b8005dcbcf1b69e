/**
 * The log that rows of one input partition stand in until they become a file: frames, each written and synced by one write.
 *
 * A frame is u32 bytes, u32 CRC-32, payload, big-endian. The first payload is the schema of the values as JSON. The others
 * are rows: i64 offset, i64 version, u32 revision, f64 timestamp, u8 deleted, u32 bytes of the id, the id in UTF-8, u32 bytes
 * of the value, the value in Avro.
 */
import { crc32 } from 'node:zlib';
import type { TargetRow } from '../target.ts';

const FRAME_HEAD = 8;
const ROW_HEAD = 8 + 8 + 4 + 8 + 1 + 4;

export interface LogRow extends Pick<TargetRow, 'id' | 'version' | 'revision' | 'timestamp' | 'offset'> {
  /** In Avro, by the log's schema; null when deleted. */
  bytes: Buffer | null;
}

export interface LogContents {
  schema: object;
  /** In order of their offsets. */
  rows: LogRow[];
}

function frameOf(parts: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32BE(payload.length, 0);
  head.writeUInt32BE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}

export const schemaFrame = (schema: object): Buffer => frameOf([Buffer.from(JSON.stringify(schema))]);

export const rowsFrame = (rows: readonly LogRow[]): Buffer =>
  frameOf(
    rows.flatMap(({ id, version, revision, timestamp, offset, bytes }) => {
      const text = Buffer.from(id);
      const head = Buffer.alloc(ROW_HEAD);
      head.writeBigInt64BE(BigInt(offset), 0);
      head.writeBigInt64BE(version, 8);
      head.writeUInt32BE(revision, 16);
      head.writeDoubleBE(timestamp, 20);
      head.writeUInt8(bytes === null ? 1 : 0, 28);
      head.writeUInt32BE(text.length, 29);
      const size = Buffer.alloc(4);
      size.writeUInt32BE(bytes?.length ?? 0);
      return [head, text, size, bytes ?? Buffer.alloc(0)];
    }),
  );

/** What stands in whole frames; a frame that a crash has cut short, and what follows it, was never answered for. */
export function readLog(log: Buffer): LogContents | undefined {
  let contents: LogContents | undefined;
  for (let at = 0; at + FRAME_HEAD <= log.length; ) {
    const end = at + FRAME_HEAD + log.readUInt32BE(at);
    if (end > log.length) break;
    const payload = log.subarray(at + FRAME_HEAD, end);
    if (crc32(payload) !== log.readUInt32BE(at + 4)) break;
    if (contents === undefined) contents = { schema: JSON.parse(payload.toString('utf8')), rows: [] };
    else readRows(payload, contents.rows);
    at = end;
  }
  return contents;
}

function readRows(payload: Buffer, into: LogRow[]): void {
  for (let at = 0; at < payload.length; ) {
    const idEnd = at + ROW_HEAD + payload.readUInt32BE(at + 29);
    const end = idEnd + 4 + payload.readUInt32BE(idEnd);
    into.push({
      offset: Number(payload.readBigInt64BE(at)),
      version: payload.readBigInt64BE(at + 8),
      revision: payload.readUInt32BE(at + 16),
      timestamp: payload.readDoubleBE(at + 20),
      id: payload.toString('utf8', at + ROW_HEAD, idEnd),
      bytes: payload.readUInt8(at + 28) === 1 ? null : payload.subarray(idEnd + 4, end),
    });
    at = end;
  }
}
