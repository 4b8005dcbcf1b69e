/** ConfigMaps of a flow's files: immutable, and named by their content, so that a change rolls out like a new image. */
import type { FlowFiles } from './flow-files.ts';
import type { Mount } from './pod.ts';
import { allLabels, digestOf, type Part, type Resource } from './resource.ts';

/** Where the images keep the engine; rules of a flow below it find the engine's packages. */
const APP = '/app';

/** The folder of a flow in a container, and what the engine is told of it. */
export const flowFolder = (flow: string): string => `${APP}/flows/${flow}`;

export function flowConfigMap(part: Part, files: FlowFiles): Resource {
  const data = Object.fromEntries([...files].map(([path, text]) => [keyOf(path), text]));
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: `${part.flow}-${part.component}-flow-${digestOf(JSON.stringify(data))}`,
      labels: allLabels(part),
    },
    immutable: true,
    data,
  };
}

/**
 * Each file and folder by itself, so that a volume of data can stand beside them. What is mounted so never changes under
 * a running process.
 */
export function flowMounts(flow: string, configMap: Resource, files: FlowFiles): Mount[] {
  const items = [...files.keys()].map((path) => ({ key: keyOf(path), path }));
  const volume = { name: 'flow', configMap: { name: configMap.metadata.name, items } };
  const tops = new Set([...files.keys()].map((path) => path.split('/', 1)[0]!));
  return [...tops].map((top) => ({ volume, mountPath: `${flowFolder(flow)}/${top}`, subPath: top }));
}

/** Keys of a ConfigMap know no slash and few other characters. */
function keyOf(path: string): string {
  const key = path.replaceAll('/', '__');
  return /^[-._a-zA-Z0-9]{1,253}$/.test(key) ? key : `file-${digestOf(path)}`;
}
