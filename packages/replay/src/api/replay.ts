/** Replays: what is asked for, what is planned, what became of it. */
import Type, { type Static } from 'typebox';
import { Moment, Nullable, Place } from './basics.ts';
import { Downstream } from './dead-letter.ts';
import { RecordSelection, Selection } from './selection.ts';

export const ReplayRequest = Type.Object(
  {
    /** Exactly one of the two. */
    deadLetters: Type.Optional(Selection),
    records: Type.Optional(RecordSelection),
    /** To a whole topic, for others' consumers, instead of to the one station: nothing is resolved by it. */
    to: Type.Optional(Type.String()),
    /** A dry run through the station: verdicts, and nothing else. */
    preview: Type.Optional(Type.Boolean()),
    /** Records a second at most. */
    rate: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    /** Sizes of the first steps; each waits for the verdicts of the one before; then the rest. */
    ramp: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { maxItems: 20 })),
    /** Share of a step, or of the last 200, that may fail again before the job stops. Default 0.5; 1 never stops. */
    stopAt: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    reason: Type.Optional(Type.String({ maxLength: 1_000 })),
    /** Re-runs: go on although what was made before cannot be read any more. */
    allowOrphans: Type.Optional(Type.Boolean()),
    /** false: answer with the plan and do nothing. */
    execute: Type.Optional(Type.Boolean()),
    /** Refused unless true when the selection names no condition. */
    all: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type ReplayRequest = Static<typeof ReplayRequest>;

export const PlannedProblem = Type.Object({
  deadLetter: Nullable(Type.String()),
  at: Place,
  code: Type.String(),
  message: Type.String(),
});
export type PlannedProblem = Static<typeof PlannedProblem>;

/** What would be sent to one station. */
export const StationPlan = Type.Object({
  flow: Type.String(),
  station: Type.String(),
  /** The topic it is sent to. */
  destination: Type.String(),
  records: Type.Integer(),
  corrected: Type.Integer(),
  /** By partition of the destination: how many, and the lowest and highest offset of origin. */
  partitions: Type.Array(
    Type.Object({ partition: Type.Integer(), records: Type.Integer(), from: Type.Integer(), to: Type.Integer() }),
  ),
  /** Cannot be sent: value does not fit the schema, being replayed already, gone from the log. The first hundred. */
  problems: Type.Array(PlannedProblem),
  problemCount: Type.Integer(),
  /** Re-runs: outputs made before that can be compared, and records whose former outputs are gone. */
  formerOutputs: Type.Integer(),
  orphans: Type.Integer(),
});
export type StationPlan = Static<typeof StationPlan>;
export const ReplayPlan = Type.Object({
  stations: Type.Array(StationPlan),
  records: Type.Integer(),
  rate: Nullable(Type.Number()),
  ramp: Type.Array(Type.Integer()),
});
export type ReplayPlan = Static<typeof ReplayPlan>;

export const ReplayState = Type.Enum(['waiting', 'running', 'cancelling', 'cancelled', 'stopped', 'done']);
export type ReplayState = Static<typeof ReplayState>;

export const Replay = Type.Object({
  /** `<flow>-<number>`, e.g. `flights-7`. */
  id: Type.String(),
  kind: Type.Union([Type.Literal('replay'), Type.Literal('rerun'), Type.Literal('preview'), Type.Literal('copy')]),
  flow: Type.String(),
  station: Type.String(),
  destination: Type.String(),
  state: ReplayState,
  /** Revision of every record it sends: the replay's number in its flow. */
  revision: Type.Integer(),
  records: Type.Integer(),
  sent: Type.Integer(),
  /** Verdicts of the station. */
  passed: Type.Integer(),
  dropped: Type.Integer(),
  rejected: Type.Integer(),
  /** Not sent, because it was cancelled or stopped. */
  withdrawn: Type.Integer(),
  /** What became of the passed ones further down, e.g. `{ written: 12, superseded: 1, pending: 2 }`. */
  outcomes: Type.Record(Type.String(), Type.Integer()),
  rate: Nullable(Type.Number()),
  ramp: Type.Array(Type.Integer()),
  stopAt: Type.Number(),
  reason: Type.String(),
  by: Type.String(),
  created: Moment,
  finished: Nullable(Moment),
  /** Why it stopped. */
  fault: Nullable(Type.Object({ code: Type.String(), message: Type.String() })),
});
export type Replay = Static<typeof Replay>;

export const ReplayItem = Type.Object({
  seq: Type.Integer(),
  deadLetter: Nullable(Type.String()),
  recordId: Nullable(Type.String()),
  from: Place,
  /** Where it stands in the replay topic. */
  sent: Nullable(Place),
  state: Type.Enum(['waiting', 'sent', 'passed', 'dropped', 'rejected', 'withdrawn']),
  code: Nullable(Type.String()),
  message: Nullable(Type.String()),
  field: Nullable(Type.String()),
  downstream: Type.Array(Downstream),
  /** Previews: what the station would have sent on, decoded. Masked for role view. */
  outputs: Type.Array(Type.Object({ topic: Type.String(), key: Nullable(Type.String()), value: Type.Unknown() })),
});
export type ReplayItem = Static<typeof ReplayItem>;
