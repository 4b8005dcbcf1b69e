/** Corrections, discards, restores; the audit of every change. */
import Type, { type Static } from 'typebox';
import { ApiFault, Moment } from './basics.ts';
import { Selection } from './selection.ts';

export const CorrectionRequest = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          deadLetter: Type.String(),
          /** `edition` of the dead letter that the correction was made from; another one now stands: EDIT_CONFLICT. */
          edition: Type.Integer(),
          /** The corrected value as JSON, whole; checked against the schema. */
          value: Type.Unknown(),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
    reason: Type.Optional(Type.String({ maxLength: 1_000 })),
    execute: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type CorrectionRequest = Static<typeof CorrectionRequest>;
/** Each item stands for itself: those without a problem are accepted. */
export const CorrectionResult = Type.Object({
  accepted: Type.Integer(),
  /** The same correction stood there already. */
  unchanged: Type.Integer(),
  problems: Type.Array(Type.Object({ deadLetter: Type.String(), fault: ApiFault })),
});
export type CorrectionResult = Static<typeof CorrectionResult>;

/** Discards, or restores. */
export const SetAsideRequest = Type.Object(
  {
    selection: Selection,
    reason: Type.String({ minLength: 1, maxLength: 1_000 }),
    execute: Type.Optional(Type.Boolean()),
    /** Refused unless true when the selection names no condition. */
    all: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type SetAsideRequest = Static<typeof SetAsideRequest>;
export const SetAsideResult = Type.Object({
  /** Changed, or with execute false those that would be. */
  changed: Type.Integer(),
  /** Selected, but in a state that forbids it (being replayed). */
  refused: Type.Integer(),
});
export type SetAsideResult = Static<typeof SetAsideResult>;

export const AuditEntry = Type.Object({
  id: Type.String(),
  at: Moment,
  by: Type.String(),
  role: Type.String(),
  /** correct, discard, restore, replay, preview, cancel, … */
  action: Type.String(),
  reason: Type.String(),
  /** What was asked for, without payload. */
  plan: Type.Unknown(),
  result: Type.Unknown(),
  /** ok, or a fault's code. */
  outcome: Type.String(),
});
export type AuditEntry = Static<typeof AuditEntry>;
