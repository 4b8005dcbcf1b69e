/** Who changed what, when and why. */
import { AuditEntry, AuditQuery, page } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { Mask } from '../mask.ts';
import { pageOf } from '../paging.ts';
import { type AnyRoute, route } from '../route.ts';
import type { Sensitivity } from '../sensitivity.ts';

export const auditRoutes = (backend: Backend, sensitivity: () => Sensitivity): AnyRoute[] => [
  route({
    method: 'GET',
    url: '/v1/audit',
    summary: 'Every changing call, the newest first',
    role: 'view',
    query: AuditQuery,
    answer: page(AuditEntry),
    handle: async ({ query, caller }) => {
      const found = await backend.audit({ ...query, ...pageOf(query) });
      if (caller.role !== 'view') return found;
      const mask = new Mask(sensitivity());
      return { ...found, items: found.items.map((entry) => mask.audit(entry)) };
    },
  }),
];
