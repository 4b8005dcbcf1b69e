/** Keeps an enricher's lookups in step with their reference topics, and knows when each one's first snapshot is whole. */
import type { Decoder } from '@quadrille/flow';
import { asFault, Fault, type InputRecord } from '@quadrille/record';
import type { Control } from './control.ts';
import type { KafkaAdmin } from './kafka/admin.ts';
import { inputRecord } from './kafka/batch-read.ts';
import { Follower } from './kafka/follower.ts';
import type { Kafka, KafkaMessage } from './kafka/types.ts';
import { type Log, placeFields } from './log.ts';

/** What the feed writes to: a table of one reference topic. */
export interface FedTable {
  topic: string;
  decoder: Decoder;
  /** Takes a newer version of a row, or its deletion; older ones change nothing. */
  apply(id: string, version: bigint, revision: number, value: Record<string, unknown> | null): void;
}

export interface LookupFeedOptions {
  name: string;
  tables: readonly FedTable[];
  admin: KafkaAdmin;
  control: Control;
  sessionTimeoutMs: number;
  log: Log;
  onDead(fault: Fault): void;
}

export class LookupFeed {
  private readonly follower: Follower;
  private readonly options: LookupFeedOptions;
  /** Topics whose first snapshot has been applied; stays true. */
  private readonly whole = new Set<string>();
  private stopping = false;

  constructor(kafka: Kafka, options: LookupFeedOptions) {
    this.options = options;
    this.follower = new Follower(kafka, {
      name: options.name,
      topics: options.tables.map(({ topic }) => topic),
      sessionTimeoutMs: options.sessionTimeoutMs,
      onRecords: (topic, partition, messages) => this.apply(topic, partition, messages),
      onDead: options.onDead,
    });
  }

  async start(): Promise<void> {
    await this.follower.start();
  }

  /** @throws Fault LOOKUP_UNAVAILABLE while a lookup's first snapshot is not complete and applied. */
  require(): void {
    for (const { topic } of this.options.tables) {
      if (this.whole.has(topic)) continue;
      const ends = this.options.control.snapshotEnds(topic);
      if (ends === undefined) throw new Fault('LOOKUP_UNAVAILABLE', `${topic} has no complete snapshot yet`);
      if (!this.follower.reached(topic, ends)) throw new Fault('LOOKUP_UNAVAILABLE', `${topic} is still being read`);
      this.whole.add(topic);
    }
  }

  /** Brings every lookup up to its topic's present end: before replays are judged. @throws Fault LOOKUP_UNAVAILABLE */
  async refresh(): Promise<void> {
    try {
      await this.follower.caughtUp(this.options.admin);
    } catch (error) {
      throw new Fault('LOOKUP_UNAVAILABLE', error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  private async apply(topic: string, partition: number, messages: KafkaMessage[]): Promise<void> {
    const tables = this.options.tables.filter((table) => table.topic === topic);
    for (const message of messages) {
      const record = inputRecord(topic, partition, message);
      for (const table of tables) await this.applyTo(table, record);
    }
  }

  /** A reference record that cannot be read is left out and said: what needs it will miss it, record by record. */
  private async applyTo(table: FedTable, record: InputRecord): Promise<void> {
    const { bytes } = record;
    while (!this.stopping) {
      try {
        if (bytes !== null && bytes.length >= 5 && bytes[0] === 0 && !table.decoder.isReady(bytes.readUInt32BE(1))) {
          await table.decoder.prepare(bytes.readUInt32BE(1));
        }
        const { id, version, revision } = record.envelope();
        table.apply(id, version, revision, bytes === null ? null : table.decoder.decode(bytes));
        return;
      } catch (error) {
        const fault = asFault(error, 'DECODE_FAILED');
        this.options.log.warn({ code: fault.code, ...placeFields(record.place) }, fault.message);
        if (fault.class !== 'dependency') return;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.follower.stop();
  }
}
