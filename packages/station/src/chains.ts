/**
 * Where a station goes on: the committed position and, in its metadata, the last part of the ledger's chain. Where the
 * metadata is gone (another tool moved the position) the chain is found again in the ledger.
 */
import {
  Fault,
  findPart,
  LEDGER_TOPIC,
  type LedgerRef,
  type PlacedPart,
  parseMark,
  placeOf,
  type Resume,
  resume,
} from '@quadrille/record';
import type { Bounds, KafkaAdmin } from './kafka/admin.ts';
import { livePositions } from './live-positions.ts';

export interface ChainStart {
  partition: number;
  /** Group offset to go on from. */
  offset: number;
  /** Where the next part begins; other than `offset` for extractors only. */
  from: number;
  prev: LedgerRef | null;
  /** Attempts begun from here that settled nothing. */
  attempts: number;
  /** The session of the state that counts up to `offset`. */
  session?: string | undefined;
  /** The group has no position of ours here: commit this one before anything is sent. */
  fresh: boolean;
  /** Extractors: the offsets below `offset` that count, in the positions topic; undefined: all of them. */
  positions?: ReadonlySet<number> | undefined;
  /** Offsets that were never judged are gone: the partition must not go on until the loss is accepted. */
  lost?: Lost;
}

/** `at`: where the position had been, when the log now ends before it. */
export type Lost = Extract<Resume, { kind: 'lost' }> & { at?: number };

export interface ChainsOptions {
  admin: KafkaAdmin;
  group: string;
  start: 'earliest' | 'latest';
  /** All parts of this station on a topic, sorted by ledger position; slow, for when the metadata says nothing. */
  readParts(topic: string): Promise<PlacedPart[]>;
}

export class Chains {
  private readonly options: ChainsOptions;
  constructor(options: ChainsOptions) {
    this.options = options;
  }

  /**
   * @param positions the topic holds positions, not records: a part's offsets are raw items (extractors).
   * @throws when Kafka does not answer; call again.
   */
  async load(topic: string, partitions: readonly number[], positions = false): Promise<ChainStart[]> {
    const { admin, group, start } = this.options;
    const committed = await admin.committed(group, topic);
    const bounds = await admin.bounds(topic);
    let parts: PlacedPart[] | undefined;
    const starts: ChainStart[] = [];
    for (const partition of partitions) {
      const at = committed.find((each) => each.partition === partition);
      const mark = parseMark(at?.metadata);
      const { low, high } = bounds[partition]!;
      if (positions || at?.offset === undefined || mark === undefined) parts ??= await this.options.readParts(topic);
      const own = (parts ?? []).filter(({ part }) => part.partition === partition);
      const found = resume({ parts: own, committed: at?.offset, mark, low: positions ? undefined : low });
      if (found.kind === 'begin') {
        const offset = positions ? 0 : start === 'latest' ? high : low;
        starts.push({ partition, offset, from: offset, prev: null, attempts: 0, fresh: true });
      } else if (found.kind === 'lost') {
        const tip = found.prev === null ? undefined : findPart(own, found.prev);
        const offset = positions ? (tip?.part.commit ?? 0) : found.from;
        starts.push({
          partition,
          offset,
          from: found.from,
          prev: found.prev,
          attempts: 0,
          fresh: false,
          lost: found,
          session: mark?.session,
        });
      } else {
        const { offset, from, prev } = found;
        const attempts = found.kind === 'continue' ? found.attempts : 0;
        // The position of a station that had been removed stands in the ledger alone.
        const fresh = found.kind === 'rewound' || at?.offset === undefined;
        const session = found.kind === 'continue' ? mark?.session : undefined;
        const begin: ChainStart = { partition, offset, from, prev, attempts, fresh, session };
        if (positions) begin.positions = livePositions(own, prev);
        starts.push(
          offset > high ? { ...begin, lost: await this.truncated(topic, partition, offset, high, positions) } : begin,
        );
      }
    }
    return starts;
  }

  /**
   * The log ends before our position: the broker has lost records that had been judged, and gives their offsets anew.
   * Once that is accepted, work goes on from the last part that still stands.
   */
  private async truncated(
    topic: string,
    partition: number,
    offset: number,
    high: number,
    positions: boolean,
  ): Promise<Lost> {
    const parts = (await this.options.readParts(topic)).filter(({ part }) => part.partition === partition);
    const back = resume({ parts, committed: high, mark: undefined, low: positions ? undefined : 0 });
    const from = back.kind === 'rewound' ? back.from : 0;
    return {
      kind: 'lost',
      reason: 'skipped',
      from,
      to: from,
      prev: back.kind === 'rewound' ? back.prev : null,
      at: offset,
    };
  }

  /** Whether the record at `next` was taken away before it was judged. @throws when Kafka does not answer. */
  async lostAt(topic: string, partition: number, next: number): Promise<Fault | undefined> {
    const bounds: Bounds = (await this.options.admin.bounds(topic))[partition]!;
    if (next < bounds.low) return offsetsLost(topic, partition, next, bounds.low);
    return next > bounds.high ? offsetsLost(topic, partition, bounds.high, next) : undefined;
  }
}

export const offsetsLost = (topic: string, partition: number, from: number, to: number): Fault =>
  new Fault(
    'OFFSETS_LOST',
    from < to ? `offsets ${from} to ${to - 1}; see ${LEDGER_TOPIC}` : `the position at ${from}`,
    {
      place: placeOf(topic, partition, from),
    },
  );
