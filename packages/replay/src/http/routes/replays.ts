/** Replays: planned or begun, watched, cancelled. */
import { Fault } from '@quadrille/record';
import Type from 'typebox';
import { ItemsQuery, page, Replay, ReplayAnswer, ReplayItem, ReplayRequest, ReplaysQuery } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { Mask } from '../mask.ts';
import { pageOf } from '../paging.ts';
import { type AnyRoute, allows, route } from '../route.ts';
import type { Sensitivity } from '../sensitivity.ts';

const ById = Type.Object({ id: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}-[0-9]{1,15}$' }) });
const CancelRequest = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 1_000 })) },
  { additionalProperties: false },
);

export const replayRoutes = (backend: Backend, sensitivity: () => Sensitivity): AnyRoute[] => [
  route({
    method: 'POST',
    url: '/v1/replays',
    summary: 'Plan a replay, or with execute begin it; to a whole topic needs role admin',
    role: 'operate',
    body: ReplayRequest,
    answer: ReplayAnswer,
    change: {
      action: ({ body }) => (body.execute !== true ? undefined : body.preview === true ? 'preview' : 'replay'),
      reason: ({ body }) => body.reason ?? '',
      plan: ({ body: { reason: _, execute: __, ...request } }) => request,
      result: ({ replays }: ReplayAnswer) => replays.map(({ id, station, records }) => ({ id, station, records })),
    },
    handle: async ({ caller, body }) => {
      if (body.to !== undefined && !allows(caller.role, 'admin'))
        throw new Fault('NOT_ALLOWED', `it is of role ${caller.role}, admin is needed to send to a whole topic`);
      return backend.replay(caller, body);
    },
  }),
  route({
    method: 'GET',
    url: '/v1/replays',
    summary: 'Replays, the newest first',
    role: 'view',
    query: ReplaysQuery,
    answer: page(Replay),
    handle: ({ query }) => backend.replays({ ...query, ...pageOf(query) }),
  }),
  route({
    method: 'GET',
    url: '/v1/replays/:id',
    summary: 'One replay: what it sent, and what became of it',
    role: 'view',
    params: ById,
    answer: Replay,
    handle: ({ params }) => backend.replayOf(params.id),
  }),
  route({
    method: 'GET',
    url: '/v1/replays/:id/items',
    summary: 'Its records in the order they are sent, each with its verdict',
    role: 'view',
    params: ById,
    query: ItemsQuery,
    answer: page(ReplayItem),
    handle: async ({ params, query, caller }) => {
      const found = await backend.items(params.id, { ...query, ...pageOf(query) });
      if (caller.role !== 'view') return found;
      const mask = new Mask(sensitivity());
      return { ...found, items: found.items.map((item) => mask.item(item)) };
    },
  }),
  route({
    method: 'POST',
    url: '/v1/replays/:id/cancel',
    summary: 'Send nothing more; what is sent gets its verdict, the rest stays as it was',
    role: 'operate',
    params: ById,
    body: CancelRequest,
    answer: Replay,
    change: {
      action: () => 'cancel',
      reason: ({ body }) => body.reason ?? '',
      plan: ({ params }) => ({ replay: params.id }),
      result: ({ id, state, sent }: Replay) => ({ id, state, sent }),
    },
    handle: ({ caller, params, body }) => backend.cancel(caller, params.id, body.reason ?? ''),
  }),
];
