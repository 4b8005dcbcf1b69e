/** What the service says of itself, and of who asks. */
import { ServiceStatus } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { type AnyRoute, route } from '../route.ts';

export const statusRoutes = (backend: Backend): AnyRoute[] => [
  route({
    method: 'GET',
    url: '/v1/status',
    summary: 'The service, its flows, and the role of the token',
    role: 'view',
    answer: ServiceStatus,
    handle: async ({ caller }) => ({ ...(await backend.status()), name: caller.name, role: caller.role }),
  }),
];
