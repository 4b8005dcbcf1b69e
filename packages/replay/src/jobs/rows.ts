/** Rows of replays and of their items as the database gives them, and as decisions carry them. */
import type { Downstream, ReplayItem, ReplayState } from '../api/index.ts';

export type ReplayKind = 'replay' | 'rerun' | 'preview' | 'copy';

/** Before the first send: by topic, end offset of each partition. */
export type BeginAt = Record<string, [partition: number, offset: number][]>;

/** What is decided of a replay once and for all: the body of a decision of kind `replay`. */
export interface PlannedReplay {
  id: string;
  /** In its flow, from 1. */
  number: number;
  kind: ReplayKind;
  flow: string;
  station: string;
  destination: string;
  records: number;
  rate: number | null;
  ramp: number[];
  stopAt: number;
  /** What was asked for, without payload. */
  request: unknown;
  reason: string;
  by: string;
  /** ISO-8601. */
  createdAt: string;
}

/** A record as it is planned; in decisions of kind `items` up to 500 of them. */
export interface PlannedItem {
  seq: number;
  deadLetter: string | null;
  recordId: string | null;
  from: { topic: string; partition: number; offset: number };
  /** null: a re-run of the record at `from`. */
  letter: { topic: string; partition: number; offset: number } | null;
  correction: number | null;
  revision: number;
  /** Of the destination. */
  partition: number;
  /** `[topic, partition, base64 key, id]` of each, as packFormer writes them. */
  former: unknown[] | null;
}

export interface ItemsBody {
  replay: string;
  items: PlannedItem[];
}

/** Every one says all that is known, since only the last one is kept. */
export interface StateBody {
  replay: string;
  state: ReplayState;
  /** ISO-8601. */
  at: string;
  fault: { code: string; message: string } | null;
  begin: BeginAt | null;
}

export interface ReplayRow {
  id: string;
  number: number;
  kind: ReplayKind;
  flow: string;
  station: string;
  destination: string;
  state: ReplayState;
  records: number;
  rate: number | null;
  ramp: number[];
  stop_at: number;
  reason: string;
  by_whom: string;
  created_at: Date;
  finished_at: Date | null;
  fault_code: string | null;
  fault_message: string | null;
  begin_at: BeginAt | null;
  settled: boolean;
}

export interface ItemRow {
  replay: string;
  seq: number;
  dead_letter: string | null;
  record_id: string | null;
  from_topic: string;
  from_partition: number;
  from_offset: number;
  letter_topic: string | null;
  letter_partition: number | null;
  letter_offset: number | null;
  correction: number | null;
  revision: number;
  partition: number;
  sent_offset: number | null;
  state: ReplayItem['state'];
  code: string | null;
  message: string | null;
  field: string | null;
  former: unknown[] | null;
  outputs: { topic: string; key: string | null; value: string | null }[] | null;
  downstream: Downstream[] | null;
  followed: boolean;
}

/** States in which nothing is sent any more. */
export const OVER: readonly ReplayState[] = ['cancelled', 'stopped', 'done'];
