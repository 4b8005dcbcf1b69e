/** What would be sent to one station, while it is being planned. */
import { type Fault, partitionOf } from '@quadrille/record';
import type { Placed, PlannedProblem, StationPlan } from '../api/index.ts';
import type { PlannedItem, ReplayKind } from './rows.ts';

/** An item before the replay has a number. */
export interface DraftItem extends Omit<PlannedItem, 'seq' | 'revision'> {
  /** Of the record that is sent: what is sent has a higher one. */
  above: number;
}

const PROBLEMS_SHOWN = 100;

export class Draft {
  readonly flow: string;
  readonly station: string;
  readonly kind: ReplayKind;
  readonly destination: string;
  /** In the order they are sent. */
  items: DraftItem[] = [];
  formerOutputs = 0;
  orphans = 0;
  /** The first one, for when nothing at all can be sent. */
  fault: Fault | undefined;
  readonly #partitions: number;
  readonly #problems: PlannedProblem[] = [];
  #problemCount = 0;

  /** @param partitions of the destination. */
  constructor(flow: string, station: string, kind: ReplayKind, destination: string, partitions: number) {
    this.flow = flow;
    this.station = station;
    this.kind = kind;
    this.destination = destination;
    this.#partitions = partitions;
  }

  /**
   * Where a record goes: to the partition that it stood in, so that its key keeps its order; in a topic that it does not
   * come from, to that of its key.
   */
  partitionFor(from: Placed, key: Buffer | null): number {
    const elsewhere = this.kind === 'copy' && this.destination !== from.topic && key !== null;
    return elsewhere ? partitionOf(key, this.#partitions) : from.partition % this.#partitions;
  }

  /** Notes why a record cannot be sent. */
  refuse(deadLetter: string | null, at: Placed, fault: Fault): void {
    this.fault ??= fault;
    this.#problemCount++;
    if (this.#problems.length < PROBLEMS_SHOWN)
      this.#problems.push({ deadLetter, at, code: fault.code, message: fault.message });
  }

  plan(): StationPlan {
    const partitions = new Map<number, { partition: number; records: number; from: number; to: number }>();
    for (const { partition, from } of this.items) {
      const known = partitions.get(partition);
      if (known === undefined) {
        partitions.set(partition, { partition, records: 1, from: from.offset, to: from.offset });
        continue;
      }
      known.records++;
      known.from = Math.min(known.from, from.offset);
      known.to = Math.max(known.to, from.offset);
    }
    return {
      flow: this.flow,
      station: this.station,
      destination: this.destination,
      records: this.items.length,
      corrected: this.items.filter(({ correction }) => correction !== null).length,
      partitions: [...partitions.values()].sort((a, b) => a.partition - b.partition),
      problems: this.#problems,
      problemCount: this.#problemCount,
      formerOutputs: this.formerOutputs,
      orphans: this.orphans,
    };
  }
}
