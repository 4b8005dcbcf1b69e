/** NetworkPolicies: nothing comes in or goes out of a flow's pods but what is named here. */
import { REPLAY_PORT, STATION_PORT } from './probes.ts';
import { flowLabels, type Part, partLabels, type Resource, resourceName } from './resource.ts';

/** Where the other ends listen; an overlay patches what differs. */
export const PORTS = { kafka: [9092, 9093], registry: [8080, 8081, 443] } as const;
/** Pods with this label may call the replay service; so do the namespaces of ingress that an overlay adds. */
export const CLIENT_LABEL = { 'quadrille/replay-client': 'true' } as const;

/** Pods with this label may call stations that are called; ingress needs a policy in an overlay. */
export const CALLER_LABEL = { 'quadrille/webhook-client': 'true' } as const;

const tcp = (...ports: readonly number[]): object[] => ports.map((port) => ({ protocol: 'TCP', port }));

function policy(flow: string, name: string, podSelector: object, rules: { ingress?: object[]; egress?: object[] }) {
  const policyTypes = [
    ...(rules.ingress === undefined ? [] : ['Ingress']),
    ...(rules.egress === undefined ? [] : ['Egress']),
  ];
  const resource: Resource = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: resourceName(flow, name), labels: flowLabels(flow) },
    spec: { podSelector, policyTypes, ...rules },
  };
  return resource;
}

/** All of a flow's pods, and only those: others in the namespace, as Strimzi's, have policies of their own. */
const ofFlow = (flow: string): object => ({ matchLabels: flowLabels(flow) });
const ofParts = (flow: string, components: readonly string[]): object => ({
  matchLabels: flowLabels(flow),
  matchExpressions: [{ key: 'app.kubernetes.io/component', operator: 'In', values: components }],
});

export const denyAll = (flow: string): Resource =>
  policy(flow, 'default-deny', ofFlow(flow), { ingress: [], egress: [] });

export const toDns = (flow: string): Resource =>
  policy(flow, 'to-dns', ofFlow(flow), {
    egress: [
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
    ],
  });

/** Every part reads or writes topics. Where brokers are is not known here: any address, their ports alone. */
export const toKafka = (flow: string): Resource =>
  policy(flow, 'to-kafka', ofFlow(flow), { egress: [{ ports: tcp(...PORTS.kafka) }] });

export const toRegistry = (flow: string): Resource =>
  policy(flow, 'to-registry', ofFlow(flow), { egress: [{ ports: tcp(...PORTS.registry) }] });

/** @param components those that reach this port, for databases and other servers of theirs. */
export const toOutside = (flow: string, port: number, components: readonly string[]): Resource =>
  policy(flow, `to-port-${port}`, ofParts(flow, components), { egress: [{ ports: tcp(port) }] });

/** Prometheus, from a namespace called `monitoring`. Probes come from the node, which policies let through. */
export const fromMonitoring = (flow: string): Resource =>
  policy(flow, 'from-monitoring', ofFlow(flow), {
    ingress: [
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        ports: tcp(STATION_PORT, REPLAY_PORT),
      },
    ],
  });

export const toReplayService = (part: Part): Resource =>
  policy(
    part.flow,
    'to-replay-service',
    { matchLabels: partLabels(part) },
    { ingress: [{ from: [{ podSelector: { matchLabels: CLIENT_LABEL } }], ports: tcp(REPLAY_PORT) }] },
  );

export const toCalled = (part: Part, port: number): Resource =>
  policy(
    part.flow,
    `calls-of-${part.component}`,
    { matchLabels: partLabels(part) },
    { ingress: [{ from: [{ podSelector: { matchLabels: CALLER_LABEL } }], ports: tcp(port) }] },
  );
