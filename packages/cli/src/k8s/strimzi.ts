/** Topics and users of a flow as resources of Strimzi, and a cluster to hold them. @see https://strimzi.io/docs/operators/latest/configuring */
import type { Flow } from '@quadrille/flow';
import { type Acl, aclsOf, SERVICE_USERS, topicsOfFlow } from '@quadrille/station';
import { flowUser } from './flow-parts.ts';
import { KAFKA_CLUSTER } from './kafka-credentials.ts';
import type { Folder } from './kustomization.ts';
import { fitted, flowLabels, type Resource, resourceName } from './resource.ts';

const API = 'kafka.strimzi.io/v1';
/** Settings of a topic that outlives the loss of a broker. */
export const REPLICAS = { replicas: 3, minInSync: 2 } as const;

/** What holds records is not taken away because a file is gone from the tree: Argo CD and Flux keep it. */
const KEPT = {
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
};

const named = (flow: string, kind: string, name: string, kept: boolean) => ({
  apiVersion: API,
  kind,
  metadata: {
    name: fitted(name, 253),
    labels: { ...flowLabels(flow), 'strimzi.io/cluster': KAFKA_CLUSTER },
    ...(kept ? { annotations: KEPT } : {}),
  },
});

/** Every topic of `topicsOfFlow` with the settings that the ledger rests on, and with replicas. */
export const kafkaTopics = (flow: Flow): Resource[] =>
  topicsOfFlow(flow).map(({ topic, partitions, config }) => ({
    ...named(flow.name, 'KafkaTopic', topic, true),
    spec: {
      ...(fitted(topic, 253) === topic ? {} : { topicName: topic }),
      partitions,
      replicas: REPLICAS.replicas,
      config: { ...typed(config), 'min.insync.replicas': REPLICAS.minInSync },
    },
  }));

const typed = (config: Readonly<Record<string, string>>): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, /^-?\d+$/.test(value) ? Number(value) : value]),
  );

/** Every user of `aclsOf` with the rights that it names and no other; passwords are made by Strimzi. */
export function kafkaUsers(flow: Flow): Resource[] {
  const byUser = Map.groupBy(aclsOf(flow), ({ principal }) => principal.slice('User:'.length));
  const engine = new Set<string>(Object.values(SERVICE_USERS));
  return [...byUser].map(([user, acls]) => ({
    ...named(flow.name, 'KafkaUser', engine.has(user) ? flowUser(user, flow.name) : user, false),
    spec: {
      authentication: { type: 'scram-sha-512' },
      authorization: { type: 'simple', acls: acls.map(rule) },
    },
  }));
}

const rule = ({ resource: { type, name, pattern }, operations }: Acl) => ({
  type: 'allow',
  resource: { type, name, patternType: pattern === 'prefixed' ? 'prefix' : 'literal' },
  operations,
  host: '*',
});

export const strimzi = (flow: Flow): Folder => ({
  kustomization: {
    kind: 'Component',
    resources: ['topics.yaml', 'users.yaml'],
    // Its brokers, and no other address.
    patches: [
      {
        target: { kind: 'NetworkPolicy', name: resourceName(flow.name, 'to-kafka') },
        patch: [
          {
            op: 'replace',
            path: '/spec/egress',
            value: [
              {
                to: [
                  { podSelector: { matchLabels: { 'strimzi.io/cluster': KAFKA_CLUSTER, 'strimzi.io/kind': 'Kafka' } } },
                ],
                ports: [{ protocol: 'TCP', port: 9093 }],
              },
            ],
          },
        ],
      },
    ],
  },
  files: { 'topics.yaml': kafkaTopics(flow), 'users.yaml': kafkaUsers(flow) },
});

/** A cluster of Strimzi's default Kafka version: TLS, SCRAM-SHA-512, rights denied by default, nothing made by itself. */
export const strimziCluster = (): Folder => {
  const { replicas, minInSync } = REPLICAS;
  const kafka: Resource = {
    apiVersion: API,
    kind: 'Kafka',
    metadata: { name: KAFKA_CLUSTER, annotations: KEPT },
    spec: {
      kafka: {
        listeners: [
          { name: 'tls', port: 9093, type: 'internal', tls: true, authentication: { type: 'scram-sha-512' } },
        ],
        authorization: { type: 'simple' },
        config: {
          'auto.create.topics.enable': false,
          'default.replication.factor': replicas,
          'min.insync.replicas': minInSync,
          'offsets.topic.replication.factor': replicas,
          'transaction.state.log.replication.factor': replicas,
          'transaction.state.log.min.isr': minInSync,
          // A station that stood still for a month knows where it was.
          'offsets.retention.minutes': 43_200,
        },
      },
      entityOperator: { topicOperator: {}, userOperator: {} },
    },
  };
  const nodes: Resource = {
    apiVersion: API,
    kind: 'KafkaNodePool',
    metadata: { name: 'nodes', labels: { 'strimzi.io/cluster': KAFKA_CLUSTER }, annotations: KEPT },
    spec: {
      replicas,
      roles: ['controller', 'broker'],
      storage: {
        type: 'jbod',
        volumes: [{ id: 0, type: 'persistent-claim', size: '100Gi', deleteClaim: false, kraftMetadata: 'shared' }],
      },
      resources: { requests: { cpu: '500m', memory: '2Gi' }, limits: { cpu: '2', memory: '2Gi' } },
    },
  };
  return { kustomization: { kind: 'Component', resources: ['kafka.yaml'] }, files: { 'kafka.yaml': [kafka, nodes] } };
};
