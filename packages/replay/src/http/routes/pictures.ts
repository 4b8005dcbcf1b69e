/** The whole picture: does everything add up, and which way did one record go. */
import { Fault } from '@quadrille/record';
import { FlowReconciliation, ReconcileQuery, Trace, TraceQuery } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { type AnyRoute, route } from '../route.ts';
import type { Sensitivity } from '../sensitivity.ts';

export const pictureRoutes = (backend: Backend, sensitivity: () => Sensitivity): AnyRoute[] => [
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
    handle: async ({ query, caller }) => {
      // As with conditions over record ids: by asking often enough one could find out who is there.
      if (caller.role === 'view' && sensitivity().ids(query.flow))
        throw new Fault(
          'NOT_ALLOWED',
          'ids of this flow are sensitive: role operate is needed to look for a record by its id',
        );
      return backend.trace(query.flow, query.record);
    },
  }),
];
