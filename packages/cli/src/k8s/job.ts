/** The Job that makes topics and registers schemas. Stations that come first end and are started again. */
import { type PodOptions, podTemplate } from './pod.ts';
import { allLabels, digestOf, type Part, type Resource, resourceName } from './resource.ts';

/** What a Job is made of cannot change: its name follows its content, and it goes away once it is done. */
export function provisioningJob(part: Part, version: string, pod: Omit<PodOptions, 'restartPolicy'>): Resource {
  const template = podTemplate(part, { ...pod, restartPolicy: 'OnFailure' });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: resourceName(part.flow, part.component, digestOf(`${version}\n${JSON.stringify(template)}`)),
      labels: allLabels(part),
    },
    spec: { backoffLimit: 10, activeDeadlineSeconds: 900, ttlSecondsAfterFinished: 600, template },
  };
}
