/** Where a station takes its rounds from: an input topic (TopicIntake), or an extractor's shards (ShardIntake). */
import type { InputRecord, LedgerRef } from '@quadrille/record';
import type { SettledSlice } from './ownership.ts';
import type { Round, Slice } from './round.ts';

export interface Lag {
  /** First offset not taken yet. */
  taken: number;
  /** High watermark, as last heard. */
  high: number;
  /** Timestamp of the oldest record that waits in memory, ms since the epoch; undefined when none waits. */
  oldest: number | undefined;
}

export interface Intake {
  /** Grows when ownership changes; a round of an older epoch must not be sent, written down or committed. */
  readonly epoch: number;
  /** No more rounds will be taken. */
  readonly draining: boolean;
  /** Whether unjudged records can be given back; an extractor reads on from chunk to chunk and cannot. */
  readonly canGiveBack: boolean;
  /** The next round, once anything is ready; undefined when the station stops. */
  take(): Promise<Round | undefined>;
  /** Gives unjudged records back, to be taken again from `notBefore` (performance.now()) on. */
  giveBack(epoch: number, slice: Slice, records: InputRecord[], notBefore: number): void;
  /** The part before the one that is about to be written for this partition. */
  previous(partition: number): LedgerRef | null;
  /**
   * Commits what the slices answer for, with the ledger positions of their parts.
   * @returns false when ownership has changed.
   * @throws Fault BROKER_UNAVAILABLE when the outcome is unknown; commit again.
   */
  commit(epoch: number, settled: readonly SettledSlice[]): Promise<boolean>;
  /** The partitions held now. */
  owned(): number[];
  /** Goes on after a loss that stands in the ledger at `ref`: commits `offset`; the next part begins at `from`. @throws Fault BROKER_UNAVAILABLE */
  accept(epoch: number, at: { partition: number; offset: number; from: number; ref: LedgerRef }): Promise<void>;
  /** How far behind this instance is, by partition. */
  lag(): Map<number, Lag>;
  /** Stops taking until `resume`; records stay where they are. */
  pause(): void;
  resume(): void;
  start(): Promise<void>;
  /** Makes `take` answer undefined; what was taken can still be committed. */
  drain(): void;
  /** Leaves the group. */
  stop(): Promise<void>;
}
