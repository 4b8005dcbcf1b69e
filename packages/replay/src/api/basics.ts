/** What all parts of the API are made of. */
import Type, { type Static, type TSchema } from 'typebox';

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** ISO-8601, UTC, milliseconds. */
export const Moment = Type.String({ format: 'date-time' });

/** A place in a topic. */
export const Place = Type.Object({ topic: Type.String(), partition: Type.Integer(), offset: Type.Integer() });
export type Placed = Static<typeof Place>;

/** A fault as the API answers with it: one of `errors`, HTTP status by code (http/status.ts). */
export const ApiFault = Type.Object({
  code: Type.String(),
  message: Type.String(),
  place: Type.Optional(Type.String()),
  field: Type.Optional(Type.String()),
  help: Type.String(),
});
export type ApiFault = Static<typeof ApiFault>;
/** All problems at once. */
export const ErrorBody = Type.Object({ errors: Type.Array(ApiFault) });
export type ErrorBody = Static<typeof ErrorBody>;

/** Lists go page by page: `cursor` of the answer goes into the next question; null at the end. */
export const page = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), cursor: Nullable(Type.String()) });
export interface Page<T> {
  items: T[];
  cursor: string | null;
}

export const Role = Type.Union([Type.Literal('view'), Type.Literal('operate'), Type.Literal('admin')]);
export type Role = Static<typeof Role>;
