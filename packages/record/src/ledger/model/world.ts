/**
 * The model's Kafka: logs, one ledger, consumer groups with generations. Every method is one atomic step of the broker;
 * whether the caller hears of it is another matter. Besides what a broker knows, it keeps what only a god knows: which
 * attempt made each record, and which attempt each commit stands for.
 */
import { positionsTopic } from '../../names.ts';
import type { RecordOrigin } from '../classify.ts';
import type { LedgerEntry, LedgerPart, LedgerRef } from '../entry.ts';
import type { FlowShape } from '../reconciliation.ts';
import type { Rng } from './rng.ts';

export interface ModelRecord {
  topic: string;
  partition: number;
  offset: number;
  /** What its headers say; null: another system made it. */
  origin: RecordOrigin | null;
  /** Compacted away. */
  gone: boolean;
  /** God's: who made it. */
  madeBy: Attempt | null;
}

/** God's view of a part: one attempt at one interval of an input partition, whether it came to count or not. */
export interface Attempt {
  station: string;
  topic: string;
  partition: number;
  kind: 'work' | 'expired';
  from: number;
  to: number;
  commit: number;
  verdicts: Map<number, Judged>;
  /** The records that its settle was acknowledged with; copies of timed-out sends are not among them. */
  counted: Set<ModelRecord>;
  /** The attempt that its station went on from. */
  before: Attempt | null;
}

export interface Judged {
  verdict: 'pass' | 'drop' | 'reject';
  code: string;
  /** Where outputs or the dead letter go. */
  outputs: { topic: string; partition: number }[];
}

export interface Log {
  topic: string;
  partition: number;
  low: number;
  /** The record at each offset. */
  records: ModelRecord[];
  /** No attempt has ever read from here on: compaction keeps to it. */
  untouched: number;
}

export interface Commit {
  offset: number;
  metadata: string;
  /** God's: the attempt that ends here; undefined: another tool set the position. */
  attempt: Attempt | null | undefined;
}

export interface Group {
  generation: number;
  /** By partition. */
  assignment: Map<number, unknown>;
  /** By partition of the station's one input. */
  commits: Map<number, Commit>;
}

export interface WrittenEntry {
  entry: LedgerEntry;
  /** God's: the attempt behind each part. */
  attempts: Attempt[];
}

/** A defect that a world can be given: of a station, or of the broker. */
export type Mutation =
  | 'commit before settle'
  | 'zombie may commit'
  | 'offset skipped'
  | 'wrong interval'
  | 'verdict forgotten'
  | 'output forgotten'
  | 'unanswered send taken for done'
  | 'broker loses acknowledged records'
  | 'broker loses acknowledged entries';

export class World {
  readonly rng: Rng;
  readonly shape: FlowShape;
  readonly sparse: ReadonlySet<string>;
  readonly logs = new Map<string, Log[]>();
  readonly groups = new Map<string, Group>();
  /** One ledger partition: all that matters is that an entry has a position. */
  readonly ledger: (WrittenEntry | undefined)[] = [];
  /** How many raw items each shard of an extractor holds. */
  readonly source: ReadonlyMap<string, number[]>;
  readonly mutation: Mutation | undefined;
  /** God's: attempts that a defect has written down wrongly. */
  readonly damaged = new Set<Attempt>();
  /** How often a step may fail; 0 while draining. */
  trouble: number;
  /** What happened, for the statistics. */
  readonly seen = new Map<string, number>();
  clock = 0;
  draining = false;

  constructor(
    rng: Rng,
    shape: FlowShape,
    topics: Readonly<Record<string, number>>,
    sparse: ReadonlySet<string>,
    mutation?: Mutation,
  ) {
    this.rng = rng;
    this.shape = shape;
    this.source = new Map(
      shape.stations
        .filter((each) => each.from === undefined)
        .map(({ name }) => {
          const shards = topics[positionsTopic(shape.flow, name)] as number;
          return [name, Array.from({ length: shards }, () => rng.int(40))];
        }),
    );
    this.sparse = sparse;
    this.mutation = mutation;
    this.trouble = rng.pick([0, 0.02, 0.1]);
    for (const [topic, partitions] of Object.entries(topics)) {
      this.logs.set(
        topic,
        Array.from({ length: partitions }, (_, partition) => ({ topic, partition, low: 0, records: [], untouched: 0 })),
      );
    }
    for (const { name } of shape.stations)
      this.groups.set(name, { generation: 0, assignment: new Map(), commits: new Map() });
  }

  /** For what must happen some day: certain while draining. */
  chance(probability: number): boolean {
    return this.draining || this.rng.chance(probability);
  }

  note(what: string): void {
    if (this.draining) return;
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  log(topic: string, partition: number): Log {
    return this.logs.get(topic)?.[partition] as Log;
  }

  group(station: string): Group {
    return this.groups.get(station) as Group;
  }

  /** One partition of a produce request. @returns the records as appended; undefined: no answer, whether appended or not. */
  produce(
    topic: string,
    partition: number,
    made: readonly { origin: RecordOrigin | null; madeBy: Attempt | null }[],
  ): ModelRecord[] | undefined {
    const lost = this.rng.chance(this.trouble);
    if (lost && this.rng.chance(0.5)) return undefined;
    const { records } = this.log(topic, partition);
    const appended = made.map(({ origin, madeBy }, i) => ({
      topic,
      partition,
      offset: records.length + i,
      origin,
      madeBy,
      gone: false,
    }));
    records.push(...appended);
    if (lost) this.note('produce applied, answer lost');
    return lost ? undefined : appended;
  }

  /** @returns the position; undefined: no answer, whether appended or not. */
  writeLedger(entry: LedgerEntry, attempts: Attempt[]): LedgerRef | undefined {
    const lost = this.rng.chance(this.trouble);
    if (lost && this.rng.chance(0.5)) return undefined;
    this.ledger.push({ entry, attempts });
    if (lost) this.note('ledger entry applied, answer lost');
    return lost ? undefined : { partition: 0, offset: this.ledger.length - 1, part: 0 };
  }

  /** A member's commit. The broker refuses an old generation: that is what keeps a zombie's parts from ever counting. */
  commit(station: string, generation: number, partition: number, commit: Commit): 'done' | 'refused' | 'no answer' {
    const group = this.group(station);
    if (generation !== group.generation) {
      this.note('zombie commits');
      if (this.mutation !== 'zombie may commit') return 'refused';
    }
    const lost = this.rng.chance(this.trouble);
    if (lost && this.rng.chance(0.5)) return 'no answer';
    group.commits.set(partition, commit);
    if (lost) this.note('commit applied, answer lost');
    return lost ? 'no answer' : 'done';
  }

  /** The parts of a station's partition that stand in the ledger, and god's attempts behind them. */
  written(
    station: string,
    topic: string,
    partition: number,
  ): { ref: LedgerRef; at: number; part: LedgerPart; attempt: Attempt }[] {
    return this.ledger.flatMap((written, offset) =>
      written?.entry.station !== station
        ? []
        : written.entry.parts.flatMap((part, i) =>
            part.topic !== topic || part.partition !== partition
              ? []
              : [
                  {
                    ref: { partition: 0, offset, part: i },
                    at: written.entry.at,
                    part,
                    attempt: written.attempts[i] as Attempt,
                  },
                ],
          ),
    );
  }
}
