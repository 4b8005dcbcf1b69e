/** What every flow's manifests must keep to, over what the API would take. Rules after the restricted pod security standard. */
import type { Manifest } from './schemas.ts';

interface Container {
  name: string;
  image: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: Json;
  livenessProbe?: Json;
  readinessProbe?: Json;
  startupProbe?: Json;
  ports?: { hostPort?: number }[];
  env?: { name: string; value?: string }[];
}
type Json = Record<string, unknown>;

interface Pod {
  /** `Deployment flights-qualify`. */
  of: string;
  manifest: Manifest;
  labels: Record<string, string>;
  spec: Json & { containers: Container[]; initContainers?: Container[]; volumes?: Json[] };
}

/** All findings of a set of manifests, in its order. */
export function policyFindings(manifests: readonly Manifest[]): string[] {
  const pods = podsOf(manifests);
  return [
    ...pods.flatMap((pod) => [...restricted(pod), ...runnable(pod), ...covered(pod, manifests)]),
    ...namespaces(manifests),
  ];
}

const podsOf = (manifests: readonly Manifest[]): Pod[] =>
  manifests.flatMap((manifest) => {
    const template = (manifest.spec?.template ?? undefined) as { metadata: { labels: never }; spec: never } | undefined;
    if (!['Deployment', 'Job', 'StatefulSet', 'DaemonSet'].includes(manifest.kind) || template === undefined) return [];
    return [
      {
        of: `${manifest.kind} ${manifest.metadata.name}`,
        manifest,
        labels: template.metadata.labels,
        spec: template.spec,
      },
    ];
  });

const containersOf = ({ spec }: Pod): Container[] => [...(spec.initContainers ?? []), ...spec.containers];

/** @see https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, baseline included */
function restricted(pod: Pod): string[] {
  const found: string[] = [];
  const say = (what: string): void => void found.push(`${pod.of}: ${what}`);
  const { spec } = pod;
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC', 'hostUsers'])
    if (spec[name] !== undefined) say(`${name} is set`);
  const allowed = [
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ];
  for (const { name, ...source } of spec.volumes ?? [])
    for (const type of Object.keys(source)) if (!allowed.includes(type)) say(`volume ${name} is of type ${type}`);
  const ofPod = (spec.securityContext ?? {}) as Json;
  for (const container of containersOf(pod)) {
    const own = (container.securityContext ?? {}) as Json;
    const both = { ...ofPod, ...own };
    const capabilities = (own.capabilities ?? {}) as { drop?: string[]; add?: string[] };
    const seccomp = (both.seccompProfile as { type?: string } | undefined)?.type;
    if (own.privileged === true) say(`${container.name} is privileged`);
    if (own.allowPrivilegeEscalation !== false) say(`${container.name} may gain privileges`);
    if (both.runAsNonRoot !== true || both.runAsUser === 0) say(`${container.name} may run as root`);
    if (typeof both.runAsUser !== 'number') say(`${container.name} has no numeric user`);
    if (own.readOnlyRootFilesystem !== true) say(`${container.name} may write to its root file system`);
    if (!capabilities.drop?.includes('ALL') || (capabilities.add ?? []).length > 0)
      say(`${container.name} keeps capabilities`);
    if (seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost') say(`${container.name} has no seccomp profile`);
    if (own.procMount !== undefined || own.seLinuxOptions !== undefined)
      say(`${container.name} changes what it may see`);
    if (container.ports?.some(({ hostPort }) => hostPort !== undefined))
      say(`${container.name} takes a port of its node`);
  }
  return found;
}

/** What makes it run, and not at the cost of others. */
function runnable(pod: Pod): string[] {
  const found: string[] = [];
  const say = (what: string): void => void found.push(`${pod.of}: ${what}`);
  if (pod.spec.automountServiceAccountToken !== false) say('has a token of the API server');
  for (const container of containersOf(pod)) {
    const tag = /:([^/:@]+)(@sha256:[0-9a-f]{64})?$/.exec(container.image)?.[1];
    if (tag === undefined || tag === 'latest') say(`the image ${container.image} has no fixed version`);
    for (const kind of ['requests', 'limits'] as const)
      for (const what of ['cpu', 'memory'])
        if (container.resources?.[kind]?.[what] === undefined) say(`${container.name} has no ${kind} of ${what}`);
    if (pod.manifest.kind !== 'Job' && container.readinessProbe === undefined)
      say(`${container.name} has no readiness probe`);
    if (ofFlow(pod) && pod.manifest.kind === 'Deployment')
      for (const probe of ['livenessProbe', 'startupProbe'] as const)
        if (container[probe] === undefined) say(`${container.name} has no ${probe}`);
    for (const { name, value } of container.env ?? [])
      if (/PASSWORD|TOKEN|SECRET|DATABASE_URL/.test(name) && !/_FILE$/.test(name) && value !== undefined)
        say(`${container.name} has a secret in ${name}`);
  }
  return found;
}

/** Other resources that a pod of a flow must not be without. */
function covered(pod: Pod, manifests: readonly Manifest[]): string[] {
  const found: string[] = [];
  const say = (what: string): void => void found.push(`${pod.of}: ${what}`);
  const select = (kind: string) =>
    manifests.filter(
      ({ kind: own, spec }) => own === kind && selects((spec?.selector ?? spec?.podSelector) as Selector, pod),
    );
  const policies = select('NetworkPolicy');
  for (const type of ['Ingress', 'Egress'])
    if (!policies.some(({ spec }) => (spec!.policyTypes as string[]).includes(type)))
      say(`no NetworkPolicy bounds its ${type}`);
  if (!ofFlow(pod) || pod.manifest.kind !== 'Deployment') return found;
  if (select('PodDisruptionBudget').length !== 1) say('has not one PodDisruptionBudget');
  const account = pod.spec.serviceAccountName;
  if (!manifests.some(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === account))
    say(`its ServiceAccount ${account} is not there`);
  if (typeof pod.spec.terminationGracePeriodSeconds !== 'number' || pod.spec.terminationGracePeriodSeconds <= 32)
    say('is killed before it has stopped by itself');
  if (pod.spec.topologySpreadConstraints === undefined) say('may stand on one node with all its like');
  return found;
}

interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

function selects(selector: Selector | undefined, { labels }: Pod): boolean {
  if (selector === undefined) return false;
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values }) =>
      operator === 'In' ? values!.includes(labels[key] ?? '') : !values!.includes(labels[key] ?? ''),
    )
  );
}

const ofFlow = ({ labels }: Pod): boolean => labels['app.kubernetes.io/part-of'] === 'quadrille';

const namespaces = (manifests: readonly Manifest[]): string[] =>
  manifests
    .filter(
      ({ kind, metadata }) =>
        kind === 'Namespace' && metadata.labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted',
    )
    .map(({ metadata }) => `Namespace ${metadata.name}: does not enforce the restricted standard`);
