/** A registry and a PostgreSQL for a cluster on a laptop: one pod each, to be thrown away. Not for anything else. */
import type { Folder } from './kustomization.ts';
import type { Resource } from './resource.ts';

/** Under one label, so that their policies do not touch the flow's pods. */
const labelsOf = (name: string) => ({
  'app.kubernetes.io/part-of': 'quadrille-servers',
  'app.kubernetes.io/component': name,
});

export const SERVERS_SECRET = 'quadrille-servers';

interface Server {
  name: string;
  image: string;
  port: number;
  user: number;
  env: Readonly<Record<string, string>>;
  /** From the Secret of the servers. */
  secretEnv: Readonly<Record<string, string>>;
  writable: readonly string[];
  probe: object;
  memory: string;
  to: object[];
}

const POSTGRES: Server = {
  name: 'postgres',
  image: 'postgres:17',
  port: 5432,
  user: 999,
  env: { POSTGRES_USER: 'quadrille', PGDATA: '/var/lib/postgresql/data/pgdata' },
  secretEnv: { POSTGRES_PASSWORD: 'password' },
  writable: ['/var/lib/postgresql/data', '/var/run/postgresql', '/tmp'],
  probe: { exec: { command: ['pg_isready', '--username=quadrille', '--host=127.0.0.1'] } },
  memory: '512Mi',
  to: [],
};

const REGISTRY: Server = {
  name: 'registry',
  image: 'apicurio/apicurio-registry:3.3.3',
  port: 8080,
  user: 1001,
  env: {
    APICURIO_STORAGE_KIND: 'sql',
    APICURIO_STORAGE_SQL_KIND: 'postgresql',
    APICURIO_DATASOURCE_URL: 'jdbc:postgresql://postgres:5432/quadrille?currentSchema=public',
    APICURIO_DATASOURCE_USERNAME: 'quadrille',
    JAVA_OPTS_APPEND: '-Xmx256m',
  },
  secretEnv: { APICURIO_DATASOURCE_PASSWORD: 'password' },
  writable: ['/tmp'],
  probe: { httpGet: { path: '/health/ready', port: 9000 } },
  memory: '768Mi',
  to: [{ podSelector: { matchLabels: labelsOf('postgres') } }],
};

export function localServers(): Folder {
  const files = Object.fromEntries([POSTGRES, REGISTRY].map((server) => [`${server.name}.yaml`, resourcesOf(server)]));
  return {
    kustomization: {
      kind: 'Component',
      resources: Object.keys(files),
      secretGenerator: [{ name: SERVERS_SECRET, literals: ['password=for-local-use'] }],
    },
    files,
  };
}

function resourcesOf(server: Server): Resource[] {
  const labels = labelsOf(server.name);
  const metadata = { name: server.name, labels };
  const { port } = server;
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec(server) },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'main', port, targetPort: port }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: { matchLabels: labels },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port }] }],
        egress:
          server.to.length === 0
            ? []
            : [
                { to: server.to },
                {
                  ports: [
                    { protocol: 'UDP', port: 53 },
                    { protocol: 'TCP', port: 53 },
                  ],
                },
              ],
      },
    },
  ].map((resource) => ({ ...resource, metadata: { ...resource.metadata, labels: { ...labels } } })) as Resource[];
}

function podSpec(server: Server): object {
  const { user } = server;
  const volumes = server.writable.map((path, index) => ({ name: `writable-${index}`, path }));
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: server.name,
        image: server.image,
        env: [
          ...Object.entries(server.env).map(([name, value]) => ({ name, value })),
          ...Object.entries(server.secretEnv).map(([name, key]) => ({
            name,
            valueFrom: { secretKeyRef: { name: SERVERS_SECRET, key } },
          })),
        ],
        ports: [{ containerPort: server.port }],
        readinessProbe: { ...server.probe, periodSeconds: 5, timeoutSeconds: 5 },
        resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: server.memory } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: volumes.map(({ name, path }) => ({ name, mountPath: path })),
      },
    ],
    volumes: volumes.map(({ name }) => ({ name, emptyDir: {} })),
  };
}
