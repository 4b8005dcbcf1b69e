/** Overlays: a start for three kinds of clusters. From then on they are their owner's; `render` writes them only once. */
import { createHash } from 'node:crypto';
import type { Flow } from '@quadrille/flow';
import { secretsName, serversName, tokensSecret } from './connection.ts';
import { partsOf, partsWithSecrets, replayPart } from './flow-parts.ts';
import { KAFKA_CLUSTER } from './kafka-credentials.ts';
import { mostInstances, scaledStations } from './keda.ts';
import type { Folder, Kustomization, Patch } from './kustomization.ts';
import type { RenderOptions } from './options.ts';
import { fitted, type Resource, resourceName } from './resource.ts';

const NAMESPACE_LIMIT = 63;
const REGISTRY_URL = (host: string): string => `SCHEMA_REGISTRY_URL=http://${host}:8080/apis/ccompat/v7`;

/** Only what keeps to the restricted standard may run there. */
const namespaceOf = (name: string): Resource => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/warn': 'restricted',
      'pod-security.kubernetes.io/audit': 'restricted',
    },
  },
});

function overlay(flow: Flow, namespace: string, registryHost: string, rest: Omit<Kustomization, 'kind'>): Folder {
  const brokers = `KAFKA_BROKERS=${KAFKA_CLUSTER}-kafka-bootstrap.${namespace}.svc:9093`;
  return {
    kustomization: {
      kind: 'Kustomization',
      namespace,
      resources: ['../../base', 'namespace.yaml'],
      ...rest,
      configMapGenerator: [
        { name: serversName(flow.name), behavior: 'merge', literals: [brokers, REGISTRY_URL(registryHost)] },
      ],
    },
    files: { 'namespace.yaml': [namespaceOf(namespace)] },
  };
}

const components = (...names: readonly string[]): string[] => names.map((name) => `../../components/${name}`);

/** One broker, one of everything, registry and database beside it; images as they were built here. */
export function localOverlay(flow: Flow, { version }: RenderOptions): Folder {
  // Databases are the one beside it; what else a flow names must be given here.
  const literal = (name: string): string =>
    `${name}=${name === 'DATABASE_URL' ? 'postgres://quadrille:for-local-use@postgres:5432/quadrille' : 'to-be-set'}`;
  // Of the token `for-local-use`.
  const sha256 = createHash('sha256').update('for-local-use').digest('hex');
  const tokens = JSON.stringify([{ name: 'local', role: 'admin', sha256 }]);
  return overlay(flow, fitted(flow.name, NAMESPACE_LIMIT), 'registry', {
    components: components('kafka-credentials', 'strimzi', 'strimzi-cluster', 'local-servers'),
    secretGenerator: [
      ...partsWithSecrets(flow).map(({ component, variables }) => ({
        name: secretsName(flow.name, component),
        literals: variables.map(literal),
      })),
      { name: tokensSecret(flow.name), literals: [`tokens.json=${tokens}`] },
    ],
    patches: oneBroker(),
    images: servicesOf(flow).map((service) => ({ name: `quadrille/${service}`, newTag: version })),
  });
}

function oneBroker(): Patch[] {
  const one = (path: string) => ({ op: 'replace', path, value: 1 }) as const;
  const config = (name: string) => one(`/spec/kafka/config/${name}`);
  return [
    { target: { kind: 'KafkaTopic' }, patch: [one('/spec/replicas'), one('/spec/config/min.insync.replicas')] },
    {
      target: { kind: 'Kafka' },
      patch: [
        config('default.replication.factor'),
        config('min.insync.replicas'),
        config('offsets.topic.replication.factor'),
        config('transaction.state.log.replication.factor'),
        config('transaction.state.log.min.isr'),
      ],
    },
    {
      target: { kind: 'KafkaNodePool' },
      patch: [
        one('/spec/replicas'),
        { op: 'replace', path: '/spec/storage/volumes/0/size', value: '5Gi' },
        { op: 'replace', path: '/spec/resources/requests', value: { cpu: '250m', memory: '1Gi' } },
        { op: 'replace', path: '/spec/resources/limits', value: { cpu: '1', memory: '1Gi' } },
      ],
    },
  ];
}

const CLUSTER_COMPONENTS = [
  'kafka-credentials',
  'strimzi',
  'strimzi-cluster',
  'keda',
  'monitoring',
  'external-secrets',
];

/** Three brokers, scaled by lag from one instance each. */
export const stagingOverlay = (flow: Flow, options: RenderOptions): Folder =>
  overlay(flow, fitted(`${flow.name}-staging`, NAMESPACE_LIMIT), 'registry.registry.svc', {
    components: components(...CLUSTER_COMPONENTS),
    images: published(flow, options),
  });

/** Three brokers, two of everything that can be two, so that a lost node is a pause of seconds. */
export function productionOverlay(flow: Flow, options: RenderOptions): Folder {
  const atLeastTwo = scaledStations(flow).filter((station) => mostInstances(flow, station, options) >= 2);
  return overlay(flow, fitted(flow.name, NAMESPACE_LIMIT), 'registry.registry.svc', {
    components: components(...CLUSTER_COMPONENTS),
    patches: atLeastTwo.map(({ name }) => ({
      target: { kind: 'ScaledObject', name: resourceName(flow.name, name) },
      patch: [{ op: 'replace', path: '/spec/minReplicaCount', value: 2 }],
    })),
    replicas: [{ name: resourceName(flow.name, replayPart(flow).component), count: 2 }],
    images: published(flow, options),
  });
}

const servicesOf = (flow: Flow): string[] => [...new Set(partsOf(flow).map(({ service }) => service))].sort();

const published = (flow: Flow, { registry, version }: RenderOptions): Kustomization['images'] =>
  servicesOf(flow).map((service) => ({
    name: `quadrille/${service}`,
    newName: `${registry}/${service}`,
    newTag: version,
  }));
