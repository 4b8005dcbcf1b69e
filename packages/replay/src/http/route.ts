/** A route as a row of a table: what it takes, who may call it, what it answers. The server and the OpenAPI document are made of it. */
import type { Static, TSchema } from 'typebox';
import type { Role } from '../api/index.ts';
import type { Caller } from '../model.ts';

export interface Call<Q, B, P> {
  query: Q;
  body: B;
  params: P;
  caller: Caller;
}

/** How a changing call stands in the audit. */
export interface Change<Q, B, P> {
  /** undefined: it changes nothing, since `execute` is not set. */
  action(call: Call<Q, B, P>): string | undefined;
  reason(call: Call<Q, B, P>): string;
  /** What was asked for, without payload. */
  plan(call: Call<Q, B, P>): unknown;
  result(answer: never): unknown;
}

type StaticOr<T extends TSchema | undefined> = T extends TSchema ? Static<T> : undefined;

export interface Route<
  Q extends TSchema | undefined = TSchema | undefined,
  B extends TSchema | undefined = TSchema | undefined,
  P extends TSchema | undefined = TSchema | undefined,
> {
  method: 'GET' | 'POST';
  /** Fastify's form: `/v1/replays/:id`. */
  url: string;
  /** One line for the OpenAPI document. */
  summary: string;
  /** The least that may call it. */
  role: Role;
  query?: Q;
  body?: B;
  params?: P;
  answer: TSchema;
  change?: Change<StaticOr<Q>, StaticOr<B>, StaticOr<P>>;
  handle(call: Call<StaticOr<Q>, StaticOr<B>, StaticOr<P>>): Promise<unknown>;
}

/** A route whose schemas have been checked against its handler, and need no longer be told apart. */
export type AnyRoute = Omit<Route, 'handle' | 'change'> & {
  change?: Change<unknown, unknown, unknown>;
  handle(call: Call<unknown, unknown, unknown>): Promise<unknown>;
};

export const route = <
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
  P extends TSchema | undefined = undefined,
>(
  route: Route<Q, B, P>,
): AnyRoute => route as unknown as AnyRoute;

const RANK: Readonly<Record<Role, number>> = { view: 0, operate: 1, admin: 2 };

/** admin may what operate may, operate what view may. */
export const allows = (role: Role, needed: Role): boolean => RANK[role] >= RANK[needed];
