/**
 * What is asked for in the query of a GET, and what the two calls answer that either plan or act.
 *
 *     GET  /v1/status                              ServiceStatus
 *     GET  /v1/groups?SelectionQuery               { items: DeadLetterGroup[] }
 *     GET  /v1/dead-letters?ListQuery              Page<DeadLetter>, with values=true Page<DeadLetterWithValue>
 *     GET  /v1/dead-letters/:id                    DeadLetterDetail
 *     POST /v1/corrections    CorrectionRequest    CorrectionResult
 *     POST /v1/discards       SetAsideRequest      SetAsideResult
 *     POST /v1/restores       SetAsideRequest      SetAsideResult
 *     POST /v1/replays        ReplayRequest        ReplayAnswer
 *     GET  /v1/replays?ReplaysQuery                Page<Replay>
 *     GET  /v1/replays/:id                         Replay
 *     GET  /v1/replays/:id/items?ItemsQuery        Page<ReplayItem>
 *     POST /v1/replays/:id/cancel                  Replay
 *     GET  /v1/reconciliation?ReconcileQuery       FlowReconciliation
 *     GET  /v1/trace?TraceQuery                    Trace
 *     GET  /v1/audit?AuditQuery                    Page<AuditEntry>
 *     GET  /live /ready /metrics /openapi.json     without a token from this machine
 */
import Type, { type Static } from 'typebox';
import { Moment, Nullable } from './basics.ts';
import { LetterState } from './dead-letter.ts';
import { Replay, ReplayItem, ReplayPlan, ReplayState } from './replay.ts';
import { Selection } from './selection.ts';

const { offsets: _offsets, limit: _limit, ...conditions } = Selection.properties;

/** A `Selection` as a query: `ids` and `states` may stand several times, offsets are `A-B`, both inclusive. */
export const SelectionQuery = Type.Object(
  {
    ...conditions,
    states: Type.Optional(Type.Array(LetterState)),
    offsets: Type.Optional(Type.String({ pattern: '^\\d{1,16}-\\d{1,16}$' })),
  },
  { additionalProperties: false },
);
export type SelectionQuery = Static<typeof SelectionQuery>;

const paging = {
  /** Of the page; 100 unless said. */
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
};

/** Newest first. */
export const ListQuery = Type.Object(
  { ...SelectionQuery.properties, ...paging, values: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);
export type ListQuery = Static<typeof ListQuery>;

/** Newest first. */
export const ReplaysQuery = Type.Object(
  {
    flow: Type.Optional(Type.String()),
    station: Type.Optional(Type.String()),
    states: Type.Optional(Type.Array(ReplayState)),
    ...paging,
  },
  { additionalProperties: false },
);
export type ReplaysQuery = Static<typeof ReplaysQuery>;

/** In the order they are sent. */
export const ItemsQuery = Type.Object(
  { states: Type.Optional(Type.Array(ReplayItem.properties.state)), ...paging },
  { additionalProperties: false },
);
export type ItemsQuery = Static<typeof ItemsQuery>;

export const ReconcileQuery = Type.Object(
  {
    flow: Type.String(),
    station: Type.Optional(Type.String()),
    topic: Type.Optional(Type.String()),
    since: Type.Optional(Moment),
    until: Type.Optional(Moment),
    /** Also reads what is claimed and holds it against the claims; takes as long as reading all topics. */
    audit: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type ReconcileQuery = Static<typeof ReconcileQuery>;

export const TraceQuery = Type.Object(
  { flow: Type.String(), record: Type.String({ minLength: 1, maxLength: 4_000 }) },
  { additionalProperties: false },
);
export type TraceQuery = Static<typeof TraceQuery>;

/** Newest first. */
export const AuditQuery = Type.Object(
  {
    by: Type.Optional(Type.String()),
    action: Type.Optional(Type.String()),
    since: Type.Optional(Moment),
    until: Type.Optional(Moment),
    ...paging,
  },
  { additionalProperties: false },
);
export type AuditQuery = Static<typeof AuditQuery>;

/** Without `execute` the plan, and no replays; with it the replays that were written down to be run. */
export const ReplayAnswer = Type.Object({ plan: Nullable(ReplayPlan), replays: Type.Array(Replay) });
export type ReplayAnswer = Static<typeof ReplayAnswer>;
