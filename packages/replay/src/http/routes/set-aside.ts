/** Discards and restores. */
import { SetAsideRequest, SetAsideResult } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { type AnyRoute, route } from '../route.ts';

export const setAsideRoutes = (backend: Backend): AnyRoute[] => [
  setAside(
    '/v1/discards',
    'discard',
    'Set dead letters aside for good; without execute only count them',
    (caller, request) => backend.discard(caller, request),
  ),
  setAside('/v1/restores', 'restore', 'Take discards back; without execute only count them', (caller, request) =>
    backend.restore(caller, request),
  ),
];

const setAside = (url: string, action: string, summary: string, work: Backend['discard']): AnyRoute =>
  route({
    method: 'POST',
    url,
    summary,
    role: 'operate',
    body: SetAsideRequest,
    answer: SetAsideResult,
    change: {
      action: ({ body }) => (body.execute === true ? action : undefined),
      reason: ({ body }) => body.reason,
      plan: ({ body: { selection, all } }) => ({ selection, all: all === true }),
      result: (result: SetAsideResult) => result,
    },
    handle: ({ caller, body }) => work(caller, body),
  });
