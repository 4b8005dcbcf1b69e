/** Reconciliation, the way of a record, and the service itself. */
import Type, { type Static } from 'typebox';
import { Moment, Nullable, Place } from './basics.ts';

/** Counts of dead letters by state. */
export const LetterCounts = Type.Object({
  open: Type.Integer(),
  corrected: Type.Integer(),
  replaying: Type.Integer(),
  resolved: Type.Integer(),
  discarded: Type.Integer(),
});
export type LetterCounts = Static<typeof LetterCounts>;

/** `Reconciliation` of @quadrille/record, narrowed to what was asked for, with the dead letters beside it. */
export const FlowReconciliation = Type.Object({
  flow: Type.String(),
  at: Moment,
  balanced: Type.Boolean(),
  unaccounted: Type.Integer(),
  drained: Type.Boolean(),
  conflicts: Type.Integer(),
  stations: Type.Record(Type.String(), Type.Unknown()),
  edges: Type.Array(Type.Unknown()),
  ends: Type.Array(Type.Unknown()),
  findings: Type.Array(Type.Unknown()),
  deadLetters: LetterCounts,
});
export type FlowReconciliation = Static<typeof FlowReconciliation>;

/** One stop on a record's way, in order of time. */
export const TraceStep = Type.Object({
  kind: Type.Enum(['record', 'verdict', 'correction', 'replay', 'discard', 'restore', 'row']),
  at: Nullable(Moment),
  recordId: Type.String(),
  place: Nullable(Place),
  /** The record it was made from. */
  from: Nullable(Place),
  version: Nullable(Type.String()),
  revision: Nullable(Type.Integer()),
  station: Nullable(Type.String()),
  verdict: Nullable(Type.String()),
  code: Nullable(Type.String()),
  /** Of a loader, or of the row that stands in the target: written, unchanged, superseded, conflict; stands, deleted. */
  outcome: Nullable(Type.String()),
  deadLetter: Nullable(Type.String()),
  replay: Nullable(Type.String()),
  by: Nullable(Type.String()),
  reason: Nullable(Type.String()),
});
export type TraceStep = Static<typeof TraceStep>;
export const Trace = Type.Object({ recordId: Type.String(), flow: Type.String(), steps: Type.Array(TraceStep) });
export type Trace = Static<typeof Trace>;

export const ServiceStatus = Type.Object({
  version: Type.String(),
  instance: Type.String(),
  /** This instance follows topics and sends; the others wait to take over. */
  leading: Type.Boolean(),
  /** Everything that stood in the topics when last looked at has been taken in. */
  caughtUp: Type.Boolean(),
  /** Records not taken in yet. */
  behind: Type.Integer(),
  flows: Type.Array(
    Type.Object({
      name: Type.String(),
      stations: Type.Array(
        Type.Object({
          name: Type.String(),
          kind: Type.String(),
          from: Nullable(Type.String()),
          /** The topics it writes; none of a loader. */
          to: Type.Array(Type.String()),
        }),
      ),
    }),
  ),
  role: Type.String(),
  name: Type.String(),
});
export type ServiceStatus = Static<typeof ServiceStatus>;
