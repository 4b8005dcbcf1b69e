/** Of each part one pod at a time leaves a node that is drained. With a single one this still lets the drain go on. */
import { allLabels, type Part, partLabels, type Resource, resourceName } from './resource.ts';

export const disruptionBudget = (part: Part): Resource => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: resourceName(part.flow, part.component), labels: allLabels(part) },
  spec: {
    maxUnavailable: 1,
    // A pod that is held has nothing to lose.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: partLabels(part) },
  },
});
