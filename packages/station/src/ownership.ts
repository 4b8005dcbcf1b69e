/**
 * The partitions that an intake owns, each with its place in the ledger's chain: found at every assignment before anything
 * is taken, and committed as rounds are settled. The same for topics of records and for topics of positions.
 */
import { formatMark, type LedgerRef } from '@quadrille/record';
import type { ChainStart, Chains } from './chains.ts';
import { Member, type MemberOptions } from './kafka/member.ts';
import type { Kafka } from './kafka/types.ts';
import type { Log } from './log.ts';
import type { Slice } from './round.ts';

/** A partition for as long as it is owned. */
export interface OwnedLane {
  /** The last part of its chain. */
  prev: LedgerRef | null;
  /** First number not yet committed: where the next part must begin. */
  settled: number;
  /** Of the state that counts up to what is committed, of stations that keep one. */
  session?: string | undefined;
  /** Notes that a slice is committed, with the part that says so. */
  settle(slice: Slice, ref: LedgerRef): void;
}

/** A slice, the group's position behind it, and the part that says what became of it. */
export interface SettledSlice {
  slice: Slice;
  offset: number;
  ref: LedgerRef;
}

export interface OwnershipOptions<L> extends Omit<MemberOptions, 'onAssigned'> {
  chains: Chains;
  /** The topic holds positions, not records. */
  positions: boolean;
  log: Log;
  newLane(partition: number): L;
  onRebalance(): void;
  /** These are given up; others take their place. */
  onGivenUp(lanes: Iterable<L>): void;
  /** It is known where these partitions go on, or that they must not (`lost`). */
  onFound(starts: readonly ChainStart[]): void;
}

const AGAIN_MS = 500;

export class Ownership<L extends OwnedLane> {
  readonly lanes = new Map<number, L>();
  readonly member: Member;
  /** Nothing is taken any more. */
  draining = false;
  private readonly options: OwnershipOptions<L>;
  /** The epoch that the lanes belong to. */
  private lanesOf = -1;

  constructor(kafka: Kafka, options: OwnershipOptions<L>) {
    this.options = options;
    this.member = new Member(kafka, {
      ...options,
      onAssigned: (epoch, partitions) => {
        options.onRebalance();
        void this.assigned(epoch, partitions);
      },
    });
  }

  get epoch(): number {
    return this.member.epoch;
  }

  /**
   * The lanes are those of the present epoch. While the group is joined anew the broker still takes commits of the old
   * generation: a round that followed on one already void would leave a gap in the chain.
   */
  get isPresent(): boolean {
    return this.lanesOf === this.epoch;
  }

  private async assigned(epoch: number, partitions: number[]): Promise<void> {
    const { topic, chains, positions, log, newLane, onGivenUp, onFound } = this.options;
    onGivenUp(this.lanes.values());
    this.lanes.clear();
    this.lanesOf = epoch;
    for (const partition of partitions) this.lanes.set(partition, newLane(partition));
    while (epoch === this.epoch && !this.draining) {
      try {
        const starts = await chains.load(topic, partitions, positions);
        // A position from now on: what "now" was must survive a restart before the first record.
        const fresh = starts.filter((start) => start.fresh && start.lost === undefined);
        if (!(await this.mark(epoch, fresh))) return;
        onFound(starts);
        log.info({ topic, partitions, epoch }, 'partitions assigned');
        return;
      } catch (error) {
        log.warn({ topic, error: String(error) }, 'position not known yet, trying again');
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  /** Commits positions as they are, with their attempt counters. @returns false when ownership has changed. */
  async mark(
    epoch: number,
    at: readonly Pick<ChainStart, 'partition' | 'offset' | 'prev' | 'attempts' | 'session'>[],
  ): Promise<boolean> {
    if (at.length === 0) return epoch === this.epoch;
    const positions = at.map(({ partition, offset, prev, attempts, session }) => ({
      partition,
      offset,
      metadata: formatMark({ ref: prev, attempts, session }),
    }));
    return (await this.member.commit(epoch, positions)) && epoch === this.epoch;
  }

  /** See Intake. */
  async commit(epoch: number, settled: readonly SettledSlice[]): Promise<boolean> {
    // A void round is followed by none of its epoch (invariant 2).
    if (settled.some(({ slice }) => this.lanes.get(slice.partition)?.settled !== slice.from)) return false;
    const at = settled.map(({ slice: { partition, session }, offset, ref }) => ({
      partition,
      offset,
      prev: ref,
      attempts: 0,
      session,
    }));
    if (!(await this.mark(epoch, at))) return false;
    for (const { slice, ref } of settled) this.lanes.get(slice.partition)!.settle(slice, ref);
    return true;
  }

  /** See Intake. */
  async accept(
    epoch: number,
    { partition, offset, from, ref }: { partition: number; offset: number; from: number; ref: LedgerRef },
  ): Promise<void> {
    const lane = this.lanes.get(partition);
    const start: ChainStart = { partition, offset, from, prev: ref, attempts: 0, fresh: false, session: lane?.session };
    if (lane !== undefined && (await this.mark(epoch, [start]))) this.options.onFound([start]);
  }

  previous(partition: number): LedgerRef | null {
    return this.lanes.get(partition)?.prev ?? null;
  }

  owned(): number[] {
    return [...this.lanes.keys()];
  }
}
