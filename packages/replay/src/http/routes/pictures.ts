/** The whole picture: does everything add up, and which way did one record go. */
import { FlowReconciliation, ReconcileQuery, Trace, TraceQuery } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { type AnyRoute, route } from '../route.ts';

export const pictureRoutes = (backend: Backend): AnyRoute[] => [
  route({
    method: 'GET',
    url: '/v1/reconciliation',
    summary: 'The books of a flow, narrowed by station, topic and time, with its dead letters by state',
    role: 'view',
    query: ReconcileQuery,
    answer: FlowReconciliation,
    handle: ({ query }) => backend.reconcile(query),
  }),
  route({
    method: 'GET',
    url: '/v1/trace',
    summary: 'The whole way of a record, from its first topic to its row',
    role: 'view',
    query: TraceQuery,
    answer: Trace,
    handle: ({ query }) => backend.trace(query.flow, query.record),
  }),
];
