/** A raw item of a source as a record of a round: its number on the chain stands for the offset. */
import type { RawItem } from '@quadrille/flow';
import { DELETED_HEADER, InputRecord, packHeader } from '@quadrille/record';

export class RawRecord extends InputRecord {
  readonly item: RawItem;
  constructor(topic: string, partition: number, offset: number, timestamp: number, item: RawItem) {
    super(topic, partition, offset, timestamp, null, 'bytes' in item ? item.bytes : null, undefined, undefined);
    this.item = item;
  }

  /**
   * With the bytes that go into its dead letter: as they stood in the source, or the fields as JSON. What it brings of its
   * own, and its version, are kept for when it is corrected.
   */
  asDeadLetter(version: bigint): InputRecord {
    const { topic, partition, offset, timestamp, item } = this;
    const bytes = 'bytes' in item ? item.bytes : Buffer.from(JSON.stringify(item.fields, asText));
    const from = { topic, partition, offset, index: 0 };
    const header = packHeader({ id: item.id ?? '', version, revision: 0, extractedAt: timestamp, from }, false);
    const key = item.key === undefined ? null : Buffer.from(item.key);
    const headers = 'deleted' in item && item.deleted === true ? { [DELETED_HEADER]: 'true' } : undefined;
    return new InputRecord(topic, partition, offset, timestamp, key, bytes, header, headers);
  }
}

/** Values that JSON lacks, as texts that are read as the type of their field again. */
function asText(this: unknown, name: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[name];
  if (typeof raw === 'bigint') return raw.toString();
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('hex');
  return value;
}
