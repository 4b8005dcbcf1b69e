/** Files of Kustomize. @see https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ */
import type { Resource } from './resource.ts';

/** A change to what `target` selects; each operation after RFC 6902, or a part of a resource that is merged in. */
export interface Patch {
  target: { kind?: string; name?: string; labelSelector?: string };
  patch: readonly JsonOperation[] | object;
}

export type JsonOperation = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string };

export interface Kustomization {
  kind: 'Kustomization' | 'Component';
  namespace?: string;
  resources?: readonly string[];
  components?: readonly string[];
  configMapGenerator?: readonly object[];
  secretGenerator?: readonly object[];
  patches?: readonly Patch[];
  images?: readonly { name: string; newName?: string; newTag: string }[];
  replicas?: readonly { name: string; count: number }[];
  configurations?: readonly string[];
}

const API_VERSION = { Kustomization: 'kustomize.config.k8s.io/v1beta1', Component: 'kustomize.config.k8s.io/v1alpha1' };

/** As its file says it: patches are texts there. @param text turns a patch into YAML */
export function kustomizationFile({ kind, patches, ...rest }: Kustomization, text: (value: unknown) => string): object {
  return {
    apiVersion: API_VERSION[kind],
    kind,
    ...rest,
    ...(patches === undefined ? {} : { patches: patches.map(({ target, patch }) => ({ target, patch: text(patch) })) }),
  };
}

/** A folder of the tree: its kustomization, and the resources of each of its files. */
export interface Folder {
  kustomization: Kustomization;
  files: Readonly<Record<string, readonly Resource[]>>;
}
