/** An identity of its own for every part, with no rights and no token: nothing here asks the API server. */
import { allLabels, type Part, type Resource, resourceName } from './resource.ts';

export const serviceAccount = (part: Part): Resource => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: resourceName(part.flow, part.component), labels: allLabels(part) },
  automountServiceAccountToken: false,
});
