/** Which dead letters are meant. All conditions hold together; none means all. */
import Type, { type Static } from 'typebox';
import { Moment } from './basics.ts';
import { LetterState } from './dead-letter.ts';

export const Selection = Type.Object(
  {
    ids: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })),
    /** Beginning of an id, as it is typed by hand. */
    prefix: Type.Optional(Type.String({ pattern: '^[0-9a-f]{4,12}$' })),
    /** Record id, whole. */
    record: Type.Optional(Type.String()),
    flow: Type.Optional(Type.String()),
    station: Type.Optional(Type.String()),
    /** Data topic, or its dead-letter topic. */
    topic: Type.Optional(Type.String()),
    /** Fingerprint, or the beginning of one. */
    group: Type.Optional(Type.String({ pattern: '^[0-9a-f]{1,16}$' })),
    code: Type.Optional(Type.String()),
    key: Type.Optional(Type.String()),
    /** Offsets in the dead-letter topic, both inclusive. */
    offsets: Type.Optional(Type.Object({ from: Type.Integer({ minimum: 0 }), to: Type.Integer({ minimum: 0 }) })),
    partition: Type.Optional(Type.Integer({ minimum: 0 })),
    /** Of the last failure: at or after, before. */
    since: Type.Optional(Moment),
    until: Type.Optional(Moment),
    /** A SQL condition over the fields of the decoded value, `code`-free and sandboxed: `dest = 'SJU' and dep_delay > 60`. */
    where: Type.Optional(Type.String({ maxLength: 4_000 })),
    states: Type.Optional(Type.Array(LetterState)),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);
export type Selection = Static<typeof Selection>;

/** Records of a data topic, to be judged by one of the stations that read it once more. */
export const RecordSelection = Type.Object(
  {
    flow: Type.String(),
    station: Type.String(),
    partition: Type.Optional(Type.Integer({ minimum: 0 })),
    /** Both inclusive, in each partition named or in all. */
    offsets: Type.Optional(Type.Object({ from: Type.Integer({ minimum: 0 }), to: Type.Integer({ minimum: 0 }) })),
    /** Of the record's timestamp: at or after, before. */
    since: Type.Optional(Moment),
    until: Type.Optional(Moment),
    key: Type.Optional(Type.String()),
    where: Type.Optional(Type.String({ maxLength: 4_000 })),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);
export type RecordSelection = Static<typeof RecordSelection>;
