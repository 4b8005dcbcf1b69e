/** Deployments: one a station, one of the replay service. */
import { GRACE_MS } from '@quadrille/station';
import { type PodOptions, podTemplate } from './pod.ts';
import { allLabels, type Part, partLabels, type Resource, resourceName } from './resource.ts';

/** After the process's own limit for stopping, so that it is the process that ends itself. */
export const GRACE_SECONDS = Math.ceil(GRACE_MS / 1000) + 15;

/** How a new version takes over. */
export type Rollout = 'surge' | 'replace';

/**
 * `surge`: the new pod is ready, its lookups read, before an old one goes; a version that does not become ready takes
 * nothing down. `replace`: an old one goes first, so that there are never more instances than `replicas`.
 */
const STRATEGY: Record<Rollout, object> = {
  surge: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  replace: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
};

export function deployment(part: Part, rollout: Rollout, pod: PodOptions): Resource {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: resourceName(part.flow, part.component), labels: allLabels(part) },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 5,
      // Each pod that comes or goes stops the group for a moment: one after the other, and not at once.
      minReadySeconds: 10,
      progressDeadlineSeconds: 900,
      selector: { matchLabels: partLabels(part) },
      strategy: STRATEGY[rollout],
      template: podTemplate(part, { ...pod, graceSeconds: GRACE_SECONDS, spread: partLabels(part) }),
    },
  };
}
