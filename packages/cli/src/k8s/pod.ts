/** What is the same in every pod: held to the restricted pod security standard, without rights in the cluster. */
import { allLabels, type Part } from './resource.ts';

/** The user of the images. */
const USER = 65_532;

/** @see https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted */
const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: USER,
  // So that files of secrets can be read by this user alone.
  fsGroup: USER,
  fsGroupChangePolicy: 'OnRootMismatch',
  seccompProfile: { type: 'RuntimeDefault' },
};

const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
};

export interface Mount {
  volume: { name: string; [source: string]: unknown };
  mountPath: string;
  subPath?: string;
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: object;
}

export interface PodOptions {
  /** Name of the image without registry and tag; an overlay's `images:` gives both. */
  image: string;
  args?: readonly string[];
  env: readonly EnvVar[];
  mounts: readonly Mount[];
  ports?: readonly { name: string; containerPort: number }[];
  probes?: object;
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  /** From SIGTERM until SIGKILL. */
  graceSeconds?: number;
  serviceAccount: string;
  restartPolicy?: 'OnFailure';
  /** Spread over nodes and zones: what a lost node takes with it is then a share. */
  spread?: Readonly<Record<string, string>>;
}

/** A pod's template with one container, named after its service. */
export function podTemplate(part: Part, options: PodOptions): object {
  const tmp: Mount = { volume: { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } }, mountPath: '/tmp' };
  const mounts = [...options.mounts, tmp];
  const volumes = new Map(mounts.map(({ volume }) => [volume.name, volume]));
  return {
    metadata: { labels: allLabels(part) },
    spec: {
      serviceAccountName: options.serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(options.restartPolicy === undefined ? {} : { restartPolicy: options.restartPolicy }),
      ...(options.graceSeconds === undefined ? {} : { terminationGracePeriodSeconds: options.graceSeconds }),
      securityContext: POD_SECURITY,
      ...(options.spread === undefined ? {} : { topologySpreadConstraints: spreadOver(options.spread) }),
      containers: [
        {
          name: part.service,
          image: options.image,
          imagePullPolicy: 'IfNotPresent',
          ...(options.args === undefined ? {} : { args: options.args }),
          env: options.env,
          ...(options.ports === undefined ? {} : { ports: options.ports }),
          ...options.probes,
          resources: options.resources,
          securityContext: CONTAINER_SECURITY,
          volumeMounts: mounts.map(({ volume, mountPath, subPath }) => ({
            name: volume.name,
            mountPath,
            ...(subPath === undefined ? {} : { subPath }),
            ...(volume.emptyDir === undefined ? { readOnly: true } : {}),
          })),
        },
      ],
      volumes: [...volumes.values()],
    },
  };
}

const spreadOver = (labels: Readonly<Record<string, string>>): object[] =>
  ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: labels },
    matchLabelKeys: ['pod-template-hash'],
  }));
