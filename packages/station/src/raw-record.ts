/** A raw item of a source as a record of a round: its number on the chain stands for the offset. */
import type { RawItem } from '@quadrille/flow';
import { InputRecord, packHeader } from '@quadrille/record';

export class RawRecord extends InputRecord {
  readonly item: RawItem;
  constructor(topic: string, partition: number, offset: number, timestamp: number, item: RawItem) {
    super(topic, partition, offset, timestamp, null, 'bytes' in item ? item.bytes : null, undefined, undefined);
    this.item = item;
  }

  /**
   * With the bytes that go into its dead letter: as they stood in the source, or the fields as JSON. It has no id yet;
   * its version is kept for when it is corrected.
   */
  asDeadLetter(version: bigint): InputRecord {
    const { topic, partition, offset, timestamp, item } = this;
    const bytes = 'bytes' in item ? item.bytes : Buffer.from(JSON.stringify(item.fields));
    const from = { topic, partition, offset, index: 0 };
    const header = packHeader({ id: '', version, revision: 0, extractedAt: timestamp, from }, false);
    return new InputRecord(topic, partition, offset, timestamp, null, bytes, header, undefined);
  }
}
