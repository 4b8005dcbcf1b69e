/** Dead letters as the API gives them. */
import Type, { type Static } from 'typebox';
import { Moment, Nullable, Place } from './basics.ts';

/** open → corrected → replaying → resolved, or open again; discarded, from any state but replaying, and back. */
export const LetterState = Type.Enum(['open', 'corrected', 'replaying', 'resolved', 'discarded']);
export type LetterState = Static<typeof LetterState>;

/** What a station further down made of a replayed record. */
export const Downstream = Type.Object({
  station: Type.String(),
  verdict: Type.Union([Type.Literal('pass'), Type.Literal('drop'), Type.Literal('reject'), Type.Literal('waiting')]),
  /** Of a drop or reject. */
  code: Nullable(Type.String()),
  /** Of a loader: written, unchanged, superseded, conflict. */
  outcome: Nullable(Type.String()),
  /** The dead letter it became there. */
  deadLetter: Nullable(Type.String()),
  at: Nullable(Place),
});
export type Downstream = Static<typeof Downstream>;

export const DeadLetter = Type.Object({
  /** 12 hex digits; the same for all attempts at one record. */
  id: Type.String(),
  /** Grows with every change; a correction names the one that it was made from. */
  edition: Type.Integer(),
  state: LetterState,
  flow: Type.String(),
  station: Type.String(),
  /** The data topic whose record failed; its dead letters stand in `dlq.<topic>`. */
  topic: Type.String(),
  recordId: Nullable(Type.String()),
  /** Source version, a 64-bit number as text. */
  version: Nullable(Type.String()),
  revision: Type.Integer(),
  code: Type.String(),
  class: Type.String(),
  field: Nullable(Type.String()),
  fingerprint: Type.String(),
  message: Type.String(),
  /** File and line, rule, and the like. */
  place: Nullable(Type.String()),
  attempts: Type.Integer(),
  first: Moment,
  last: Moment,
  /** Where its newest record stands in the dead-letter topic. */
  at: Place,
  /** Where the record stood first; of an extractor a place in its positions topic. */
  source: Place,
  key: Nullable(Type.String()),
  bytes: Type.Integer(),
  /** A correction waits to be sent. */
  corrected: Type.Boolean(),
  /** The replay it is in, or was in last. */
  replay: Nullable(Type.String()),
  /** Why it was resolved or discarded. */
  resolution: Nullable(
    Type.Object({
      verdict: Type.String(),
      code: Nullable(Type.String()),
      reason: Nullable(Type.String()),
      by: Nullable(Type.String()),
      at: Moment,
    }),
  ),
  downstream: Type.Array(Downstream),
});
export type DeadLetter = Static<typeof DeadLetter>;

export const Attempt = Type.Object({
  revision: Type.Integer(),
  at: Moment,
  code: Type.String(),
  field: Nullable(Type.String()),
  message: Type.String(),
  place: Nullable(Type.String()),
  replay: Nullable(Type.String()),
  letter: Place,
});
export const Correction = Type.Object({
  /** From 1. */
  number: Type.Integer(),
  by: Type.String(),
  at: Moment,
  reason: Type.String(),
  value: Type.Unknown(),
  /** The revision it was sent as; null while it waits. */
  revision: Nullable(Type.Integer()),
});
export const FieldValue = Type.Object({
  name: Type.String(),
  type: Type.String(),
  doc: Type.String(),
  sensitive: Type.Boolean(),
  value: Type.Unknown(),
});
/** A record of the same key, before or after. */
export const Neighbour = Type.Object({
  at: Place,
  time: Moment,
  recordId: Nullable(Type.String()),
  version: Nullable(Type.String()),
  revision: Nullable(Type.Integer()),
  verdict: Type.String(),
});

export const DeadLetterDetail = Type.Object({
  ...DeadLetter.properties,
  /** The value that a replay would send now, as JSON: the newest correction, else the original; null with `problem`. */
  value: Type.Unknown(),
  fields: Type.Array(FieldValue),
  schemaId: Nullable(Type.Integer()),
  /** The Avro schema that a correction must fit, as JSON; of an extractor's dead letter that of its output topic. */
  schema: Type.Unknown(),
  /** Why the bytes cannot be decoded. */
  problem: Nullable(Type.String()),
  /** The bytes as text where they could not be decoded; masked for role view. */
  text: Nullable(Type.String()),
  headers: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
  stack: Nullable(Type.String()),
  service: Nullable(Type.String()),
  history: Type.Array(Attempt),
  corrections: Type.Array(Correction),
  before: Type.Array(Neighbour),
  after: Type.Array(Neighbour),
  /** Fields that were masked for the asker's role. */
  masked: Type.Array(Type.String()),
});
export type DeadLetterDetail = Static<typeof DeadLetterDetail>;

export const DeadLetterGroup = Type.Object({
  fingerprint: Type.String(),
  flow: Type.String(),
  station: Type.String(),
  topic: Type.String(),
  code: Type.String(),
  class: Type.String(),
  field: Nullable(Type.String()),
  count: Type.Integer(),
  /** By state. */
  states: Type.Record(Type.String(), Type.Integer()),
  /** Largest number of attempts of one of them. */
  attempts: Type.Integer(),
  /** Failures an hour, the last 24 hours, the oldest first. */
  trend: Type.Array(Type.Integer()),
  first: Moment,
  last: Moment,
  /** Of the newest. */
  message: Type.String(),
});
export type DeadLetterGroup = Static<typeof DeadLetterGroup>;

/** With `values=true` the list carries what `dlq fix` and `dlq export` need. */
export const DeadLetterWithValue = Type.Object({
  ...DeadLetter.properties,
  value: Type.Unknown(),
  problem: Nullable(Type.String()),
  /** Of the schema that a correction must fit (`schema` of the dead letter itself); null where it is not known. */
  schemaId: Nullable(Type.Integer()),
  /** Original key, value and headers, base64; null for role view. */
  raw: Nullable(
    Type.Object({
      key: Nullable(Type.String()),
      value: Nullable(Type.String()),
      headers: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
    }),
  ),
});
export type DeadLetterWithValue = Static<typeof DeadLetterWithValue>;
